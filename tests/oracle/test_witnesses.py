"""What is refused is refused for a reason: the best candidate decides its witness otherwise, or the case is impossible."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator

import pytest

from ambimigrate.changes import Held
from ambimigrate.model import Target
from ambimigrate.versions import parse
from tests.oracle import asking, candidates, grammar, worlds
from tests.oracle.test_random import drawn, orders

IMPOSSIBLE = {  # refusals that no single request to this mesh shows
    "invalid": "Istio refuses the object, so that nobody has it",
    "retries": "only a call that fails shows it",
    "retries-channel": "only a call that fails shows it",
    "source": "it is for some callers, and no request says who calls",
    "gateways": "a waypoint follows an entry that is not for the mesh",
}
UNPROVED = "no request is known that shows it"
MOST = 8  # refusals of one mesh, one after the other
Drawn = tuple[list[worlds.Tree], Target]


def refusals(objects: list[worlds.Tree], target: Target) -> Iterator[tuple[Held, list[worlds.Tree]]]:
    """What is refused of rules for requests, each without what was refused before it."""
    for _ in range(MOST):
        held = next(filter(_is_of_rule, worlds.converted(worlds.read(objects, target)).held), None)
        if held is None:
            return
        yield held, objects
        other = candidates.without(objects, held)
        if other is None or not grammar.is_valid(other):
            return
        objects = other


def _is_of_rule(held: Held) -> bool:
    route = held.position.route
    return held.because == ("VS901",) and held.ref.kind == "VirtualService" and route[:2] == ("spec", "http") and len(route) > 2


def verdict(held: Held, objects: list[worlds.Tree], target: Target) -> str:
    """How a refusal is shown: by a request that is decided otherwise, or why not."""
    case = candidates.case_of(held)
    if held.witness is None:
        return "unproved" if held.reason.endswith(UNPROVED) else IMPOSSIBLE.get(case, "nothing shows it")
    request = candidates.asked(held.witness)
    if request is None:
        return IMPOSSIBLE.get(case, "in words")
    found = candidates.best(objects, target, held)
    if found is None:
        return "more is refused"
    mesh, end = found
    release = parse("1.31.0") if held.witness.startswith(candidates.LATER) else None
    now = worlds.read(objects, target)
    before = [worlds.plain(worlds.by_sidecar(now, request, each, release)) for each in asking.CALLERS]
    after = asking.at_destination(mesh, end, request, release)
    return "shown" if any(each != after for each in before) else "decided alike"


def verdicts(found: Iterable[tuple[int, Drawn]]) -> Counter[str]:
    count: Counter[str] = Counter()
    for seed, (objects, target) in found:
        for held, own in refusals(objects, target):
            said = verdict(held, own, target)
            assert said in {"shown", "more is refused", "unproved", *IMPOSSIBLE.values()}, (
                seed,
                said,
                held.reason,
                held.witness,
            )
            assert held.alternative
            count[said] += 1
    return count


@pytest.mark.parametrize("first", range(0, 300, 50))
def test_the_best_candidate_decides_the_witness_otherwise(first: int) -> None:
    assert verdicts((seed, drawn(seed)) for seed in range(first, first + 50))["shown"] > 0


@pytest.mark.parametrize("first", range(0, 300, 50))
def test_a_request_shows_the_order_that_cannot_be_kept(first: int) -> None:
    found = verdicts((seed, orders(seed)) for seed in range(first, first + 50))
    assert found["shown"] > 4 * found["unproved"]
