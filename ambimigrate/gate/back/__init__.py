"""No way back: what a change takes from namespaces that are declared migrated, one rule for each way of sliding back."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import date
from functools import partial

from ambimigrate.analyse import combined, finding
from ambimigrate.gate.back import (
    direct,
    doors,
    enrolment,
    entered,
    filters,
    in_place,
    injected,
    lost,
    onward,
    optouts,
    proxied,
    selected,
    sidecars,
    strict,
    templates,
    unbound,
    until,
    vanished,
    virtualservices,
)
from ambimigrate.gate.back.compare import Found, Pair
from ambimigrate.model import Finding, Hit, Mesh

Rule = Callable[[Pair], Iterable[Found]]

RULES: Mapping[str, Rule] = {
    "NS801": injected.check,
    "NS802": enrolment.check,
    "WL801": templates.check,
    "WL802": optouts.check,
    "AP801": selected.check,
    "AP802": lost.authorization,
    "AP803": doors.check,
    "AP804": direct.check,
    "AP805": onward.check,
    "AP806": in_place.check,
    "RA801": proxied.tokens,
    "RA802": lost.tokens,
    "EX801": proxied.extensions,
    "EF801": filters.check,
    "SC801": sidecars.check,
    "VS801": virtualservices.check,
    "WP801": vanished.check,
    "WP802": unbound.check,
    "WP803": entered.check,
    "PA801": strict.check,
}
DATED = "NS803"  # the rule that needs to know the day
EVERYWHERE = frozenset({"AP806"})  # what counts wherever there are sidecars, whether a namespace is migrated or not
_WHY = {
    "AP806": "enforcement stops at once where sidecars are left",
    DATED: "an exception past its day stops every change in a repository with migrated namespaces",
}


def why(finding: Finding) -> str:
    """Why a finding of these rules fails."""
    return _WHY.get(finding.rule, "takes a migrated namespace back")


def regressions(
    before: tuple[Mesh, ...], after: tuple[Mesh, ...], migrated: frozenset[tuple[str, str]], today: date | None = None
) -> tuple[Finding, ...]:
    """What the change from `before` (empty if not known) to `after` takes back; `migrated` names mesh and namespace.

    Nothing is found where both are the same, but for exceptions whose day has passed.
    """
    if not migrated and not any(map(in_place.may_be, after)):
        return ()
    rules: dict[str, Rule] = {**RULES, DATED: partial(until.check, today=today or date.today())}
    return combined(each for pair in _pairs(before, after, migrated) for each in _findings(pair, rules))


def _findings(pair: Pair, rules: Mapping[str, Rule]) -> Iterator[Finding]:
    for rule, check in rules.items():
        for found in check(pair) if pair.migrated or rule in EVERYWHERE else ():
            hit = Hit(found.resource.at(*found.route), found.message, found.case)
            made = finding(rule, found.resource, hit, pair.after)
            if made is not None:
                yield made


def _pairs(before: tuple[Mesh, ...], after: tuple[Mesh, ...], migrated: frozenset[tuple[str, str]]) -> Iterator[Pair]:
    """Each mesh with what it was: that of its name, else those left over (a change may rename, part or join environments)."""
    named = {each.name: each for each in before}
    gone = [each for each in before if each.name not in {mesh.name for mesh in after}]
    for mesh in after:
        was = named.get(mesh.name) or (_joined(gone) if gone else None)
        names = {mesh.name} if mesh.name in named else {mesh.name, *(each.name for each in gone)}
        yield Pair(was, mesh, frozenset(space for name, space in migrated if name in names))


def _joined(meshes: list[Mesh]) -> Mesh:
    """Several meshes as one."""
    if len(meshes) == 1:
        return meshes[0]
    return Mesh("", tuple(resource for mesh in meshes for resource in mesh.resources), meshes[0].target)
