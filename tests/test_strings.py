"""Tests of strings, and what is known of two of them without trying every string."""

from __future__ import annotations

from typing import Any

import pytest

from ambimigrate.converters.routing.conditions import Condition, covers, intersection
from ambimigrate.converters.routing.methods import example, methods, takes
from ambimigrate.converters.routing.order import Item, Line, Order, clashes
from ambimigrate.converters.routing.repair import line, repaired
from ambimigrate.converters.routing.strings import (
    EXACT,
    PREFIX,
    PRESENT,
    REGEX,
    excludes,
    implies,
    is_full_match,
    quoted,
    start,
)
from ambimigrate.converters.routing.strings import Test as Compare


@pytest.mark.parametrize(
    ("pattern", "text"),
    [
        ("/a/.*", "/a/"),
        ("/a+b", "/a"),
        ("/ab?c", "/a"),
        ("/a{2}", "/"),
        (r"/v1\.0/x", "/v1.0/x"),
        (r"/\d+", "/"),
        ("/a|/b", ""),
        ("/(a|b)/c", "/"),
        ("/[|]", ""),  # certain only by more than counting brackets
        ("(?i)/a", ""),
        (r"/\Qa.b", ""),
        ("^/a", ""),
        ("/a$", "/a"),
        ("", ""),
    ],
)
def test_the_text_with_which_a_pattern_starts(pattern: str, text: str) -> None:
    assert start(pattern) == text


@pytest.mark.parametrize(
    ("narrow", "wide", "wanted"),
    [
        (Compare(REGEX, "/a/[0-9]+"), Compare(PREFIX, "/a/"), True),
        (Compare(REGEX, "/a/[0-9]+"), Compare(PREFIX, "/A/", fold=True), True),
        (Compare(REGEX, "/a|/b"), Compare(PREFIX, "/a"), False),
        (Compare(PREFIX, "/a"), Compare(REGEX, "/a.*"), False),  # a byte that is no UTF-8 passes the one alone
        (Compare(EXACT, "/A", fold=True), Compare(EXACT, "/a"), False),
        (Compare(EXACT, "/A"), Compare(EXACT, "/a", fold=True), True),
        (Compare(EXACT, ""), Compare(PRESENT), True),
    ],
)
def test_what_implies_what(narrow: Compare, wide: Compare, wanted: bool) -> None:
    assert implies(narrow, wide) is wanted


@pytest.mark.parametrize(
    ("left", "right", "wanted"),
    [
        (Compare(REGEX, "/a/.*"), Compare(REGEX, "/b/.*"), True),
        (Compare(REGEX, "/a/.*"), Compare(REGEX, "/a/b/.*"), False),
        (Compare(REGEX, "/a/.*"), Compare(PREFIX, "/b"), True),
        (Compare(REGEX, "/a/.*"), Compare(EXACT, "/a"), True),
        (Compare(PRESENT), Compare(EXACT, "x"), False),
        (Compare(PREFIX, "/a", fold=True), Compare(PREFIX, "/AB"), False),
    ],
)
def test_what_excludes_what(left: Compare, right: Compare, wanted: bool) -> None:
    assert excludes(left, right) is excludes(right, left) is wanted


def test_without_case_only_letters_of_ascii_fold() -> None:
    text = quoted("/ask.K", fold=True)
    assert is_full_match(text, "/aSK.k")
    assert not any(is_full_match(text, other) for other in ("/a\u017fk.K", "/as\u212a.K", "/askxK"))


def test_one_match_has_each_header_once() -> None:
    left = Condition(headers={"x": Compare(PREFIX, "a")})
    assert intersection(left, Condition(headers={"x": Compare(EXACT, "ab")})) == Condition(headers={"x": Compare(EXACT, "ab")})
    assert intersection(left, Condition(headers={"x": Compare(REGEX, ".*b")})) is None


@pytest.mark.parametrize(
    ("wanted", "names"),
    [
        (Compare(REGEX, "GET|HEAD"), ("GET", "HEAD")),
        (Compare(REGEX, "^(?:GET|HEAD)$"), ("GET", "HEAD")),
        (Compare(REGEX, ".*"), (None,)),
        (Compare(EXACT, "PATCH"), ("PATCH",)),
        (Compare(EXACT, "get"), ("get",)),
        (Compare(REGEX, "^GET|PURGE$"), ("GET", "regex ^GET|PURGE$")),
        (Compare(REGEX, "G.*"), ("GET", "regex G.*")),
        (Compare(PREFIX, "PO"), ("POST", "prefix PO")),
    ],
)
def test_methods_are_named_and_others_stand_for_all_that_may_pass(wanted: Compare, names: tuple[str | None, ...]) -> None:
    assert methods(wanted) == names


@pytest.mark.parametrize(
    ("method", "name"),
    [("PROPFIND", "PROPFIND"), ("prefix PO", "POX"), ("prefix P", "PURGE"), ("regex [A-Z]{4}", "LOCK"), ("regex [0-9]", None)],
)
def test_an_example_of_methods_without_a_name(method: str, name: str | None) -> None:
    assert example(method) == name
    assert name is None or takes(method, name)


def test_repairs_end_where_they_do_not_help() -> None:
    def act(item: Item) -> dict[str, Any]:
        return {"n": item.rule}

    def own(number: int, condition: Condition, type: str, value: str) -> Line:
        return line(Item(number, (), condition, {}), act, type, value)

    order = Order()
    lines = [
        own(0, Condition(Compare(REGEX, "/[a-z]+")), "RegularExpression", "/[a-z]+"),
        own(1, Condition(Compare(PREFIX, "/a/")), "PathPrefix", "/a/"),
        own(2, Condition(Compare(REGEX, "/a.*")), "RegularExpression", "/a.*"),
    ]
    assert list(clashes(lines, order)) == [(0, 1)]
    assert not isinstance(repaired(lines, act, order), list)


@pytest.mark.parametrize(
    ("narrow", "wide", "wanted"),
    [
        (Compare(PRESENT), Compare(EXACT, "1"), True),  # without the header it is not 1
        (Compare(PRESENT), Compare(EXACT, ""), False),  # a missing header counts as empty
        (Compare(PRESENT), Compare(PRESENT), True),
        (Compare(PREFIX, "1"), Compare(EXACT, "12"), True),
        (Compare(EXACT, "12"), Compare(PREFIX, "1"), False),
        (Compare(EXACT, "1"), Compare(PRESENT), False),
    ],
)
def test_what_leaves_out_more_is_covered(narrow: Compare, wide: Compare, wanted: bool) -> None:
    assert covers(Condition(without={"x-a": wide}), Condition(without={"x-a": narrow})) is wanted
