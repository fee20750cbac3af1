"""What of a report its base knows: findings and problems, one for one."""

from __future__ import annotations

import pytest

from ambimigrate.gate.known import Base, compared, known, problems
from ambimigrate.model import Finding, Hit, Position, Problem, Ref, Severity

REF = Ref("VirtualService", "networking.istio.io", "shop", "web")


def finding(case: str, severity: str, *meshes: str, number: int = 0, fails_open: bool = False) -> Finding:
    route = ("spec", "http", number, "timeout")
    hit = Hit(Position("a.yaml", 1, 1, route), "message", case)
    name = f"{case}{severity}{meshes}{number}".encode().hex().ljust(64, "0")[:64]
    return Finding("VS001", Severity[severity], fails_open, REF, hit, "fix", meshes or ("",), name)


@pytest.mark.parametrize(
    ("before", "now", "wanted"),
    [
        ((finding("a", "warning"),), (finding("a", "warning"),), ["known"]),
        ((finding("a", "warning"),), (finding("a", "warning", number=1),), ["known"]),
        ((finding("a", "warning"),), (finding("b", "info"),), ["known"]),
        ((finding("a", "warning"),), (finding("b", "error"),), ["worse"]),
        ((finding("a", "warning"),), (finding("a", "warning"), finding("a", "warning", number=1)), ["known", "new"]),
        (
            (finding("a", "warning", "x", "y"),),
            (finding("a", "warning", "x"), finding("b", "warning", "y")),
            ["known", "known"],
        ),
        ((finding("a", "warning", "x"), finding("b", "warning", "y")), (finding("a", "warning", "x", "y"),), ["known"]),
        ((finding("a", "warning", "x"),), (finding("a", "warning", "x", "y"),), ["worse"]),
        ((finding("a", "error"),), (finding("a", "error", fails_open=True, number=1),), ["new"]),
        ((finding("a", "error", fails_open=True),), (finding("a", "error", fails_open=True, number=1),), ["new"]),
        ((), (finding("a", "info"),), ["new"]),
    ],
)
def test_new_worse_and_known(before: tuple[Finding, ...], now: tuple[Finding, ...], wanted: list[str]) -> None:
    found = compared(now, Base("base", tuple(known(each) for each in before)))
    assert [found.states[each.fingerprint] for each in now] == wanted


def test_what_lives_on_in_another_finding_is_not_fixed() -> None:
    two = (finding("a", "warning", "x"), finding("b", "warning", "y"))
    found = compared((finding("a", "warning", "x", "y"),), Base("base", tuple(known(each) for each in two)))
    assert found.fixed == ()
    assert len(compared((), Base("base", tuple(known(each) for each in two))).fixed) == 2


def test_problems_are_matched_one_for_one() -> None:
    same = Problem("broken", "a.yaml", 1)
    new, old = problems((same, Problem("broken", "b.yaml", 7)), (same,))
    assert (new, old) == ((Problem("broken", "b.yaml", 7),), (same,))
