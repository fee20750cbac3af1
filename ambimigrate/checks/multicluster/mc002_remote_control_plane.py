"""MC002: a control plane outside of the cluster."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ambimigrate.checks import rule
from ambimigrate.checks.platform import install
from ambimigrate.checks.pods import listed
from ambimigrate.kinds import EndpointSlice, HelmValues, IstioOperator, Namespace, SailIstio
from ambimigrate.model import Hit, Mesh, Resource
from ambimigrate.topology import meshconfig
from ambimigrate.topology.meshconfig import dig

_SERVICE = "kubernetes.io/service-name"
_ANNOTATION = "topology.istio.io/controlPlaneClusters"
_ROUTES = (("global", "externalIstiod"), ("global", "remotePilotAddress"), ("istiodRemote", "enabled"))


@rule("MC002", HelmValues, IstioOperator, SailIstio, Namespace, EndpointSlice)
def check(resource: Resource[Any], mesh: Mesh) -> Iterator[Hit]:
    if isinstance(resource.body, EndpointSlice):
        addresses = [text for each in resource.body.endpoints for text in each.addresses if each.target_ref.kind != "Pod"]
        if _is_of_istiod(resource, mesh) and addresses:
            yield Hit(resource.at("endpoints"), _words(f"Service istiod leads to {listed(addresses)}"))
        return
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


def _is_of_istiod(found: Resource[EndpointSlice], mesh: Mesh) -> bool:
    """Whether the endpoints are a control plane's, and none runs here."""
    name = found.body.metadata.labels.get(_SERVICE, "")
    named = found.namespace == meshconfig.root_namespace(mesh) and (name == "istiod" or name.startswith("istiod-"))
    return named and not any(install.istiods(mesh))


def _words(what: str) -> str:
    return f"{what}: the control plane lies in another cluster, from which ztunnel gets no policies in ambient mode"
