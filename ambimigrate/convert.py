"""Meshes to changes: what each namespace becomes, stage by stage, what is held back, and what needs no change."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from itertools import islice
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from ambimigrate import conform
from ambimigrate.analyse import analyse
from ambimigrate.changes import Change, Create, Held, Stage, Untouched
from ambimigrate.converters import elsewhere, labels, made, namespaces, networks, pilot, policies, shared
from ambimigrate.converters.apply import after
from ambimigrate.converters.gateways import whole as ingress
from ambimigrate.converters.outcome import Outcome
from ambimigrate.converters.routing import ends, keeping, routes
from ambimigrate.converters.settings import DEFAULT, Settings
from ambimigrate.converters.subsets import destinationrules, versioned
from ambimigrate.editable import CANNOT_EDIT, based, uneditable
from ambimigrate.holds import Check, Place, Proposal, arising, calls, decide, permitted, unserved
from ambimigrate.holds.reasons import reason
from ambimigrate.kinds import HTTPRoute, VirtualService
from ambimigrate.model import Finding, Mesh, Problem, Ref, Resource
from ambimigrate.topology import injection
from ambimigrate.topology.virtualservices import is_of_mesh
from ambimigrate.topology.workloads import in_namespace
from ambimigrate.verdicts import Standing, standings

FOLLOWS, GATEWAYS = "NS908", ingress.CONVERTED


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
    last = choice.stage or Stage.tighten
    # Up to `bind` nobody moves: whoever is not chosen now may still do so, so that holds are decided with all of them.
    meant = choice if last > Stage.bind or choice.settings.pilot else replace(choice, namespaces=None)
    chosen = [each for each in every if meant.takes(each.mesh, each.name)]
    drafts = _drafted(meshes, chosen, choice)
    outside = {(each.mesh, each.name) for each in every if each.verdict == "not-in-mesh"}
    misread = conform.misread(meshes, lambda mesh, name: meant.takes(mesh.name, name) and (mesh.name, name) not in outside)
    fit = conform.fitting(meshes, conform.without(drafts.changes, misread))
    fixed = (*refused, *uneditable(meshes, drafts.changes))
    writable = shared.without(fit.changes, ((each.mesh, each.ref, each.position) for each in fixed))
    reasons = (*drafts.held, *fit.held, *conform.holding(misread), *fixed)
    agreed = choice.settings
    if named := agreed.pilot:
        findings, check = pilot.concerning(findings, named), _of_pilot(check, named)
    decided = decide(meshes, findings, chosen, Proposal(writable, reasons, agreed.accepts, agreed.flows), check)
    holding = decided.holding
    left = networks.settled(meshes, permitted(writable, holding))
    settled = (each for each in destinationrules.settled(meshes, left) if drafts.takes(each, choice))
    free = calls.marked(meshes, tuple(_made_once(sorted(settled, key=_order))))
    told = tuple(each for each in misread if choice.takes(each.mesh.name, each.resource.namespace))
    rest = ingress.Rest(choice.takes, holding, free)
    bound = _gateways(meshes, choice.settings, rest, tuple(refused)) if choice.settings.gateways else ()
    free = tuple(sorted((*free, *(change for each in bound for change in each.changes)), key=_order))
    kept = (*_held(meshes, holding, choice, writable), *(reason for each in bound for reason in each.held))
    return Conversion(
        tuple(each for each in free if each.stage <= last),
        tuple(sorted(kept, key=lambda each: (each.mesh, each.position.order, each.reason))),
        tuple(each for mesh in meshes for each in _untouched(mesh, choice.settings)),
        tuple(each for each in free if each.stage > last),
        holding,
        conform.problems(told),
        (
            *conform.notes(told),
            *shared.reaching(meshes, free),
            *calls.notes(meshes, free),
            *unserved.notes(meshes, free),
            *arising.notes(decided.ends, findings, free, choice.takes),
            *ingress.notes(bound),
        ),
    )


def _gateways(
    meshes: tuple[Mesh, ...], settings: Settings, rest: ingress.Rest, refused: tuple[Held, ...]
) -> tuple[ingress.Drafted, ...]:
    """Istio Gateways with what is bound to them; they hold nobody, but whoever is held holds them."""
    found: list[ingress.Drafted] = []
    drafts = [draft for mesh in meshes for draft in ingress.drafts(mesh, settings)]
    every = elsewhere.beside_files((change for draft in drafts for change in draft.changes), meshes)
    apart = iter(shared.apart(every, meshes))
    for draft in drafts:
        each = replace(draft, changes=tuple(islice(apart, len(draft.changes))))
        fit = conform.fitting(meshes, each.changes)
        touched = {shared.anchor(change).ref for change in each.changes}
        fixed = (*fit.held, *uneditable(meshes, fit.changes), *(one for one in refused if one.ref in touched))
        found.append(ingress.settled(each, fixed, rest))
    changes = tuple(change for each in found for change in each.changes)
    torn = {id(change) for change, _ in shared.disagreeing(changes, shared.twins(meshes))}
    text = "its text also stands for objects of other environments, which do not change in the same way"
    return tuple(next((each.stays(text) for one in each.changes if id(one) in torn), each) for each in found)


class _Drafts(Struct, frozen=True):
    """What the converters would change and refuse, and which changes those of the asked namespaces need, here or elsewhere."""

    changes: tuple[Change, ...]
    held: tuple[Held, ...]
    needed: frozenset[tuple[object, ...]]

    def takes(self, change: Change, choice: Choice) -> bool:
        return choice.takes(change.mesh, change.namespace) or _key(change) in self.needed


def _drafted(meshes: tuple[Mesh, ...], chosen: list[Standing], choice: Choice) -> _Drafts:
    aims = {mesh.name: _aims(mesh, chosen, choice) for mesh in meshes}
    found = [(each, _draft(mesh, each, aims[mesh.name])) for mesh in meshes for each in chosen if each.mesh == mesh.name]
    asked = (draft for each, draft in found if choice.takes(each.mesh, each.name))
    return _Drafts(
        tuple(shared.apart(elsewhere.beside_files(versioned.once(_changes(found)), meshes), meshes)),
        tuple(each for _, draft in found for each in draft.held),
        frozenset(_key(change) for draft in asked for change in draft.changes),
    )


def _changes(found: Iterable[tuple[Standing, Outcome]]) -> Iterator[Change]:
    return (change for _, draft in found for change in draft.changes)


def _key(change: Change) -> tuple[object, ...]:
    return change.mesh, change.ref, change.stage, change.verb


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
    asked = tuple(standing.waypoint.services) if standing.waypoint else ()
    return namespaces.draft(mesh, standing.name, None if standing.verdict == "not-in-mesh" else asked, aims)


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
                yield replace(reason(by_name[name], namespace, FOLLOWS, text, subject), because=(FOLLOWS, *first.because))


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


# --- untouched ------------------------------------------------------------------------------------------------------


def _untouched(mesh: Mesh, settings: Settings) -> Iterator[Untouched]:
    alone, ended = (tuple(ingress.alone(mesh)) if settings.gateways else ()), tuple(ingress.ended(mesh))
    for vs in mesh.of(VirtualService):
        if vs in ended and not settings.gateways:
            yield _same(mesh, vs, "its Gateways are of the Gateway API by now; --gateways deletes it")
        elif not is_of_mesh(vs.body):
            if not settings.gateways or vs in alone:
                yield _same(mesh, vs, "it is bound to gateways only, which route as before")
        elif not vs.body.spec.hosts and (reason := ends.stays(mesh, vs, settings)):
            yield _same(mesh, vs, reason)
        elif keeping.is_kept(vs, mesh, settings) and not routes.convert(vs, mesh, settings).held:
            yield _same(mesh, vs, "it is kept, and the waypoint carries it out (alpha in Istio)")
    yield from (_same(mesh, policy, reason) for policy, reason in policies.untouched(mesh))
    yield from _left_alone(mesh)
    for route in filter(made.is_ours, mesh.of(HTTPRoute)):
        yield _same(mesh, route, "it was converted before")


def _left_alone(mesh: Mesh) -> Iterator[Untouched]:
    """Namespaces that are not enrolled, and why."""
    for name, namespace in injection.namespaces(mesh).items():
        if namespace is not None and not injection.is_meshed(mesh, name):
            yield _same(mesh, namespace, "it is not in the mesh")
        elif namespace is not None and labels.is_of_gateways(in_namespace(mesh, name)):
            yield _same(mesh, namespace, "gateways are all that runs in it, and they keep their injection")


def _same(mesh: Mesh, resource: Resource[object], reason: str) -> Untouched:
    return Untouched(mesh.name, Ref(*resource.ref), resource.file, reason)


__all__ = ["CANNOT_EDIT", "Choice", "Conversion", "Create", "after", "based", "convert"]
