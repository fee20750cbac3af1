"""What is not enforced while a step lasts and after it, in words: as the gaps have it, and what no gap can tell."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from ambimigrate.plan.proof.gaps import AGREED, STAYS
from ambimigrate.plan.proof.judge import REFUSED, UNENFORCED, UNPROVEN
from ambimigrate.plan.values import Gap, Step

_WORDS = {UNENFORCED: "is not enforced for", UNPROVEN: "could not be followed for", REFUSED: "refuses"}
_NOTHING = "nothing"
_GAPS, _CALLERS = 2, 3  # that are named


def words(step: Step, ids: Sequence[str], gaps: Sequence[Gap]) -> str:
    """For a step that changes something; what it says itself is added, or stays if it says `nothing`."""
    if not (step.changes or step.enrolls) or step.unenforced.startswith(_NOTHING):
        return step.unenforced
    at = ids.index(step.id)
    open_ = [each for each in gaps if each.kind in _WORDS and ids.index(each.from_step) <= at <= ids.index(each.to_step)]
    return "; ".join(each for each in (*_of_gaps(step, open_), step.unenforced) if each)


def _of_gaps(step: Step, found: Sequence[Gap]) -> Iterator[str]:
    if not found:
        yield f"{_NOTHING}, as the proof shows"
    for gap in found[:_GAPS]:
        more = f" and {len(gap.callers) - _CALLERS} more" if len(gap.callers) > _CALLERS else ""
        agreed = f" ({gap.why.partition(';')[0]})" if gap.why.startswith(AGREED) else ""
        yield f"{gap.policy} {_WORDS[gap.kind]} {', '.join(gap.callers[:_CALLERS])}{more}, {_when(step, gap)}{agreed}"
    if len(found) > _GAPS:
        yield f"and {len(found) - _GAPS} more, as --explain-gaps shows"


def _when(step: Step, gap: Gap) -> str:
    first = "from here" if gap.from_step == step.id else f"from {gap.from_step}"
    if STAYS in gap.why:
        return f"{first} on"
    if gap.to_step == step.id:
        return "in this step" if gap.from_step == step.id else f"{first} to the end of this step"
    return f"{first} to {gap.to_step}"
