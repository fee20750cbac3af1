"""MC002: a control plane outside of the cluster."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ambimigrate.checks import rule
from ambimigrate.checks.platform import install
from ambimigrate.kinds import HelmValues, IstioOperator, Namespace, SailIstio
from ambimigrate.model import Hit, Mesh, Resource
from ambimigrate.topology.meshconfig import dig

_ANNOTATION = "topology.istio.io/controlPlaneClusters"
_ROUTES = (("global", "externalIstiod"), ("global", "remotePilotAddress"), ("istiodRemote", "enabled"))


@rule("MC002", HelmValues, IstioOperator, SailIstio, Namespace)
def check(resource: Resource[Any], mesh: Mesh) -> Iterator[Hit]:
    if isinstance(resource.body, Namespace):
        clusters = resource.body.metadata.annotations.get(_ANNOTATION)
        if clusters:
            yield Hit(resource.at("metadata", "annotations", _ANNOTATION), _words(f"{_ANNOTATION} {clusters}"))
        return
    values = install.helm(resource)
    found = next((route for route in _ROUTES if dig(values, route) not in (None, False, "", "false")), None)
    if found is not None:
        yield Hit(install.at(resource, *found), _words(".".join(found)))
    elif install.profile(resource) == "remote":
        yield Hit(
            install.at(resource, "profile") if isinstance(resource.body, HelmValues) else resource.at("spec", "profile"),
            _words("profile remote"),
        )


def _words(what: str) -> str:
    return f"{what}: the control plane lies in another cluster, from which ztunnel gets no policies in ambient mode"
