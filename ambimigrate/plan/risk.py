"""How much is at stake when a namespace moves: those with least move first (pitfalls.md 11.2)."""

from __future__ import annotations

from collections.abc import Collection

from ambimigrate.kinds import Service, StatefulSet
from ambimigrate.model import Mesh, Resource
from ambimigrate.topology import callbacks, ingress
from ambimigrate.topology.workloads import in_namespace

LOW, USUAL, HIGH = 0, 1, 2
_ENTERED = frozenset({"LoadBalancer", "NodePort"})


def risk(mesh: Mesh, namespace: str, judged: Collection[str]) -> int:
    """High with state, callers from outside or the API server as caller; low where ztunnel does all that sidecars did."""
    if any(isinstance(each.resource.body, StatefulSet) for each in in_namespace(mesh, namespace)):
        return HIGH
    if namespace in mesh.index(_called_back) or any(_is_entered(mesh, each) for each in mesh.within(Service, namespace)):
        return HIGH
    return USUAL if namespace in judged else LOW


def _is_entered(mesh: Mesh, service: Resource[Service]) -> bool:
    return service.body.spec.type in _ENTERED or bool(ingress.to(mesh, service))


def _called_back(mesh: Mesh) -> frozenset[str]:
    return frozenset(reference.namespace for _, reference in callbacks.references(mesh))
