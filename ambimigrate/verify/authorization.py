"""Compares who is let in: the verdict of all proxies on the way, for each workload that is reached before and after."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from ambimigrate.semantics import authz

WIDER, NARROWER, AUTHORIZERS, AUDIT, STATUS = "wider", "narrower", "authorizers", "audit", "status"
_OPENNESS = {authz.Verdict.DENY: 0, authz.Verdict.ASK: 1, authz.Verdict.ALLOW: 2}
_WORDS = {
    WIDER: "lets in what was refused",
    NARROWER: "refuses what was let in",
    AUTHORIZERS: "asks other external authorizers",
    AUDIT: "no longer audited alike",
    STATUS: "refused in another way",
}


def differing(
    before: Mapping[str, authz.Decision], after: Mapping[str, authz.Decision]
) -> Iterator[tuple[str, str, authz.Decision, authz.Decision]]:
    """Kind of difference, workload, and both decisions, for each workload that both ways lead to."""
    found = [(workload, kind_of(one, after[workload])) for workload, one in before.items() if workload in after]
    for workload, kind in sorted(each for each in found if each[1]):
        yield kind, workload, before[workload], after[workload]


def kind_of(before: authz.Decision, after: authz.Decision) -> str:
    """Wider if more is let in, narrower if less; "" if nothing differs."""
    change = _OPENNESS[after.verdict] - _OPENNESS[before.verdict]
    if change:
        return WIDER if change > 0 else NARROWER
    if set(before.providers) != set(after.providers):  # while both ask, the same one is asked twice
        return AUTHORIZERS
    if before.audit != after.audit:
        return AUDIT
    return STATUS if before.verdict is authz.Verdict.DENY and before.status != after.status else ""


def is_minor(kind: str) -> bool:
    """A refusal stays a refusal, whichever status it has (conversion.md 9 STATUS)."""
    return kind == STATUS


def words(kind: str) -> str:
    return _WORDS[kind]


def text(decision: authz.Decision) -> str:
    """The verdict, who gives it and why."""
    match decision.verdict:
        case authz.Verdict.DENY:
            verdict = f"refused with {decision.status}" if decision.status else "refused, connection closed"
        case authz.Verdict.ASK:
            verdict = f"allowed if {', '.join(decision.providers)} agrees"
        case _:
            verdict = "allowed"
    by = f" by {decision.because}" if decision.because else ""
    way = " > ".join(map(str, decision.path))
    return f"{verdict}{by}{f' ({way})' if way else ''}" + ("; audited" if decision.audit else "")
