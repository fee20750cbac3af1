"""What convert could not settle even if a user agreed to every difference that it offers."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from ambimigrate.changes import Held
from ambimigrate.convert import Choice, convert
from ambimigrate.converters.routing.rivals import WINNER
from ambimigrate.converters.settings import Accepted, Settings
from ambimigrate.gate.known import Known
from ambimigrate.kinds import VirtualService
from ambimigrate.model import Finding, Mesh, Ref, Resource, grouped
from ambimigrate.report import Report
from ambimigrate.topology import hosts, meshconfig
from ambimigrate.topology.callgraph import calls
from ambimigrate.verdicts import namespace_of

# Reasons that follow from another object: something was not read, a text or a Service is shared, another one is held.
_FOLLOWING = frozenset({"NS903", "NS905", "NS906", "NS908", "NS909"})


class Agreeable(Settings, frozen=True):
    """Choices that agree to whatever may be agreed to; of VirtualServices for one host only one can be named the oldest."""

    oldest: frozenset[Ref] = frozenset()

    def accepts(self, id: str, subject: Resource[Any]) -> bool:
        return id != WINNER or subject.ref in self.oldest


Holds = Mapping[tuple[str, Ref], tuple[Held, ...]]


def holds(report: Report, about: Iterable[Finding] | None = None) -> Holds:
    """The reasons that stay, by mesh and object; those that only follow from another object are left out.

    Of findings only their namespaces are converted, together with those that call them and that they call.
    """
    settings = Agreeable((Accepted("*", "*", "*"),), True, oldest=frozenset(_oldest(report.meshes)))
    choice = Choice(settings=settings) if about is None else Choice(settings=settings, namespaces=_around(report, about))
    conversion = convert(report.meshes, report.findings, choice)
    own = (each for each in conversion.held if each.because and each.because[0] not in _FOLLOWING)
    return grouped(((each.mesh, each.ref), each) for each in own if not _is_of_all(each))


def _oldest(meshes: Iterable[Mesh]) -> Iterator[Ref]:
    """The first VirtualService by name for each host."""
    for mesh in meshes:
        taken: set[str] = set()
        for each in sorted(mesh.of(VirtualService), key=lambda one: one.ref):
            names = {hosts.full_name(host, each.namespace) for host in each.body.spec.hosts}
            if taken.isdisjoint(names):
                yield each.ref
                taken |= names


def _around(report: Report, findings: Iterable[Finding]) -> tuple[str, ...] | None:
    """The namespaces of findings and of their callers and callees; all for a finding that is about none."""
    names = {namespace_of(each) for each in findings}
    roots = {meshconfig.root_namespace(mesh) for mesh in report.meshes}
    if not names.isdisjoint({"", *roots}):
        return None
    near = set(names)
    for mesh in report.meshes:
        for call in calls(mesh):
            if not names.isdisjoint({call.caller, call.callee}):
                near |= {call.caller, call.callee}
    return tuple(sorted(near))


def _is_of_all(held: Held) -> bool:
    """Whether a reason of convert lies with its namespace as a whole, and so with another object of it."""
    return held.ref.kind == "Namespace" and held.because[0][2:3] == "9"


def reasons(finding: Finding, found: Holds) -> tuple[Held, ...]:
    """Why the object of a finding would be held, without what is only said of its other findings."""
    every = (held for mesh in finding.meshes for held in found.get((mesh, finding.ref), ()))
    return tuple(each for each in every if each.because[0] == finding.rule or each.because[0][2:3] == "9")


def ids(finding: Finding, found: Holds) -> tuple[str, ...]:
    """The reasons by their ids, as a baseline keeps them."""
    return tuple(sorted({id for each in reasons(finding, found) for id in each.because}))


def unsettled(
    findings: Iterable[Finding], now: Report, before: Report | None, counterparts: Mapping[str, Known]
) -> Mapping[str, Held]:
    """The findings whose object convert would hold, with the reason, unless the base holds it for the same one.

    Two conversions: they are made only if there are findings to ask about, the second only if the first holds one of them.
    """
    asked = tuple(findings)
    if not asked:
        return {}
    found = holds(now, asked)
    mine = {each.fingerprint: reasons(each, found) for each in asked}
    if not any(mine.values()):
        return {}
    there = frozenset(each.ref for mesh in before.meshes for each in mesh.resources) if before else frozenset()
    older = [each for each in asked if mine[each.fingerprint] and each.ref in there]
    old = holds(before, older) if before and older else {}
    result: dict[str, Held] = {}
    for finding in asked:
        counterpart = counterparts.get(finding.fingerprint)
        known = frozenset(counterpart.held) if counterpart else frozenset()
        before_it = {_told(each) for each in reasons(finding, old)}
        more = [each for each in mine[finding.fingerprint] if known.isdisjoint(each.because) and _told(each) not in before_it]
        own = [each for each in mine[finding.fingerprint] if each.because[0] == finding.rule]
        if more or own:
            result[finding.fingerprint] = (own or more)[0]
    return result


def _told(held: Held) -> tuple[object, ...]:
    return held.because, held.reason
