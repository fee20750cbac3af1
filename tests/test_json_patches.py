"""JSON patches of overlays: each does what its edit means, and says which items it means."""

from __future__ import annotations

from typing import Any

import pytest

from ambimigrate.changes import Delete, Edit, Set
from ambimigrate.converters.json_patches import is_exact_only_here, merged, operations, replayed
from ambimigrate.yamlio.edit import CannotEdit

TREE: dict[str, Any] = {
    "metadata": {"labels": {"a/b": "c"}},
    "spec": {"rules": [{"from": [{"source": {"principals": ["one", "two"]}}]}, {"when": []}], "empty": None},
}
RULE = ("spec", "rules", 0, "from", 0, "source", "principals")
TEST = {"op": "test", "path": "/spec/rules/0/from/0/source/principals/0", "value": "one"}


@pytest.mark.parametrize(
    ("edit", "op"),
    [
        (Set((*RULE, 2), "x"), {"op": "add", "path": "/spec/rules/0/from/0/source/principals/-", "value": "x"}),
        (Set((*RULE, 0), "x"), {"op": "replace", "path": "/spec/rules/0/from/0/source/principals/0", "value": "x"}),
        (Set(("spec", "rules", 0, "to"), [{"a": 1}]), {"op": "add", "path": "/spec/rules/0/to", "value": [{"a": 1}]}),
        (Set(("spec", "refs", 0, "kind"), "x"), {"op": "add", "path": "/spec/refs", "value": [{"kind": "x"}]}),
        (Set(("spec", "empty", "a"), {"b": 1}), {"op": "replace", "path": "/spec/empty", "value": {"a": {"b": 1}}}),
        (Set(("metadata", "labels"), {}), {"op": "replace", "path": "/metadata/labels", "value": {}}),
        (Delete(("spec", "rules", 1)), {"op": "remove", "path": "/spec/rules/1"}),
        (Delete(("metadata", "labels", "a/b")), {"op": "remove", "path": "/metadata"}),  # what becomes empty goes, too
    ],
)
def test_one_edit_is_one_operation(edit: Edit, op: dict[str, Any]) -> None:
    found = operations(TREE, [edit])
    assert found[-1] == op
    assert all(each["op"] == "test" for each in found[:-1])
    assert (found[:-1] == (TEST,)) == (RULE[:3] == edit.route[:3])


def test_items_go_from_the_last_and_tests_stand_once() -> None:
    found = operations(
        TREE, [Delete(("spec", "rules", 0)), Delete(("spec", "rules", 1)), Set((*RULE, 2), "x"), Set((*RULE, 3), "z")]
    )
    assert [each["path"] for each in found if each["op"] == "remove"] == ["/spec/rules/1", "/spec/rules"]
    assert found.count(TEST) == 1


def test_a_patch_that_does_not_fit_is_refused() -> None:
    with pytest.raises(CannotEdit, match="does not fit any more"):
        replayed(TREE, [{"op": "replace", "path": "/spec/rules/7/x", "value": 1}])
    with pytest.raises(CannotEdit, match="does not fit any more"):
        replayed(TREE, [{**TEST, "value": "other"}])
    with pytest.raises(CannotEdit, match="holds `move`"):
        replayed(TREE, [{"op": "move", "path": "/spec", "from": "/metadata"}])
    with pytest.raises(CannotEdit, match=r"no spec\.rules\.9"):
        operations(TREE, [Set(("spec", "rules", 9), {})])


def test_what_a_later_patch_would_undo_goes_into_it() -> None:
    label = Set(("metadata", "labels", "x"), "z")
    assert not is_exact_only_here(label, ())
    assert is_exact_only_here(label, [{"op": "replace", "path": "/metadata/labels", "value": {}}])
    assert not is_exact_only_here(label, [{"op": "replace", "path": "/metadata/labelsets", "value": {}}])
    assert is_exact_only_here(Set(("spec", "selector"), {"a": "b"}), ())


def test_a_merge_patch_of_mappings() -> None:
    assert merged({"a": {"b": 1, "c": 2}}, {"a": {"b": None, "d": 3}, "e": 4}) == {"a": {"c": 2, "d": 3}, "e": 4}
