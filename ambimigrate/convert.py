"""Meshes to changes: what each namespace becomes, stage by stage, what is held back, and what needs no change."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from msgspec import Struct
from msgspec.structs import replace

from ambimigrate import holds
from ambimigrate.analyse import analyse
from ambimigrate.changes import Change, Create, Delete, Edit, Held, Set, Stage, Untouched
from ambimigrate.converters import attached, labels, made, routes, shared, waypoints
from ambimigrate.converters.actions import destinations
from ambimigrate.converters.apply import after
from ambimigrate.converters.outcome import Outcome
from ambimigrate.converters.settings import DEFAULT, Settings
from ambimigrate.holds import Check, Place, Proposal, decide, permitted
from ambimigrate.kinds import HTTPRoute, Service, VirtualService
from ambimigrate.model import Finding, Mesh, Ref, Resource
from ambimigrate.topology import hosts, injection, reach
from ambimigrate.topology.virtualservices import is_of_mesh
from ambimigrate.verdicts import Standing, standings
from ambimigrate.yamlio import Document
from ambimigrate.yamlio.edit import CannotEdit, apply

CANNOT_EDIT, FOLLOWS = "NS907", "NS908"


class Choice(Struct, frozen=True):
    """What is asked for: the namespaces (None: all), the last stage (None: the end state), the mesh (empty: all), and how."""

    namespaces: tuple[str, ...] | None = None
    stage: Stage | None = None
    mesh: str = ""
    settings: Settings = DEFAULT

    def takes(self, mesh: str, namespace: str) -> bool:
        """Whether the namespace of that mesh is asked for."""
        return (not self.mesh or mesh == self.mesh) and (self.namespaces is None or namespace in self.namespaces)


EVERYTHING = Choice()


class Conversion(Struct, frozen=True):
    """What a conversion comes to; `pending` are the changes of later stages, `holding` the reasons by mesh and namespace."""

    changes: tuple[Change, ...]
    held: tuple[Held, ...]
    untouched: tuple[Untouched, ...]
    pending: tuple[Change, ...] = ()
    holding: Mapping[Place, tuple[Held, ...]] | None = None


def convert(
    meshes: Iterable[Mesh],
    findings: Iterable[Finding],
    choice: Choice = EVERYTHING,
    refused: Iterable[Held] = (),
    check: Check = analyse,
) -> Conversion:
    """The conversion of the chosen namespaces.

    `refused` are objects whose text could not be changed; `check` finds what is wrong in the mesh that comes of it.
    """
    meshes, findings = tuple(meshes), tuple(findings)
    every = standings(meshes, findings)
    chosen = [each for each in every if choice.takes(each.mesh, each.name)]
    drafts = [_namespace(mesh, each, choice.settings) for mesh in meshes for each in chosen if each.mesh == mesh.name]
    changes = tuple(change for draft in drafts for change in draft.changes)
    reasons = (*(each for draft in drafts for each in draft.held), *refused, *_uneditable(meshes, changes))
    holding = decide(meshes, findings, chosen, Proposal(changes, reasons), check)
    free = sorted(permitted(changes, holding), key=_order)
    last = choice.stage or Stage.tighten
    return Conversion(
        tuple(each for each in free if each.stage <= last),
        tuple(sorted(_held(meshes, holding, choice), key=lambda each: (each.mesh, each.position.order, each.reason))),
        tuple(each for mesh in meshes for each in _untouched(mesh)),
        tuple(each for each in free if each.stage > last),
        holding,
    )


def _order(change: Change) -> tuple[object, ...]:
    subject = shared.anchor(change)
    return change.stage, subject.at().order, change.mesh, change.verb != "create", change.ref


def _namespace(mesh: Mesh, standing: Standing, settings: Settings) -> Outcome:
    """What could be done for one namespace if nothing held it."""
    name = standing.name
    own = [vs for vs in mesh.of(VirtualService) if vs.namespace == name and is_of_mesh(vs.body)]
    found = [routes.convert(vs, mesh, settings) for vs in own if _concerns(mesh, vs)]
    if standing.verdict == "not-in-mesh":
        return Outcome(held=tuple(each for outcome in found for each in outcome.held))
    needed = {*(standing.waypoint.services if standing.waypoint else ()), *_routed(mesh, name, own)}
    found.append(waypoints.serve(mesh, name, needed))
    found.append(labels.enroll(mesh, name))
    moving = any(outcome.changes for outcome in found)
    services = [each for service in needed if (each := mesh.find(Service, name, service))] + list(_destinations(mesh, own))
    held = [each for outcome in found for each in outcome.held]
    if moving or injection.mode(mesh, name) != injection.AMBIENT:
        held += [
            *attached.holding(mesh, name),
            *attached.subsets(mesh, name, own),
            *attached.behind_waypoint(mesh, name, services),
        ]
    return Outcome(tuple(change for outcome in found for change in outcome.changes), tuple(held))


def _destinations(mesh: Mesh, own: Iterable[Resource[VirtualService]]) -> Iterator[Resource[Service]]:
    """The Services that the waypoint will call in place of the callers."""
    for vs in own:
        named = [each for rule in vs.body.spec.http for each in destinations(rule)]
        found = (hosts.service(mesh, each.host, vs.namespace, vs.file) for each in named)
        yield from (each for each in found if each is not None)


def _concerns(mesh: Mesh, vs: Resource[VirtualService]) -> bool:
    """Whether a VirtualService of the mesh matters to it: delegates without hosts do only if such a one names them."""
    if vs.body.spec.hosts:
        return True
    return (vs.namespace, vs.name) in mesh.index(_delegates)


def _delegates(mesh: Mesh) -> frozenset[tuple[str, str]]:
    return frozenset(
        (rule.delegate.namespace or vs.namespace, rule.delegate.name)
        for vs in mesh.of(VirtualService)
        if vs.body.spec.hosts and is_of_mesh(vs.body)
        for rule in vs.body.spec.http
        if rule.delegate
    )


def _routed(mesh: Mesh, namespace: str, own: Iterable[Resource[VirtualService]]) -> Iterator[str]:
    """The Services of the namespace that VirtualServices or routes of ours are about: they need a waypoint."""
    for vs in own:
        for host in vs.body.spec.hosts:
            yield from (each.name for each in hosts.services(mesh, host, vs.namespace, vs.file) if each.namespace == namespace)
    for route in filter(made.is_ours, mesh.of(HTTPRoute)):
        for ref in route.body.spec.parent_refs:
            named = reach.parent(ref, route.namespace)
            if named and named[:2] == ("Service", namespace):
                yield named[2]


# --- holds ----------------------------------------------------------------------------------------------------------


def _held(meshes: tuple[Mesh, ...], holding: Mapping[Place, tuple[Held, ...]], choice: Choice) -> Iterator[Held]:
    """The reasons, and every VirtualService of the mesh that stays only since its namespace does."""
    by_name = {mesh.name: mesh for mesh in meshes}
    for (name, namespace), reasons in holding.items():
        if not choice.takes(name, namespace):
            continue
        yield from reasons
        named = {each.ref for each in reasons}
        first = next((each for each in reasons), None)
        for vs in by_name[name].of(VirtualService):
            if first and vs.namespace == namespace and is_of_mesh(vs.body) and vs.body.spec.hosts and vs.ref not in named:
                text = f"namespace {namespace} is held: {first.ref}: {first.reason}"
                yield replace(holds.reason(by_name[name], namespace, FOLLOWS, text, vs), because=(FOLLOWS, *first.because))


def _uneditable(meshes: tuple[Mesh, ...], changes: tuple[Change, ...]) -> Iterator[Held]:
    """Objects whose text cannot be changed: each document is tried with all that may happen to it."""
    by_name = {mesh.name: mesh for mesh in meshes}
    by_document: dict[tuple[str, int], list[Change]] = {}
    for change in sorted(changes, key=lambda each: each.stage):
        file, start, _ = shared.place(shared.anchor(change))
        by_document.setdefault((file, start), []).append(change)
    for members in by_document.values():
        try:
            _try(members)
        except CannotEdit as error:
            for change in members:
                subject = shared.anchor(change)
                yield holds.reason(by_name[change.mesh], change.namespace, CANNOT_EDIT, error.reason, subject)


def _try(members: list[Change]) -> None:
    document = shared.anchor(members[0]).origin
    if not isinstance(document, Document):
        return  # a live object: whoever applies the change has no text to keep
    if f"/{document.file}".find("/templates/") >= 0:
        raise CannotEdit("it is part of a Helm chart, whose templates are never edited")
    edits = dict.fromkeys(edit for change in members for edit in based(change))
    apply(document, edits)


def based(change: Change) -> tuple[Edit, ...]:
    """The edits of a change in terms of its document, where the object may be an item of a List."""
    if not isinstance(change.action, tuple) or change.subject is None:
        return ()
    base = change.subject.base
    return tuple(
        Set((*base, *each.route), each.value) if isinstance(each, Set) else Delete((*base, *each.route))
        for each in change.action
    )


# --- untouched ------------------------------------------------------------------------------------------------------


def _untouched(mesh: Mesh) -> Iterator[Untouched]:
    for vs in mesh.of(VirtualService):
        if not is_of_mesh(vs.body):
            yield _same(mesh, vs, "it is bound to gateways only, which route as before")
        elif not _concerns(mesh, vs):
            yield _same(mesh, vs, "only VirtualServices of gateways delegate to it")
    for name, namespace in injection.namespaces(mesh).items():
        if namespace is not None and not injection.is_meshed(mesh, name):
            yield _same(mesh, namespace, "it is not in the mesh")
    for route in filter(made.is_ours, mesh.of(HTTPRoute)):
        yield _same(mesh, route, "it was converted before")


def _same(mesh: Mesh, resource: Resource[object], reason: str) -> Untouched:
    return Untouched(mesh.name, Ref(*resource.ref), resource.file, reason)


__all__ = ["Choice", "Conversion", "Create", "after", "based", "convert"]
