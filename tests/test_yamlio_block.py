"""The quick writer of new objects lays them out as the general one does, and both read back as the same values."""

from __future__ import annotations

from typing import Any

import yaml
from hypothesis import given
from hypothesis import strategies as st

from ambimigrate.yamlio import write

WORDS = [
    "on",
    "n",
    "1e3",
    "12:30",
    "0x1",
    "",
    "a b",
    "x: y",
    "- a",
    "#c",
    "a #b",
    "100%",
    "*",
    "/.*",
    "(?i)/a",
    "é",
    "a\tb",
    "[a]",
    "null",
    "~",
]
STRINGS = st.sampled_from(WORDS) | st.text(st.characters(min_codepoint=32, max_codepoint=0x7E), max_size=8)
LEAVES = STRINGS | st.booleans() | st.integers(-5, 70000)
KEYS = st.sampled_from(["a", "b-c", "ambimigrate.io/from", "on", "1", "x y", "", "matchLabels"])
TREES = st.recursive(
    LEAVES, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=3), max_leaves=12
)


@given(st.dictionaries(KEYS, TREES, min_size=1, max_size=4))
def test_both_writers_agree(tree: dict[str, Any]) -> None:
    written = write.text(tree)
    assert written == write._dumped(write.ordered(tree))


@given(st.dictionaries(KEYS, STRINGS, min_size=1, max_size=4))
def test_strings_stay_strings(tree: dict[str, str]) -> None:
    assert yaml.safe_load(write.text(tree)) == tree
