"""WP001: a label that asks for a waypoint which is absent, refuses, or is for other traffic."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ambimigrate.changes import SUBSET
from ambimigrate.checks import rule
from ambimigrate.kinds import Namespace, Service, ServiceEntry
from ambimigrate.model import Hit, Mesh, Resource
from ambimigrate.topology import attachment, hosts, injection, waypoints
from ambimigrate.topology.waypoints import Binding


@rule("WP001", Namespace, Service, ServiceEntry)
def check(holder: Resource[Any], mesh: Mesh) -> Iterator[Hit]:
    if waypoints.USE not in holder.body.metadata.labels or _is_early(holder, mesh):
        return
    if isinstance(holder.body, Namespace):
        found = waypoints.namespace_binding(mesh, holder)
    else:
        found = None if _is_headless(holder) else waypoints.binding(mesh, holder)
    if found is None or found.fault is None:
        return
    where = holder.at("metadata", "labels", waypoints.USE)
    yield Hit(where, f"{_consequence(mesh, holder, found)}: {found.fault}", _case(found))


def _is_early(holder: Resource[Any], mesh: Mesh) -> bool:
    """Whether convert made the Service for a subset of one that has no waypoint yet: nobody calls it before."""
    of = holder.body.metadata.annotations.get(SUBSET, "").partition("/")[0]
    service = mesh.find(Service, holder.namespace, of, holder.file) if of else None
    return service is not None and waypoints.binding(mesh, service) is None


def _is_headless(holder: Resource[Any]) -> bool:
    return isinstance(holder.body, Service) and hosts.is_headless(holder)


def _case(found: Binding) -> str:
    if found.gateway is None:
        return "absent"
    name = found.gateway.body.spec.gateway_class_name
    if name == attachment.AGENTGATEWAY:
        return "agentgateway"
    if name != waypoints.CLASS:
        return "class"
    return "refused" if "admit" in (found.fault or "") else "traffic"


def _consequence(mesh: Mesh, holder: Resource[Any], found: Binding) -> str:
    if isinstance(holder.body, Namespace):
        return f"fails open: no waypoint serves what is in namespace {holder.name}"
    namespace = injection.namespaces(mesh).get(holder.namespace)
    wide = waypoints.namespace_binding(mesh, namespace) if namespace else None
    if wide and wide.fault is None:
        return f"fails open: the label overrides waypoint {wide.name} of the namespace, and no waypoint serves {holder.name}"
    return f"fails open: no waypoint serves {holder.name}, its traffic goes straight to the pods"
