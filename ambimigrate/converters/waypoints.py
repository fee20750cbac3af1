"""Waypoints from needs: one Gateway for each namespace that needs one, and the labels that bind its Services."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from ambimigrate.changes import Change, Create, Held, Set, Stage
from ambimigrate.converters import made
from ambimigrate.converters.outcome import Outcome, Refused, held
from ambimigrate.kinds import Gateway, Service
from ambimigrate.model import Mesh, Ref, Resource
from ambimigrate.topology import hosts, injection, waypoints
from ambimigrate.topology.injection import REVISION
from ambimigrate.topology.waypoints import CLASS, FOR, USE

DECLARED, BOUND, REFUSED = "WP901", "WP902", "WP903"


def serve(mesh: Mesh, namespace: str, names: Iterable[str]) -> Outcome:
    """A waypoint for these Services of the namespace, where they have none; nothing if all are bound."""
    needing = [each for name in sorted(set(names)) if (each := mesh.find(Service, namespace, name)) and can_be_bound(each)]
    unbound = [each for each in needing if not waypoints.is_bound(mesh, each)]
    if not unbound:
        return Outcome()
    refusals = tuple(_refusals(mesh, unbound))
    if refusals:
        return Outcome(held=refusals)
    beside = min(needing, key=lambda each: (each.file, each.at().order))
    known = _existing(mesh, namespace)
    try:
        made_one = None if known else _create(mesh, namespace, beside, unbound)
    except Refused as refused:
        return Outcome(held=(held(mesh, beside, REFUSED, refused),))
    name = known or (made_one.ref.name if made_one else "")
    return Outcome((*([made_one] if made_one else []), *_bind(mesh, namespace, needing, unbound, name)))


def can_be_bound(service: Resource[Service]) -> bool:
    """Whether calls to the Service can cross a waypoint: it has an address of its own."""
    return service.body.spec.type != "ExternalName" and not hosts.is_headless(service)


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


def _existing(mesh: Mesh, namespace: str) -> str | None:
    """A waypoint of the namespace that is for Services."""
    for gateway in waypoints.waypoints(mesh):
        if gateway.namespace == namespace and gateway.body.metadata.labels.get(FOR, "service") in {"service", "all"}:
            return gateway.name
    return None


def _create(mesh: Mesh, namespace: str, beside: Resource[Service], unbound: list[Resource[Service]]) -> Change:
    labels = {FOR: "service"}
    if revision := injection.labels(mesh, namespace).get(REVISION):
        labels[REVISION] = revision
    value = made.placed(_value("waypoint", beside, labels), beside)
    number = 1
    while mesh.find(Gateway, namespace, value["metadata"]["name"]) is not None:
        number += 1
        value = made.placed(_value(f"waypoint-{number}", beside, labels), beside)
    name = "waypoint" if number == 1 else f"waypoint-{number}"
    ref = Ref("Gateway", Gateway.GROUP, namespace, value["metadata"]["name"])
    sources = tuple(each.at() for each in unbound)
    return Change(
        Stage.waypoints,
        namespace,
        mesh.name,
        ref,
        Create(ref, _value(name, beside, labels), beside),
        None,
        (DECLARED,),
        sources,
    )


def _value(name: str, beside: Resource[Service], labels: dict[str, str]) -> dict[str, Any]:
    """The Gateway with all that the API server or istiod would add, so that the object in the cluster does not differ."""
    listener = {"name": "mesh", "port": 15008, "protocol": "HBONE", "allowedRoutes": {"namespaces": {"from": "Same"}}}
    return {
        "apiVersion": f"{Gateway.GROUP}/v1",
        "kind": "Gateway",
        "metadata": made.metadata(name, beside, labels),
        "spec": {"gatewayClassName": CLASS, "listeners": [listener]},
    }


def _bind(
    mesh: Mesh, namespace: str, needing: list[Resource[Service]], unbound: list[Resource[Service]], waypoint: str
) -> Iterator[Change]:
    """The label on the Namespace if all its Services with an address need the waypoint, else on those that do."""
    every = {each.name for each in mesh.of(Service) if each.namespace == namespace and can_be_bound(each)}
    owner = injection.namespaces(mesh).get(namespace)
    subjects: list[Resource[Any]] = list(unbound)
    if owner is not None and every <= {each.name for each in needing}:
        subjects = [owner]
    for subject in subjects:
        edits = (Set(("metadata", "labels", USE), waypoint),)
        yield Change(Stage.bind, namespace, mesh.name, subject.ref, edits, subject, (BOUND,), (subject.at(),))
