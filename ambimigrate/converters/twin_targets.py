"""What a policy without targetRefs means, and the targetRefs by which its twins say so to waypoints."""

from __future__ import annotations

from typing import Any

from msgspec import Struct

from ambimigrate.converters import made, outgoing, serving
from ambimigrate.converters.serving import Plan, Waypoint
from ambimigrate.kinds import Gateway, Service
from ambimigrate.model import Mesh, Resource
from ambimigrate.topology import policies, waypoints
from ambimigrate.topology.workloads import Workload
from ambimigrate.versions import at_least

MOST = 16  # targetRefs of one object (istio/api, all policies)
CLASS_SINCE = "1.25.0"  # Istio, RN:54780: targetRefs kind GatewayClass
_GATEWAY_API = "gateway.networking.k8s.io"


class Aim(Struct, frozen=True, eq=False):
    """What a policy means in one namespace: workloads, the Services by which a waypoint gets their calls, and those not."""

    subject: Resource[Any]
    namespace: str
    workloads: tuple[Workload, ...]
    services: tuple[Resource[Service], ...]
    past: tuple[Resource[Service], ...]  # headless: calls to them never cross a waypoint
    doors: tuple[str, ...] = ()  # versioned Services, there or to come, by which callers reach the same pods


def targets(mesh: Mesh, aim: Aim, plan: Plan) -> tuple[tuple[str, tuple[dict[str, str], ...]], ...]:
    """The namespaces in which twins lie, each with targetRefs of at most 16: the class, else Gateways, else Services."""
    form = policies.form(mesh, aim.subject)
    if form == policies.ROOT and can_name_class(mesh, aim.subject):
        return ((aim.subject.namespace, (_ref(_GATEWAY_API, "GatewayClass", waypoints.CLASS),)),)
    refs: list[dict[str, str]]
    gateways = own_gateways(mesh, aim, plan) if form != policies.SELECTOR else ()
    if gateways:
        refs = [_ref(_GATEWAY_API, "Gateway", each.name) for each in gateways]
    else:
        names = {each.name for each in aim.services if _in(plan, each)}
        refs = [_ref("", "Service", each) for each in sorted(names | set(aim.doors))]
    return tuple((aim.namespace, tuple(refs[n : n + MOST])) for n in range(0, len(refs), MOST))


def _in(plan: Plan, service: Resource[Service]) -> bool:
    return (service.namespace, service.name) in plan.by_service


def _ref(group: str, kind: str, name: str) -> dict[str, str]:
    return {"group": group, "kind": kind, "name": name}


def can_name_class(mesh: Mesh, subject: Resource[Any]) -> bool:
    """Whether a policy for all pods may be one for all waypoints: these all came of us and get no calls but those to pods.

    Others carry it out today as little as ztunnel does, and it never meant calls that leave the mesh.
    """
    if not at_least(mesh.target.istio, CLASS_SINCE) or not mesh.index(_are_of_pods):
        return False
    meant = {id(each) for each in policies.scope(mesh, subject).services}
    return all(id(each) in meant for each in mesh.index(_served))


def _are_of_pods(mesh: Mesh) -> bool:
    """Whether every waypoint, there or to come, is for Services, and none is anybody else's."""
    own = all(made.is_ours(each) and not serving.is_for_egress(each) for each in waypoints.waypoints(mesh))
    return own and not outgoing.homes(mesh)


def _served(mesh: Mesh) -> tuple[Resource[Service], ...]:
    """The Services that waypoints serve, now or then."""
    waiting = {(namespace, name) for namespace in serving.sharing(mesh) for name in serving.needing(mesh, namespace)}
    found = (each for each in mesh.of(Service) if serving.can_be_bound(each))
    return tuple(each for each in found if (each.namespace, each.name) in waiting or waypoints.binding(mesh, each))


def own_gateways(mesh: Mesh, aim: Aim, plan: Plan) -> tuple[Waypoint, ...]:
    """The waypoints of the namespace if they serve all that is meant and nothing else."""
    if not all(_in(plan, each) for each in aim.services):
        return ()
    found = plan.of(aim.namespace)
    meant = {(each.namespace, each.name) for each in aim.services}
    others = {each for key, each in plan.by_service.items() if key not in meant}
    for each in found:
        gateway = mesh.find(Gateway, each.namespace, each.name)
        if each.namespace != aim.namespace or each in others or (gateway and _admits_others(gateway)):
            return ()
    return found


def _admits_others(gateway: Resource[Gateway]) -> bool:
    allowed = (each.allowed_routes.namespaces for each in gateway.body.spec.listeners if each.allowed_routes)
    return any(each is not None and each.from_ != "Same" for each in allowed)


def foreign(aim: Aim, plan: Plan) -> Resource[Service] | None:
    """A Service whose waypoint lies in another namespace."""
    for each in aim.services:
        found = plan.by_service.get((each.namespace, each.name))
        if found and found.namespace != each.namespace:
            return each
    return None
