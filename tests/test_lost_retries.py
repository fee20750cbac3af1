"""Retries that are lost by agreement: what binds the Service to its waypoint says so, with what shows it."""

from __future__ import annotations

from ambimigrate.convert import Choice
from tests.test_convert import FOLDER, agreed, converted, nothing, target

CASE = FOLDER / "accepted-retries@1.27.9"


def test_the_binding_differs_and_shows_a_call_that_nobody_retries() -> None:
    _, conversion, _ = converted(CASE / "input", target(CASE), Choice(settings=agreed(CASE)), nothing)
    (found,) = [each for each in conversion.changes if "VS919" in each.because]
    assert (found.stage.name, found.verdict) == ("bind", "differs")
    assert (found.witness or "").startswith("a call to web:80 whose connection is refused")
