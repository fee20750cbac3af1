"""Versioned Services: a Service with its DestinationRule for each subset that converted routes of the mesh use."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from ambimigrate.changes import SUBSET, Change, Create, Set, Stage
from ambimigrate.converters.gateways import whole as ingress
from ambimigrate.converters.outcome import Outcome, Refused
from ambimigrate.converters.routing import routes
from ambimigrate.converters.settings import DEFAULT, Settings
from ambimigrate.converters.subsets import defined as subsets
from ambimigrate.converters.subsets import doors
from ambimigrate.converters.subsets.defined import Defined
from ambimigrate.converters.subsets.services import RULE, changes
from ambimigrate.kinds import Service, VirtualService
from ambimigrate.kinds.routes import Destination
from ambimigrate.model import Mesh, Ref, Resource, grouped
from ambimigrate.topology import hosts
from ambimigrate.topology.virtualservices import is_of_mesh
from ambimigrate.topology.waypoints import USE, USE_NAMESPACE

_PATHS = ("filters", "backendRefs", "requestMirror", "backendRef", "rules")  # where a route names Services

Key = tuple[str, str]  # namespace and name


def names(mesh: Mesh, service: Resource[Service], settings: Settings = DEFAULT) -> tuple[str, ...]:
    """The versioned Services of a Service, those that are there and those that the conversion makes: more entrances to it."""
    key = (service.namespace, service.name)
    made_now = (each.ref.name for each in mesh.index(_Made(settings)).get(key, ()))
    return tuple(sorted({*subsets.known(mesh, service).values(), *made_now}))


def serve(mesh: Mesh, own: Iterable[Resource[VirtualService]], settings: Settings) -> Outcome:
    """The Services and DestinationRules for the subsets that the routes of these VirtualServices will name."""
    found: dict[Ref, Change] = {}
    for vs in own:
        for defined in used(mesh, vs, settings):
            found |= {each.ref: each for each in changes(mesh, defined)}
            closing = doors.closing(mesh, defined.service, names(mesh, defined.service, settings))
            found |= {each.ref: each for each in closing}
    return Outcome(tuple(found.values()))


def once(found: Iterable[Change]) -> tuple[Change, ...]:
    """The changes, those for a subset once, though VirtualServices of several namespaces use it."""
    known: set[tuple[str, Ref]] = set()
    kept = []
    for each in found:
        if each.because in {(RULE,), (doors.CLOSED,)}:
            if (each.mesh, each.ref) in known:
                continue
            known.add((each.mesh, each.ref))
        kept.append(each)
    return tuple(kept)


class _Made(Struct, frozen=True):
    """The Services that a conversion of the whole mesh makes, by the Service whose subsets they are."""

    settings: Settings

    def __call__(self, mesh: Mesh) -> Mapping[Key, tuple[Change, ...]]:
        found: dict[Ref, tuple[Key, Change]] = {}
        every = (each for vs in mesh.of(VirtualService) for each in used(mesh, vs, self.settings))
        for defined in dict.fromkeys(every):
            key = defined.service.namespace, defined.service.name
            found |= {each.ref: (key, each) for each in changes(mesh, defined) if each.ref.kind == "Service"}
        return grouped(found.values())


def used(mesh: Mesh, vs: Resource[VirtualService], settings: Settings) -> tuple[Defined, ...]:
    """The subsets that the routes name which the VirtualService becomes."""
    known = mesh.index(_named)
    if not known:
        return ()
    wanted = dict.fromkeys(ref for each in _routes(mesh, vs, settings) for ref in _references(each.value["spec"]))
    return tuple(known[each] for each in wanted if each in known)


def _routes(mesh: Mesh, vs: Resource[VirtualService], settings: Settings) -> Iterator[Create]:
    """The routes that it becomes for clients in the mesh and, if that is asked for, for gateways."""
    if is_of_mesh(vs.body):
        yield from (each.action for each in routes.convert(vs, mesh, settings).changes if isinstance(each.action, Create))
    if settings.gateways:
        yield from ingress.routes(mesh, vs, settings)


def _references(tree: Any) -> Iterator[Key]:
    """The Services that a route names as backends or mirrors."""
    if isinstance(tree, list | tuple):
        for each in tree:
            yield from _references(each)
    elif isinstance(tree, dict):
        if tree.get("kind") == "Service" and "namespace" in tree:
            yield tree["namespace"], tree["name"]
        for key in _PATHS:
            yield from _references(tree.get(key))


def _named(mesh: Mesh) -> Mapping[Key, Defined]:
    """The subsets that VirtualServices name, by the name of their Service."""
    found: dict[Key, Defined] = {}
    pairs = ((vs, each) for vs in mesh.of(VirtualService) for each in destinations(vs.body) if each.subset)
    for vs, each in pairs:
        service = hosts.service(mesh, each.host, vs.namespace, vs.file)
        with suppress(Refused):
            if service is not None and each.subset:
                defined = subsets.find(mesh, service, each.subset)
                found.setdefault((service.namespace, subsets.name(mesh, defined)), defined)
    return found


def destinations(vs: VirtualService) -> Iterator[Destination]:
    """Every destination that it names, of all protocols and for shadows, too."""
    for rule in vs.spec.http:
        yield from (each.destination for each in rule.route)
        yield from (each.destination for each in rule.mirrors)
        yield from (rule.mirror,) if rule.mirror else ()
    for rules in (vs.spec.tls, vs.spec.tcp):
        yield from (each.destination for other in rules for each in other.route)


# --- the waypoint ---------------------------------------------------------------------------------------------------


def bound(found: Iterable[Change]) -> tuple[Change, ...]:
    """The changes, with the waypoint of a Service on the versioned Services that are made from it, too.

    Where its Namespace gets the label they inherit it. Nobody calls them before the routes are there.
    """
    every = tuple(found)
    labels = {each.ref: dict(_labels(each)) for each in every if each.stage is Stage.bind and each.ref.kind == "Service"}
    return tuple(_labelled(each, labels) for each in every)


def _labels(change: Change) -> Iterator[tuple[str, str]]:
    for edit in change.action if isinstance(change.action, tuple) else ():
        if isinstance(edit, Set) and edit.route[-1] in {USE, USE_NAMESPACE}:
            yield str(edit.route[-1]), edit.value


def _labelled(change: Change, labels: Mapping[Ref, dict[str, str]]) -> Change:
    if not isinstance(change.action, Create) or change.ref.kind != "Service":
        return change
    value = change.action.value
    of = str(value["metadata"]["annotations"].get(SUBSET, "")).partition("/")[0]
    wanted = labels.get(change.ref._replace(name=of))
    if not wanted:
        return change
    metadata = dict(value["metadata"])
    metadata["labels"] = {**metadata.get("labels", {}), **wanted}
    return replace(change, action=replace(change.action, value={**value, "metadata": _ordered(metadata)}))


def _ordered(metadata: dict[str, Any]) -> dict[str, Any]:
    order = ("name", "namespace", "labels", "annotations")
    return {key: metadata[key] for key in order if key in metadata}
