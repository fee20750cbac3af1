"""CT012: restarts that a controller takes back, since it owns the template into which kubectl writes them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ambimigrate.checks import rule
from ambimigrate.checks.pods import listed
from ambimigrate.kinds import Namespace
from ambimigrate.model import Hit, Mesh, Resource
from ambimigrate.topology import injection
from ambimigrate.topology.workloads import in_namespace

_FLUX = ("kustomize.toolkit.fluxcd.io/name", "helm.toolkit.fluxcd.io/name")
_RESTARTED = frozenset({"Deployment", "StatefulSet", "DaemonSet"})


@rule("CT012", Namespace)
def check(namespace: Resource[Namespace], mesh: Mesh) -> Iterator[Hit]:
    if injection.mode(mesh, namespace.name) not in {injection.SIDECAR, injection.MIXED}:
        return
    own = [each.resource for each in in_namespace(mesh, namespace.name) if each.resource.kind in _RESTARTED]
    flux = [each for each in own if _FLUX[0] in each.body.metadata.labels]
    if flux:
        said = "Flux's kustomize-controller applies the template of"
        yield Hit(
            namespace.at("metadata"), f"{said} {_names(flux)}: it may take the annotation of a restart away again", "flux"
        )
    owned = [each for each in own if each.body.metadata.owner_references]
    if owned:
        owner = owned[0].body.metadata.owner_references[0]
        said = f"{owner.kind} {owner.name} owns the template of {_names(owned)}"
        yield Hit(namespace.at("metadata"), f"{said}: its controller may undo a restart, or do it twice", "owner")


def _names(resources: list[Resource[Any]]) -> str:
    return listed(str(each.ref).replace(f"{each.namespace}/", "") for each in resources)
