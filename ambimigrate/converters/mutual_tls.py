"""Istio mTLS written out in DestinationRules: it goes where callers choose it by themselves."""

from __future__ import annotations

from collections.abc import Iterator

from ambimigrate.changes import Change, Delete, Edit, Held, Stage
from ambimigrate.converters.outcome import Outcome, Refused, held, written
from ambimigrate.kinds import DestinationRule, Service
from ambimigrate.kinds.traffic import PortTrafficPolicy, TrafficPolicy
from ambimigrate.model import Mesh, Resource, Route
from ambimigrate.topology import hosts, injection, meshconfig, reach
from ambimigrate.topology.workloads import behind
from ambimigrate.versions import at_least

DROPPED, KEPT = "DR950", "DR951"
_REPLACED = "1.25.1"  # from here on HBONE takes the place of a written ISTIO_MUTUAL (istio, networking/core cluster_tls.go)
_ONLY_MODE = {"mode"}


def convert(mesh: Mesh, namespace: str) -> Outcome:
    """The edits of the namespace's rules, and those that have to stay."""
    changes: list[Change] = []
    refusals: list[Held] = []
    for dr in mesh.within(DestinationRule, namespace):
        routes = tuple(_routes(dr))
        if not routes or not _concerns(mesh, dr):
            continue
        try:
            edits = tuple(_edits(mesh, dr, routes))
            changes.append(Change(Stage.prepare, namespace, mesh.name, dr.ref, edits, dr, (DROPPED,), (dr.at(*routes[0]),)))
        except Refused as refused:
            if _breaks(mesh, dr):
                refusals.append(held(mesh, dr, KEPT, refused))
    return Outcome(tuple(changes), tuple(refusals))


def is_all(mesh: Mesh, dr: Resource[DestinationRule]) -> bool:
    """Whether Istio mTLS that goes is all that the rule's policy says."""
    routes = tuple(_routes(dr))
    if routes != (("spec", "trafficPolicy", "tls"),) or not _concerns(mesh, dr):
        return False
    try:
        return bool(tuple(_edits(mesh, dr, routes))) and set(_written(dr, routes[0][:-1])) == {"tls"}
    except Refused:
        return False


def _routes(dr: Resource[DestinationRule]) -> Iterator[Route]:
    """Where the rule writes Istio mTLS out: for the host, its ports, its subsets and their ports."""
    yield from _of(("spec", "trafficPolicy"), dr.body.spec.traffic_policy)
    for i, subset in enumerate(dr.body.spec.subsets):
        yield from _of(("spec", "subsets", i, "trafficPolicy"), subset.traffic_policy)


def _of(route: Route, policy: TrafficPolicy | None) -> Iterator[Route]:
    parts: list[tuple[Route, TrafficPolicy | PortTrafficPolicy]] = [(route, policy)] if policy else []
    parts += [((*route, "portLevelSettings", i), each) for i, each in enumerate(policy.port_level_settings if policy else ())]
    yield from ((*where, "tls") for where, each in parts if each.tls is not None and each.tls.mode == "ISTIO_MUTUAL")


def _concerns(mesh: Mesh, dr: Resource[DestinationRule]) -> bool:
    """Whether callers of the mesh use it for Services that have sidecars today."""
    found = reach.called(mesh, dr.body.spec.host, dr)
    return any(isinstance(each.body, Service) and injection.is_meshed(mesh, each.namespace) for each in found)


def _breaks(mesh: Mesh, dr: Resource[DestinationRule]) -> bool:
    """Whether calls of sidecars to ambient pods fail by it: on old releases, and to headless Services on all."""
    found = reach.called(mesh, dr.body.spec.host, dr)
    headless = any(isinstance(each.body, Service) and hosts.is_headless(each) for each in found)
    return headless or not at_least(mesh.target.istio, _REPLACED)


def _edits(mesh: Mesh, dr: Resource[DestinationRule], routes: tuple[Route, ...]) -> Iterator[Edit]:
    """Auto mTLS chooses the same for pods with a sidecar. Raises Refused where it is off or would choose otherwise."""
    if any(each.value is False for each in meshconfig.settings(mesh, "enableAutoMtls")):
        raise Refused("auto", routes[0], "enableAutoMtls is off, so without it sidecars would send plain text")
    if _is_layered(mesh, dr, routes):
        raise Refused("layers", routes[0], "a wider setting or rule says something else about TLS, which would hold instead")
    if found := _without_sidecar(mesh, dr):
        reason = f"calls to {found}, which has no sidecar, fail by it today and would go out in plain text"
        raise Refused("plain", routes[0], reason, f"a call to {found}: refused today, then in plain text")
    for route in reversed(routes):
        tls = _written(dr, route)
        if set(tls) - _ONLY_MODE:
            raise Refused("fields", route, f"{', '.join(sorted(set(tls) - _ONLY_MODE))} stands beside the mode")
        yield Delete(route)


def _without_sidecar(mesh: Mesh, dr: Resource[DestinationRule]) -> str:
    """A workload behind the Services that has no part in the mesh."""
    for service in reach.called(mesh, dr.body.spec.host, dr):
        for workload in behind(mesh, service) if isinstance(service.body, Service) else ():
            if injection.workload_mode(mesh, workload) == injection.NONE:
                return f"{workload.namespace}/{workload.name}"
    return ""


def _is_layered(mesh: Mesh, dr: Resource[DestinationRule], routes: tuple[Route, ...]) -> bool:
    """Whether the rule itself, or another for the same Services, sets TLS in another way."""
    own = {("spec", "trafficPolicy", "tls")} & set(routes)
    top = dr.body.spec.traffic_policy
    if not own and top is not None and top.tls is not None:
        return True
    return any(_says_otherwise(each) for each in _rivals(mesh, dr))


def _rivals(mesh: Mesh, dr: Resource[DestinationRule]) -> Iterator[Resource[DestinationRule]]:
    """Other rules for any of the same Services, which Istio merges or takes instead."""
    mine = {each.ref for each in reach.called(mesh, dr.body.spec.host, dr)}
    for other in mesh.of(DestinationRule):
        if other is not dr and not mine.isdisjoint({each.ref for each in reach.called(mesh, other.body.spec.host, other)}):
            yield other


def _says_otherwise(dr: Resource[DestinationRule]) -> bool:
    top = dr.body.spec.traffic_policy
    every = (top, *(each.traffic_policy for each in dr.body.spec.subsets))
    wholes = [each for each in every if each is not None]
    settings = [each.tls for each in wholes] + [port.tls for each in wholes for port in each.port_level_settings]
    return any(each is not None and each.mode != "ISTIO_MUTUAL" for each in settings)


def _written(dr: Resource[DestinationRule], route: Route) -> dict[str, object]:
    tree: object = written(dr)
    for step in route:
        try:
            tree = tree[step]  # type: ignore[index]
        except (KeyError, IndexError, TypeError):
            raise Refused("overlay", route, "an overlay sets it, not the object") from None
    return tree if isinstance(tree, dict) else {}
