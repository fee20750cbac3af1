"""Meshes to changes: what each namespace becomes, stage by stage, what is held back, and what needs no change."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from msgspec.structs import replace

from ambimigrate import conform
from ambimigrate.analyse import analyse
from ambimigrate.changes import Change, Create, Held, Stage, Untouched
from ambimigrate.convert import accounting, staying
from ambimigrate.convert.accounting import Sheet
from ambimigrate.convert.bound import gateways
from ambimigrate.convert.drafts import drafted
from ambimigrate.convert.staying import FOLLOWS
from ambimigrate.convert.values import EVERYTHING, Choice, Conversion
from ambimigrate.converters import networks, pilot, shared
from ambimigrate.converters.apply import after
from ambimigrate.converters.gateways import whole as ingress
from ambimigrate.converters.subsets import destinationrules
from ambimigrate.editable import CANNOT_EDIT, based, uneditable
from ambimigrate.holds import Check, Proposal, arising, calls, decide, permitted, unserved
from ambimigrate.holds.ends import End
from ambimigrate.model import Finding, Mesh, Ref
from ambimigrate.verdicts import standings

GATEWAYS = ingress.CONVERTED


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
    drafts = drafted(meshes, chosen, choice)
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
    bound = gateways(meshes, choice.settings, rest, tuple(refused)) if choice.settings.gateways else ()
    free = tuple(sorted((*free, *(change for each in bound for change in each.changes)), key=_order))
    kept = (*staying.held(meshes, holding, choice, writable), *(reason for each in bound for reason in each.held))
    now = tuple(each for each in free if each.stage <= last)
    sheet = Sheet((*drafts.changes, *free), free, now, kept, holding)
    return Conversion(
        now,
        tuple(sorted(kept, key=lambda each: (each.mesh, each.position.order, each.reason))),
        tuple(each for mesh in meshes for each in _untouched(mesh, decided.ends, choice, sheet)),
        tuple(each for each in free if each.stage > last),
        holding,
        conform.problems(told),
        (
            *conform.notes(told),
            *shared.reaching(meshes, free),
            *calls.notes(meshes, free),
            *calls.losses(meshes, free),
            *unserved.notes(meshes, free, decided.ends),
            *arising.notes(decided.ends, findings, free, choice.takes),
            *ingress.notes(bound),
        ),
    )


def _untouched(mesh: Mesh, ends: Mapping[str, End], choice: Choice, sheet: Sheet) -> Iterator[Untouched]:
    end = ends[mesh.name].mesh if mesh.name in ends else mesh
    yield from accounting.unaccounted(mesh, end, choice, sheet)
    yield from staying.untouched(mesh)


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


def _of_pilot(check: Check, named: str) -> Check:
    return lambda meshes: pilot.concerning(check(meshes), named)


__all__ = [
    "CANNOT_EDIT",
    "EVERYTHING",
    "FOLLOWS",
    "GATEWAYS",
    "Choice",
    "Conversion",
    "Create",
    "after",
    "based",
    "convert",
]
