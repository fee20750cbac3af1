"""Edits in the text of a document: what changes, what stays, and what is refused."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ambimigrate.changes import Delete, Edit, Set
from ambimigrate.yamlio import Document, values
from ambimigrate.yamlio.edit import CannotEdit, apply
from ambimigrate.yamlio.trees import edited
from ambimigrate.yamlio.write import text as written

LABELS = ("metadata", "labels")
MODE = (*LABELS, "istio.io/dataplane-mode")
OLD = (*LABELS, "istio-injection")


def after(text: str, *edits: Edit) -> str:
    return apply(Document("file.yaml", 0, 1, text), edits)


@pytest.mark.parametrize(
    ("before", "expected"),
    [
        ("metadata:\n  name: x\nspec: 1\n", "metadata:\n  name: x\n  labels:\n    istio.io/dataplane-mode: ambient\nspec: 1\n"),
        (
            "metadata:\n  labels:\n    a: b # c\n\n# d\n",
            "metadata:\n  labels:\n    a: b # c\n    istio.io/dataplane-mode: ambient\n\n# d\n",
        ),
        ("metadata:\n  labels:\nspec: 1", "metadata:\n  labels:\n    istio.io/dataplane-mode: ambient\nspec: 1"),
        ("metadata:\n  labels: {}\n", "metadata:\n  labels: {istio.io/dataplane-mode: ambient}\n"),
        ("metadata: {name: x}\n", "metadata: {name: x, labels: {istio.io/dataplane-mode: ambient}}\n"),
        ('{"metadata": {"labels": {"a": "b"}}}', '{"metadata": {"labels": {"a": "b", "istio.io/dataplane-mode": "ambient"}}}'),
        (
            "metadata:\r\n  name: |\r\n    x\r\n",
            "metadata:\r\n  name: |\r\n    x\r\n  labels:\r\n    istio.io/dataplane-mode: ambient\r\n",
        ),
        ("metadata:\n  name: x", "metadata:\n  name: x\n  labels:\n    istio.io/dataplane-mode: ambient"),
        ("x: &x {a: b}\nmetadata:\n  labels: *x\n", None),
        (
            "metadata:\n  labels:\n    <<: {a: b}\n",
            "metadata:\n  labels:\n    <<: {a: b}\n    istio.io/dataplane-mode: ambient\n",
        ),
        ("metadata:\n  labels: &l\n    a: b\nspec: *l\n", None),
        ("metadata:\n  labels: null\n", None),
        ("metadata: x\n", None),
    ],
)
def test_set_a_label(before: str, expected: str | None) -> None:
    if expected is None:
        with pytest.raises(CannotEdit):
            after(before, Set(MODE, "ambient"))
    else:
        assert after(before, Set(MODE, "ambient")) == expected


@pytest.mark.parametrize(
    ("before", "expected"),
    [
        (
            "metadata:\n  labels:\n    # why\n    istio-injection: enabled # now\n    a: b\n",
            "metadata:\n  labels:\n    # why\n    a: b\n",
        ),
        ("metadata:\n  name: x\n  labels:\n    istio-injection: enabled\n# end\n", "metadata:\n  name: x\n# end\n"),
        ("metadata: {labels: {istio-injection: enabled}, name: x}\n", "metadata: {name: x}\n"),
        ("metadata: {name: x, labels: {a: b, istio-injection: enabled}}\n", "metadata: {name: x, labels: {a: b}}\n"),
        ("metadata:\n  labels:\n    istio-injection: enabled\n    istio-injection: enabled\n", None),
        ("x: &x {istio-injection: enabled}\nmetadata:\n  labels:\n    <<: *x\n", None),
        ("metadata:\n  labels: {a: b}\n", None),
    ],
)
def test_delete_a_label(before: str, expected: str | None) -> None:
    if expected is None:
        with pytest.raises(CannotEdit):
            after(before, Delete(OLD))
    else:
        assert after(before, Delete(OLD)) == expected


@pytest.mark.parametrize(
    ("before", "edit", "expected"),
    [
        ("a:\n- b\n- c # d\n", Set(("a", 2), "e"), "a:\n- b\n- c # d\n- e\n"),
        ("a:\n  - b: 1\n    c: 2\n", Set(("a", 1), "e"), "a:\n  - b: 1\n    c: 2\n  - e\n"),
        ("a: [b]\n", Set(("a", 1), "on"), 'a: [b, "on"]\n'),
        ("b: 1\n", Set(("a", 0), "e"), "b: 1\na:\n  - e\n"),
        ("a:\n- b\n- c\n", Delete(("a", 0)), "a:\n- c\n"),
        ("a:\n- b\nc: d\n", Delete(("a", 0)), "c: d\n"),
        ("a: [b, c]\n", Delete(("a", 1)), "a: [b]\n"),
        ("a:\n- b: 1\n  c: 2\n", Delete(("a", 0, "b")), "a:\n- c: 2\n"),
        ("a:\n- b: 1\n  # about c\n  c: 2\n", Delete(("a", 0, "b")), None),
        ("a: 'b'\n", Set(("a",), "c"), "a: 'c'\n"),
        ("a: b # c\n", Set(("a",), "1e3"), 'a: "1e3" # c\n'),
        ("a: |\n  b\n", Set(("a",), "c"), None),
    ],
)
def test_lists_and_values(before: str, edit: Edit, expected: str | None) -> None:
    if expected is None:
        with pytest.raises(CannotEdit):
            after(before, edit)
    else:
        assert after(before, edit) == expected


KEYS = st.sampled_from(["a", "b", "on", "1e3", "x/y", "é", "key with space"])
LEAVES = st.sampled_from(["x", "yes", "12:30", "a: b", "# c", "", "0x1", "true", "- x", "é"])
TREES = st.recursive(
    LEAVES,
    lambda inner: st.dictionaries(KEYS, inner, min_size=1, max_size=3) | st.lists(inner, min_size=1, max_size=3),
    max_leaves=12,
)


@settings(deadline=None)
@given(st.dictionaries(KEYS, TREES, min_size=1, max_size=4), st.lists(KEYS, min_size=1, max_size=3), LEAVES)
def test_an_edit_gives_its_value_and_leaves_every_other_line(tree: dict[str, object], route: list[str], value: str) -> None:
    before = written(tree)
    assert values(Document("", 0, 1, before)).value == tree
    try:
        got = after(before, Set(tuple(route), value))
    except CannotEdit:
        return
    assert values(Document("", 0, 1, got)).value == edited(tree, Set(tuple(route), value))
    gone = [line for line in before.splitlines() if line not in got.splitlines()]
    assert len(gone) <= 1


@pytest.mark.parametrize("gap", ["", "  "])
def test_new_lists_are_indented_as_the_lists_of_the_text(gap: str) -> None:
    text = f"resources:\n{gap}- a.yaml\nimages:\n{gap}- name: x\n"
    changed = apply(Document("kustomization.yaml", 0, 1, text), [Set(("patches", 0), {"path": "b.yaml"})])
    assert changed == f"{text}patches:\n{gap}- path: b.yaml\n"
