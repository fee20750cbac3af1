"""Differences of a plan as gaps: one for each policy and time, with all callers whom it concerns, and why it stays."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import NamedTuple

from ambimigrate.plan.proof.judge import REFUSED, UNAUDITED, UNENFORCED, UNPROVEN, Seen
from ambimigrate.plan.proof.moments import Moments
from ambimigrate.plan.proof.walk import Span
from ambimigrate.plan.values import Gap

_RANK = {UNENFORCED: 0, UNPROVEN: 1, REFUSED: 2, UNAUDITED: 3}
_ORDER = (UNPROVEN, UNENFORCED, REFUSED, UNAUDITED)
_WORDS = ("not proven", "not enforced", "refused", "not audited")
AGREED = "agreed to as"
STAYS = "the plan ends with it: no step closes it"


class Count(NamedTuple):
    """How bad an order is: pairs of policy and caller by kind, the worst first."""

    unproven: int
    unenforced: int
    refused: int
    unaudited: int

    def __str__(self) -> str:
        parts = [f"{number} {words}" for number, words in zip(self, _WORDS, strict=True) if number]
        return ", ".join(parts) or "none"


def count(spans: Iterable[Span]) -> Count:
    """The pairs of policy and caller for which something differs, by kind."""
    pairs = {(span.seen.kind, span.seen.policy, caller) for span in spans for caller in span.group.members}
    return Count(*(sum(kind == each for kind, _, _ in pairs) for each in _ORDER))


def gaps(spans: Iterable[Span], order: Moments, why: Callable[[Seen, tuple[Span, ...]], str]) -> tuple[Gap, ...]:
    """The gaps, the worst first."""
    found: dict[tuple[Seen, int, int, bool], list[Span]] = {}
    for span in spans:
        found.setdefault((span.seen, span.start, span.end, span.stays), []).append(span)
    made = [_gap(key, tuple(same), order, why) for key, same in found.items()]
    return tuple(each for _, each in sorted(made, key=lambda pair: pair[0]))


def _gap(
    key: tuple[Seen, int, int, bool], same: tuple[Span, ...], order: Moments, why: Callable[[Seen, tuple[Span, ...]], str]
) -> tuple[tuple[object, ...], Gap]:
    seen, start, end, stays = key
    callers = tuple(sorted({str(caller) for span in same for caller in span.group.members}))
    agreed = f"{AGREED} {', '.join(seen.named)}" if seen.named else ""
    reason = "; ".join(each for each in (agreed, STAYS if stays else "", why(seen, same)) if each)
    gap = Gap(
        seen.policy, callers, order[start].id, order[end].id, reason, seen.kind, min((span.witness for span in same), key=len)
    )
    return (_RANK[seen.kind], start, end, seen.policy, callers), gap


def by_wave(found: Iterable[Gap], waves: Mapping[str, int]) -> Iterator[tuple[int, Gap]]:
    """The gaps with the number of the wave in which they open."""
    yield from ((waves[gap.from_step], gap) for gap in found)
