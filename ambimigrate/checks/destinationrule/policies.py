"""The traffic policies of a DestinationRule with their places, and what the rule is about."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ambimigrate.kinds import DestinationRule
from ambimigrate.kinds.traffic import PortTrafficPolicy, TrafficPolicy
from ambimigrate.model import Mesh, Resource, Route, grouped
from ambimigrate.topology import ingress, meshconfig, reach

Policy = TrafficPolicy | PortTrafficPolicy


def parts(dr: DestinationRule) -> Iterator[tuple[Route, Policy]]:
    """Every traffic policy: of the rule, of its ports, of its subsets and their ports."""
    yield from _of(("spec", "trafficPolicy"), dr.spec.traffic_policy)
    for number, subset in enumerate(dr.spec.subsets):
        yield from _of(("spec", "subsets", number, "trafficPolicy"), subset.traffic_policy)


def _of(route: Route, policy: TrafficPolicy | None) -> Iterator[tuple[Route, Policy]]:
    if policy is not None:
        yield route, policy
        for number, port in enumerate(policy.port_level_settings):
            yield (*route, "portLevelSettings", number), port


def subjects(mesh: Mesh, dr: Resource[DestinationRule]) -> tuple[Resource[Any], ...]:
    """The Services and ServiceEntries of the host that callers in the mesh use; none if the rule is for gateway pods only."""
    selector = dr.body.spec.workload_selector
    if selector and ingress.is_selected(mesh, dr.namespace, selector.match_labels):
        return ()
    if not is_wild(dr):
        return _of_host(mesh, dr)
    return mesh.once(_of_host, dr, dr.body.spec.host)


def _of_host(mesh: Mesh, dr: Resource[DestinationRule]) -> tuple[Resource[Any], ...]:
    found = reach.called(mesh, dr.body.spec.host, dr)
    return tuple(each for each in found if each.kind != "Service" or not ingress.is_gateway(mesh, each))


def read_subjects(mesh: Mesh, dr: Resource[DestinationRule]) -> tuple[Resource[Any], ...]:
    """Those of its subjects whose waypoint looks for it in its namespace."""
    found = subjects(mesh, dr)
    if not is_wild(dr) or not dr.namespace or dr.namespace == meshconfig.root_namespace(mesh):
        return tuple(each for each in found if is_read(mesh, dr.namespace, each))
    ours = mesh.once(_by_reader, dr, dr.body.spec.host) if found else {}
    return (*ours.get(dr.namespace, ()), *(each for each in ours.get("", ()) if not each.namespace))


def _by_reader(mesh: Mesh, dr: Resource[DestinationRule]) -> dict[str, tuple[Resource[Any], ...]]:
    """The subjects of a wildcard by the namespaces in which their waypoints look."""
    found = subjects(mesh, dr)
    return grouped((space, each) for each in found for space in {reach.waypoint_namespace(mesh, each), each.namespace})


def is_read(mesh: Mesh, namespace: str, target: Resource[Any]) -> bool:
    """Whether the target's waypoint looks for DestinationRules in the namespace (Istio, push_context.go `destinationRule`)."""
    looked = {reach.waypoint_namespace(mesh, target), target.namespace, meshconfig.root_namespace(mesh)}
    return namespace in looked or not (namespace and target.namespace)


def is_wild(dr: Resource[DestinationRule]) -> bool:
    return dr.body.spec.host.startswith("*")


def named(found: tuple[Resource[Any], ...] | list[Resource[Any]]) -> str:
    return reach.listed(each.name for each in found)
