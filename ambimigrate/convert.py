"""Meshes to changes: what each namespace becomes, stage by stage, what is held back, and what needs no change."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from ambimigrate import conform, holds
from ambimigrate.analyse import analyse
from ambimigrate.changes import Change, Create, Delete, Edit, Held, Set, Stage, Untouched
from ambimigrate.converters import (
    destinationrules,
    doors,
    egress,
    ends,
    keeping,
    labels,
    leftovers,
    made,
    networks,
    optouts,
    others,
    overlays,
    pilot,
    policies,
    routes,
    serving,
    shared,
    versioned,
    waypoints,
)
from ambimigrate.converters.actions import destinations
from ambimigrate.converters.apply import after
from ambimigrate.converters.outcome import Outcome
from ambimigrate.converters.settings import DEFAULT, Settings
from ambimigrate.decode import Made
from ambimigrate.holds import Check, Place, Proposal, decide, permitted
from ambimigrate.kinds import HTTPRoute, Service, VirtualService
from ambimigrate.model import Finding, Mesh, Problem, Ref, Resource, Route
from ambimigrate.topology import chains, hosts, injection, reach
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
    """What a conversion comes to; `pending` are the changes of later stages, `holding` the reasons by mesh and namespace.

    `problems` are fields of the input that its CRDs do not have, `notes` those that only an unknown release may have.
    """

    changes: tuple[Change, ...]
    held: tuple[Held, ...]
    untouched: tuple[Untouched, ...]
    pending: tuple[Change, ...] = ()
    holding: Mapping[Place, tuple[Held, ...]] | None = None
    problems: tuple[Problem, ...] = ()
    notes: tuple[str, ...] = ()


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
    aims = {mesh.name: _aims(mesh, chosen, choice) for mesh in meshes}
    drafts = [_draft(mesh, each, aims[mesh.name]) for mesh in meshes for each in chosen if each.mesh == mesh.name]
    changes = shared.apart(versioned.once(change for draft in drafts for change in draft.changes), meshes)
    outside = {(each.mesh, each.name) for each in every if each.verdict == "not-in-mesh"}
    misread = conform.misread(meshes, lambda mesh, name: choice.takes(mesh.name, name) and (mesh.name, name) not in outside)
    fit = conform.fitting(meshes, conform.without(changes, misread))
    more = (*fit.held, *conform.holding(misread), *refused, *_uneditable(meshes, changes))
    reasons = (*(each for draft in drafts for each in draft.held), *more)
    if named := choice.settings.pilot:
        findings, check = pilot.concerning(findings, named), _of_pilot(check, named)
    holding = decide(meshes, findings, chosen, Proposal(fit.changes, reasons), check)
    free = _made_once(sorted(destinationrules.settled(meshes, permitted(fit.changes, holding)), key=_order))
    last = choice.stage or Stage.tighten
    return Conversion(
        tuple(each for each in free if each.stage <= last),
        tuple(
            sorted(_held(meshes, holding, choice, fit.changes), key=lambda each: (each.mesh, each.position.order, each.reason))
        ),
        tuple(each for mesh in meshes for each in _untouched(mesh, choice.settings)),
        tuple(each for each in free if each.stage > last),
        holding,
        conform.problems(misread),
        (*conform.notes(misread), *shared.reaching(meshes, free)),
    )


def _order(change: Change) -> tuple[object, ...]:
    subject = shared.anchor(change)
    return change.stage, subject.at().order, change.mesh, change.verb != "create", change.ref


def _made_once(changes: Iterable[Change]) -> list[Change]:
    """The changes, an object that serves several namespaces made by the first of them."""
    known: set[tuple[str, Ref]] = set()
    kept = []
    for each in changes:
        if isinstance(each.action, Create):
            if (each.mesh, each.ref) in known:
                continue
            known.add((each.mesh, each.ref))
        kept.append(each)
    return kept


def _aims(mesh: Mesh, chosen: Iterable[Standing], choice: Choice) -> policies.Aims:
    """The namespaces that move together, and how far."""
    moving = frozenset(each.name for each in chosen if each.mesh == mesh.name)
    return policies.Aims(choice.settings, moving, choice.stage or Stage.tighten)


def _of_pilot(check: Check, named: str) -> Check:
    return lambda meshes: pilot.concerning(check(meshes), named)


def _draft(mesh: Mesh, standing: Standing, aims: policies.Aims) -> Outcome:
    """What could be done for one namespace, or for the pilot in it, if nothing held it."""
    found, named = _namespace(mesh, standing, aims), aims.settings.pilot
    return pilot.only(mesh, standing.name, found, named) if named else found


def _namespace(mesh: Mesh, standing: Standing, aims: policies.Aims) -> Outcome:
    """What could be done for one namespace if nothing held it."""
    name, settings = standing.name, aims.settings
    own = [vs for vs in mesh.of(VirtualService) if vs.namespace == name and is_of_mesh(vs.body)]
    found = [routes.convert(vs, mesh, settings) for vs in own if vs.body.spec.hosts and not chains.gateway(mesh, vs)]
    found.append(ends.retired(mesh, name, settings))
    found += [destinationrules.retired(mesh, name, settings), versioned.serve(mesh, own, settings)]
    if standing.verdict == "not-in-mesh":
        return Outcome(held=tuple(each for outcome in found for each in outcome.held))
    needed = {*(standing.waypoint.services if standing.waypoint else ()), *_routed(mesh, name, own), *others.needs(mesh, name)}
    needed |= {*policies.needs(mesh, name), *destinationrules.needs(mesh, name, settings)}
    plan = serving.plan(mesh, name, needed, settings)
    found += [waypoints.serve(mesh, name, plan, settings), *others.convert(mesh, name, plan, settings)]
    found += [policies.convert(mesh, name, plan, aims), networks.convert(mesh, name, plan, settings)]
    found += [
        labels.enroll(mesh, name, settings.pilot),
        leftovers.convert(mesh, name, settings),
        egress.serve(mesh, name, settings),
        optouts.convert(mesh, name, settings),
        destinationrules.of_callers(mesh, name, settings),
    ]
    moving = any(outcome.changes for outcome in found)
    services = [each for service in needed if (each := mesh.find(Service, name, service))] + list(_destinations(mesh, own))
    held = [each for outcome in found for each in outcome.held]
    if moving or injection.mode(mesh, name) != injection.AMBIENT:
        held += destinationrules.of_some(mesh, [each for each in services if each.namespace == name])
    changes = versioned.bound(change for outcome in found for change in outcome.changes)
    return Outcome(changes, (*held, *doors.open_ones(mesh, name, changes)))


def _destinations(mesh: Mesh, own: Iterable[Resource[VirtualService]]) -> Iterator[Resource[Service]]:
    """The Services that the waypoint will call in place of the callers."""
    for vs in own:
        named = [each for rule in vs.body.spec.http for each in destinations(rule)]
        found = (hosts.service(mesh, each.host, vs.namespace, vs.file) for each in named)
        yield from (each for each in found if each is not None)


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


def _held(
    meshes: tuple[Mesh, ...], holding: Mapping[Place, tuple[Held, ...]], choice: Choice, changes: tuple[Change, ...]
) -> Iterator[Held]:
    """The reasons, and every object that stays as it is only since its namespace does."""
    by_name = {mesh.name: mesh for mesh in meshes}
    for (name, namespace), reasons in holding.items():
        if not choice.takes(name, namespace) or not reasons:
            continue
        yield from reasons
        named = {each.ref for each in reasons}
        first = reasons[0]
        text = f"namespace {namespace} is held: {first.ref}: {first.reason}"
        for subject in _following(by_name[name], namespace, changes):
            if subject.ref not in named:
                yield replace(holds.reason(by_name[name], namespace, FOLLOWS, text, subject), because=(FOLLOWS, *first.because))


def _following(mesh: Mesh, namespace: str, changes: tuple[Change, ...]) -> Iterable[Resource[Any]]:
    """VirtualServices of the namespace's part of the mesh, and what else a stage after `prepare` would have changed."""
    own = [each for each in changes if each.mesh == mesh.name and each.namespace == namespace and each.subject is not None]
    gone = {id(each.subject) for each in own if each.stage is Stage.prepare and each.action is None}
    kept: dict[int, Resource[Any]] = {
        id(vs): vs
        for vs in mesh.of(VirtualService)
        if vs.namespace == namespace and is_of_mesh(vs.body) and vs.body.spec.hosts and id(vs) not in gone
    }
    return (kept | {id(each.subject): each.subject for each in own if each.stage > Stage.prepare and each.subject}).values()


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
    if isinstance(document, Made) and document.is_template:
        raise CannotEdit(f"a template of a Helm chart makes it ({document.file}), and templates are never edited")
    if isinstance(document, Made):
        raise CannotEdit(f"a generator of {document.file} makes it")
    for change in members:
        _check_overlaid(change)
        if change.alone:
            overlays.check(change)
    if not isinstance(document, Document):
        return  # a live object: whoever applies the change has no text to keep
    if f"/{document.file}".find("/templates/") >= 0:
        raise CannotEdit("it is part of a Helm chart, whose templates are never edited")
    edits = dict.fromkeys(edit for change in members if not change.alone for edit in based(change))
    apply(document, edits)


def _check_overlaid(change: Change) -> None:
    """An edit of what a patch sets would not reach the cluster, and a patch without its object breaks the build."""
    found = change.subject.overlaid if change.subject is not None else ()
    if change.alone and all(level.is_last for level in shared.anchor(change).levels):
        return  # what is written into the overlay comes after its patches
    if found and change.action is None:
        raise CannotEdit(f"an overlay patches its {_shown(found[0])}, and the patch would name nothing any more")
    for edit in change.action if isinstance(change.action, tuple) else ():
        for route in found:
            if edit.route[: len(route)] == route[: len(edit.route)]:
                raise CannotEdit(f"an overlay patches its {_shown(route)}")


def _shown(route: Route) -> str:
    return ".".join(str(step) for step in route)


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


def _untouched(mesh: Mesh, settings: Settings) -> Iterator[Untouched]:
    for vs in mesh.of(VirtualService):
        if not is_of_mesh(vs.body):
            yield _same(mesh, vs, "it is bound to gateways only, which route as before")
        elif not vs.body.spec.hosts and (reason := ends.stays(mesh, vs, settings)):
            yield _same(mesh, vs, reason)
        elif keeping.is_kept(vs, mesh, settings) and not routes.convert(vs, mesh, settings).held:
            yield _same(mesh, vs, "it is kept, and the waypoint carries it out (alpha in Istio)")
    yield from (_same(mesh, policy, reason) for policy, reason in policies.untouched(mesh))
    for name, namespace in injection.namespaces(mesh).items():
        if namespace is not None and not injection.is_meshed(mesh, name):
            yield _same(mesh, namespace, "it is not in the mesh")
    for route in filter(made.is_ours, mesh.of(HTTPRoute)):
        yield _same(mesh, route, "it was converted before")


def _same(mesh: Mesh, resource: Resource[object], reason: str) -> Untouched:
    return Untouched(mesh.name, Ref(*resource.ref), resource.file, reason)


__all__ = ["Choice", "Conversion", "Create", "after", "based", "convert"]
