"""ReferenceGrants: which objects of another namespace the routes and listeners of a gateway may name.

Istio, pilot/pkg/config/kube/gateway/references_collection.go and conversion.go `buildDestination`, `buildTLS` (1.24 to master).
"""

from __future__ import annotations

from ambimigrate.kinds import ReferenceGrant
from ambimigrate.kinds.gatewayapi import GROUP, BackendObjectRef
from ambimigrate.model import Mesh


def backend_allowed(mesh: Mesh, route: tuple[str, str], ref: BackendObjectRef) -> bool:
    """Whether a route (kind, namespace) may send to the backend; what is no Service needs no grant of its namespace."""
    if ref.namespace in {None, route[1]} or (ref.group, ref.kind) != ("", "Service"):
        return True
    return is_allowed(mesh, route, ("Service", ref.namespace or "", ref.name))


def is_allowed(mesh: Mesh, origin: tuple[str, str], target: tuple[str, str, str]) -> bool:
    """Whether an object (kind, namespace) of the Gateway API may name a core object (kind, namespace, name)."""
    kind, namespace, name = target
    return any(
        any((each.group, each.kind, each.namespace) == (GROUP, *origin) for each in grant.body.spec.from_)
        and any(each.group == "" and each.kind == kind and each.name in {None, "", name} for each in grant.body.spec.to)
        for grant in mesh.of(ReferenceGrant)
        if grant.namespace == namespace
    )
