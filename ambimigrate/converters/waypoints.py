"""Waypoints from the plan: the Gateways that are missing, and the labels that bind Services to them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from ambimigrate.changes import Change, Create, Edit, Held, Set, Stage
from ambimigrate.converters import made, serving, waypoint_objects
from ambimigrate.converters.outcome import Outcome, Refused, held
from ambimigrate.converters.room import NoRoom
from ambimigrate.converters.serving import Plan, Waypoint, can_be_bound
from ambimigrate.converters.settings import Settings
from ambimigrate.kinds import Gateway, Service, ServiceEntry
from ambimigrate.model import Mesh, Ref, Resource
from ambimigrate.topology import injection, waypoints
from ambimigrate.topology.injection import REVISION
from ambimigrate.topology.waypoints import CLASS, FOR, USE, USE_NAMESPACE

DECLARED, BOUND, REFUSED = "WP901", "WP902", "WP903"


def serve(mesh: Mesh, namespace: str, plan: Plan, settings: Settings) -> Outcome:
    """The waypoints and labels that the plan asks for in the namespace and that are not there; nothing if all are bound."""
    served = [mesh.find(Service, *key) for key in sorted(plan.by_service) if key[0] == namespace]
    needing = [each for each in served if each is not None]
    unbound = [each for each in needing if not waypoints.is_bound(mesh, each)]
    refusals = tuple(_refusals(mesh, unbound))
    if refusals:
        return Outcome(held=refusals)
    try:
        return Outcome((*_declare(mesh, unbound, plan, settings), *_bind(mesh, namespace, needing, unbound, plan)))
    except NoRoom as refused:
        return Outcome(held=(held(mesh, serving.anchor(unbound), waypoint_objects.NO_ROOM, refused),))
    except Refused as refused:
        return Outcome(held=(held(mesh, serving.anchor(unbound), REFUSED, refused),))


def _refusals(mesh: Mesh, unbound: Iterable[Resource[Service]]) -> Iterator[Held]:
    for service in unbound:
        wanted = service.body.metadata.labels.get(USE) or injection.labels(mesh, service.namespace).get(USE)
        if wanted == "none":
            yield held(
                mesh,
                service,
                REFUSED,
                Refused("none", ("metadata", "labels", USE), f"{service.name} wants no waypoint, but needs one"),
            )
        elif wanted:
            found = waypoints.binding(mesh, service)
            fault = found.fault if found and found.fault else "the waypoint does not serve it"
            yield held(
                mesh, service, REFUSED, Refused("fault", ("metadata", "labels", USE), f"{USE}: {wanted} does not work: {fault}")
            )


def _declare(mesh: Mesh, unbound: list[Resource[Service]], plan: Plan, settings: Settings) -> Iterator[Change]:
    """The Gateways that are not there yet, each with the Services for which it is made."""
    for waypoint in dict.fromkeys(_of(plan, each) for each in unbound):
        if waypoint.is_new:
            members = [each for each in unbound if _of(plan, each) == waypoint]
            yield from waypoint_objects.around(mesh, _create(mesh, waypoint, members, settings), members)


def _of(plan: Plan, service: Resource[Service]) -> Waypoint:
    return plan.by_service[service.namespace, service.name]


def _create(mesh: Mesh, waypoint: Waypoint, members: list[Resource[Service]], settings: Settings) -> Change:
    beside = serving.beside(mesh, members, settings)
    labels = {FOR: "service"}
    if revision := injection.labels(mesh, waypoint.namespace).get(REVISION):
        labels[REVISION] = revision
    users = serving.sharing(mesh) if settings.spread == "shared" else ()
    value = _value(waypoint.written, beside, labels, users)
    ref = Ref("Gateway", Gateway.GROUP, waypoint.namespace, made.placed(value, beside)["metadata"]["name"])
    sources = tuple(each.at() for each in members)
    action = Create(ref, value, beside)
    return Change(Stage.waypoints, members[0].namespace, mesh.name, ref, action, None, (DECLARED,), sources)


def _value(name: str, beside: Resource[Service], labels: dict[str, str], users: tuple[str, ...] = ()) -> dict[str, Any]:
    """The Gateway with all that the API server or istiod would add, so that the object in the cluster does not differ."""
    listener = {"name": "mesh", "port": 15008, "protocol": "HBONE", "allowedRoutes": {"namespaces": _admitted(users)}}
    return {
        "apiVersion": f"{Gateway.GROUP}/v1",
        "kind": "Gateway",
        "metadata": made.metadata(name, beside, labels),
        "spec": {"gatewayClassName": CLASS, "listeners": [listener]},
    }


def _admitted(users: tuple[str, ...]) -> dict[str, Any]:
    """The namespaces whose Services may use the waypoint: its own, or those that share it."""
    if not users:
        return {"from": "Same"}
    named = {"key": "kubernetes.io/metadata.name", "operator": "In", "values": list(users)}
    return {"from": "Selector", "selector": {"matchExpressions": [named]}}


def _bind(
    mesh: Mesh, namespace: str, needing: list[Resource[Service]], unbound: list[Resource[Service]], plan: Plan
) -> Iterator[Change]:
    """The label on the Namespace if all that would inherit it needs the same waypoint, else on the Services that do."""
    owner = injection.namespaces(mesh).get(namespace)
    targets = {_of(plan, each) for each in needing}
    whole = owner is not None and unbound and len(targets) == 1 and _all_need(mesh, namespace, needing)
    subjects: list[tuple[Resource[Any], Waypoint]] = [(each, _of(plan, each)) for each in unbound]
    if whole and owner is not None:
        subjects = [(owner, next(iter(targets)))]
    for subject, waypoint in subjects:
        edits = tuple(_labels(waypoint, namespace))
        yield Change(Stage.bind, namespace, mesh.name, subject.ref, edits, subject, (BOUND,), (subject.at(),))


def _all_need(mesh: Mesh, namespace: str, needing: list[Resource[Service]]) -> bool:
    """Whether every Service with an address is among them; ServiceEntries would inherit the label, too."""
    every = {each.name for each in mesh.within(Service, namespace) if can_be_bound(each)}
    return every <= {each.name for each in needing} and not mesh.within(ServiceEntry, namespace)


def _labels(waypoint: Waypoint, namespace: str) -> Iterator[Edit]:
    yield Set(("metadata", "labels", USE), waypoint.name)
    if waypoint.namespace != namespace:
        yield Set(("metadata", "labels", USE_NAMESPACE), waypoint.namespace)
