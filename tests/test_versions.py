"""Versions as numbers, the patches of a backport, and lists of ranges."""

from __future__ import annotations

import pytest

from ambimigrate.versions import NEWEST, Version, at_least, in_ranges, parse


@pytest.mark.parametrize(
    ("text", "version"),
    [
        ("1.24.3", Version(1, 24, 3)),
        ("v1.24.3", Version(1, 24, 3)),
        ("1.28.6-distroless", Version(1, 28, 6)),
        ("1.31", NEWEST),
        ("1.24", Version(1, 24, 6)),
        ("1.99", Version(1, 99, 0)),
        (" 1.9.0 ", Version(1, 9, 0)),
    ],
)
def test_parse(text: str, version: Version) -> None:
    assert parse(text) == version


@pytest.mark.parametrize("text", ["", "1", "latest", "1.x", "1.2.3.4", "1.24 or so"])
def test_what_is_no_version(text: str) -> None:
    with pytest.raises(ValueError, match="is no version"):
        parse(text)


def test_versions_compare_as_numbers() -> None:
    assert parse("1.9.0") < parse("1.24.0") < parse("1.24.10")
    assert str(parse("1.24.10")) == "1.24.10"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1.28.5", False),
        ("1.28.6", True),
        ("1.29.1", False),
        ("1.29.2", True),
        ("1.30.0", True),
        ("1.32.0", True),
        ("1.27.9", False),
    ],
)
def test_at_least_knows_the_patches_of_a_backport(text: str, expected: bool) -> None:
    assert at_least(parse(text), "1.30.0", "1.28.6", "1.29.2") is expected


@pytest.mark.parametrize(
    ("text", "ranges", "expected"),
    [
        ("1.25.0", "*", True),
        ("1.25.0", "<1.25.1", True),
        ("1.25.1", "<1.25.1", False),
        ("1.26.0", ">=1.26", True),
        ("1.25.9", ">=1.26", False),
        ("1.28.6", "1.28.6-1.28.10, >=1.29.2", True),
        ("1.28.11", "1.28.6-1.28.10, >=1.29.2", False),
        ("1.29.1", "1.28.6-1.28.10, >=1.29.2", False),
        ("1.30.0", "1.28.6-1.28.10, >=1.29.2", True),
        ("1.27.7", "1.27", True),
        ("1.28.0", "1.27", False),
        ("1.27.3", "1.27.3", True),
        ("1.27.4", "1.27.3", False),
        ("1.29.9", "1.27-1.29", True),
    ],
)
def test_ranges(text: str, ranges: str, expected: bool) -> None:
    assert in_ranges(parse(text), ranges) is expected
