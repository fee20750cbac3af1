"""YAML as Kubernetes reads it, and the place of every key and item in the text."""

from __future__ import annotations

import json
import math
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ambimigrate.model import Route
from ambimigrate.yamlio import Document, Unreadable, documents, values
from ambimigrate.yamlio.scalars import plain
from tests.conftest import FIXTURES

SCALARS = {
    "yes": True,
    "Y": True,
    "on": True,
    "TRUE": True,
    "n": False,
    "Off": False,
    "yEs": "yEs",
    "~": None,
    "null": None,
    "nULL": "nULL",
    "010": 8,
    "0o17": 15,
    "0O17": 15,
    "08": 8.0,
    "0b11": 3,
    "-0b11": -3,
    "0x1F": 31,
    "0X1f": 31,
    "1_000": 1000,
    "+1": 1,
    "-12": -12,
    "1.": 1.0,
    ".5": 0.5,
    "+.5": 0.5,
    "1e3": 1000.0,
    "1E+3": 1000.0,
    "1e400": "1e400",
    "18446744073709551615": 18446744073709551615,
    "18446744073709551616": 18446744073709551616.0,
    "-9223372036854775809": -9223372036854775809.0,
    "0x10000000000000000": "0x10000000000000000",
    "0777777777777777777777777777": 7.777777777777778e26,
    "1" * 5000: "1" * 5000,
    "12:30": "12:30",
    "190:20:30": "190:20:30",
    "2024-01-01": "2024-01-01",
    "2024-01-01T10:00:00Z": "2024-01-01T10:00:00Z",
    "1.28.6": "1.28.6",
    ".": ".",
    "-": "-",
    "_1": "_1",
    "=": "=",
    "0x": "0x",
    "1e": "1e",
    "é": "é",
}

DOCUMENTS = {
    "merge key": ("base: &b {x: 1, z: 2}\nuse:\n  <<: *b\n  z: 3\n", {"base": {"x": 1, "z": 2}, "use": {"x": 1, "z": 3}}),
    "what is merged wins over keys in front": ("use:\n  z: 3\n  <<: {x: 1, z: 2}\n", {"use": {"z": 2, "x": 1}}),
    "the first of several sources wins": ("use:\n  <<: [{x: 1}, {x: 2, z: 2}]\n", {"use": {"x": 1, "z": 2}}),
    "merge key in quotes": ('"<<": {x: 1}\n', {"<<": {"x": 1}}),
    "keys become strings": ("1.0: a\n2.5: b\nyes: c\n010: d\n", {"1": "a", "2.5": "b", "true": "c", "8": "d"}),
    "tags": ("a: !!str 1\nb: !custom 1\nc: !!int '3'\nd: !Ref yes\n", {"a": "1", "b": "1", "c": 3, "d": "yes"}),
    "quotes": ("a: 'yes'\nb: \"010\"\nc: |\n  on\nd: >-\n  1\n", {"a": "yes", "b": "010", "c": "on\n", "d": "1"}),
    "nothing is left out": ("a: ~\nb:\nc: 1\nd: null\n", {"c": 1}),
    "anchors": ("a: &x [1, 2]\nb: *x\n", {"a": [1, 2], "b": [1, 2]}),
    "flow": ("{a: {b: [1, {c: d}]}}", {"a": {"b": [1, {"c": "d"}]}}),
    "JSON with tabs": ('{\n\t"a":\t1,\n\t"b": [true, null]\n}', {"a": 1, "b": [True, None]}),
    "JSON with pairs of escapes": ('{"a": "\\ud83d\\ude00"}', {"a": "\U0001f600"}),
    "JSON with half of a pair": ('{"a": "\\ud83d"}', {"a": "\ufffd"}),
}

UNREADABLE = {
    "tab": ("a:\n  b: 1\n\tc: 2\n", 3, "found a tab"),
    "open bracket": ("a: 1\nb: [1, 2\nc: 3\n", 3, "expected ',' or"),
    "alias of nothing": ("a: 1\nb: *gone\n", 2, "undefined alias"),
    "conflict of a merge": ("a: 1\n<<<<<<< HEAD\nb: 2\n=======\nb: 3\n>>>>>>> main\n", 3, "not valid YAML"),
    "merge of a scalar": ("a: 1\nb:\n  <<: 3\n", 3, "merge key"),
    "control character": ("a: 1\nb: \x01\n", 2, "control characters"),
    "a deep one": ("[" * 3000 + "]" * 3000, 1, "nested too deeply"),
    "a deep and long one": ("[" * 60_000, 1, "nested too deeply"),
    "a deep block": ("a: 1\nb:\n" + "- " * 60_000 + "x", 1, "nested too deeply"),
    "itself": ("a: &a\n  - *a\n", 1, "nested too deeply"),
}


def read(text: str) -> Any:
    return values(Document("x.yaml", 0, 1, text)).value


@pytest.mark.parametrize("text", SCALARS)
def test_plain_scalar(text: str) -> None:
    assert plain(text) == SCALARS[text]
    assert type(plain(text)) is type(SCALARS[text])


@pytest.mark.parametrize("name", DOCUMENTS)
def test_document(name: str) -> None:
    text, expected = DOCUMENTS[name]
    assert read(text) == expected


@pytest.mark.parametrize("name", UNREADABLE)
def test_unreadable_document_says_why_and_where(name: str) -> None:
    text, line, message = UNREADABLE[name]
    with pytest.raises(Unreadable, match=message) as caught:
        values(Document("x.yaml", 100, 11, text))
    assert caught.value.line == line + 10


def test_aliases_do_not_expand_without_bound() -> None:
    levels = "".join(f"l{n}: &l{n} [{', '.join([f'*l{n - 1}'] * 9)}]\n" for n in range(1, 12))
    with pytest.raises(Unreadable, match="aliases expand to more than"):
        read(f"l0: &l0 [x, x, x]\n{levels}")


def test_duplicate_keys_are_told_with_their_lines_and_the_last_one_counts() -> None:
    found = values(Document("x.yaml", 0, 5, "a: 1\nb: {c: 1, c: 2}\na: 3\nd: ~\nd: 4\n"))
    assert found.value == {"a": 3, "b": {"c": 2}, "d": 4}
    assert found.duplicates == [("c", 6), ("a", 7), ("d", 9)]


@pytest.mark.skipif(shutil.which("kubectl") is None, reason="kubectl is not on PATH: nothing to compare with")
def test_kubectl_reads_the_same(tmp_path: Path) -> None:
    """`--local` asks no server; numbers pass through JSON, which tells neither 1 from 1.0 nor great integers apart."""
    cases = [text for text in SCALARS if len(text) < 100]
    nested = [text for text, _ in DOCUMENTS.values() if "<<" in text or text[0] != "{"]
    body = "".join(f"- {text}\n" for text in cases)
    trees = "".join(f"t{n}:\n{indented(text)}" for n, text in enumerate(nested))
    file = tmp_path / "object.yaml"
    file.write_text(f"apiVersion: v1\nkind: X\nmetadata: {{name: x}}\nlist:\n{body}{trees}", encoding="utf-8")
    ran = subprocess.run(
        ["kubectl", "label", "--local", "-f", str(file), "l=m", "-o", "json"], capture_output=True, text=True, check=True
    )
    theirs, ours = json.loads(ran.stdout), read(file.read_text(encoding="utf-8"))
    for text, one, other in zip(cases, theirs["list"], ours["list"], strict=True):
        assert same(one, other), text
    assert {key: without_nothing(value) for key, value in theirs.items() if key[0] == "t"} == {
        key: value for key, value in ours.items() if key[0] == "t"
    }


def same(one: Any, other: Any) -> bool:
    both = isinstance(one, int | float) and isinstance(other, int | float) and not isinstance(one, bool)
    return math.isclose(one, other) if both else type(one) is type(other) and one == other


def indented(text: str) -> str:
    return "".join(f"  {line}\n" for line in text.splitlines())


def without_nothing(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: without_nothing(item) for key, item in value.items() if item is not None}
    return value


TEXTS = {
    "plain": "# a comment\n\nkind: A\nspec:\n  http:\n  - name: x\n    match:\n    - uri: {prefix: /a}\n",
    "CRLF": "# a comment\r\nkind: A\r\nspec:\r\n  list:\r\n    - a\r\n    - b: c\r\n",
    "several": "# first\n---\nkind: A\n--- # second\nkind: B\nspec: {a: [1, 2]}\n...\n---\n- c\n",
    "not ASCII": "kind: Ä\nspec: {Größe: [ä, ö], z: 1}\n",
    "JSON": '{\n\t"kind": "A",\n\t"spec": {\t"a": [1,\t{"b": "\\ud83d\\ude00", "c": 2}]}\n}\n',
    "List": "kind: List\nitems:\n- kind: A\n  spec:\n    x: 1\n- kind: B\n",
    "quoted keys": "'kind': A\n\"spec\":\n  ? a\n  : b\n",
}


def leaves(value: Any, route: Route = ()) -> Iterator[Route]:
    inside = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    yield route
    for step, item in inside:
        yield from leaves(item, (*route, step))


def assert_positions(file: str, text: str) -> None:
    """Every key stands where its position says, in the text of the file as an editor shows it."""
    lines = text.split("\n")
    for document in documents(file, text):
        found = values(document).value
        for route in leaves(found):
            position = document.at(route)
            assert position.route == route
            assert position.line is not None
            assert position.column is not None
            rest = lines[position.line - 1][position.column - 1 :]
            if route and isinstance(route[-1], str):
                assert rest.lstrip("\"'? ").startswith(route[-1]), (route, rest)


@pytest.mark.parametrize("name", TEXTS)
def test_position_of_every_key_and_item(name: str) -> None:
    assert_positions(name, TEXTS[name])


def manifests() -> list[Path]:
    return sorted(path for path in FIXTURES.rglob("*") if path.suffix in {".yaml", ".json"} and "reading" not in path.parts)


def test_position_of_every_key_and_item_of_all_fixtures() -> None:
    for path in manifests():
        text = path.read_bytes().decode()
        if "<<:" not in text:
            assert_positions(str(path), text)


def test_position_of_what_is_not_there_is_that_of_the_nearest_ancestor() -> None:
    document = Document("x.yaml", 0, 8, "kind: A\nspec:\n  http:\n    - name: x\n")
    assert document.at(("spec", "http", 0, "timeout", "x")) == ("x.yaml", 11, 7, ("spec", "http", 0))
    assert document.at(("spec", "http", 7)) == ("x.yaml", 10, 3, ("spec", "http"))
    assert document.at(()) == ("x.yaml", 8, 1, ())
    assert document.at(("nothing",)) == ("x.yaml", 8, 1, ())


def test_position_behind_an_alias_and_a_merge_key_is_where_the_text_stands() -> None:
    document = Document("x.yaml", 0, 1, "a: &a\n  x: 1\nb:\n  <<: *a\nc: *a\n")
    assert document.at(("b", "x")).line == 2
    assert document.at(("c", "x")).line == 2


def test_position_of_a_duplicate_key_is_that_of_the_one_that_counts() -> None:
    document = Document("x.yaml", 0, 1, "a: 1\nb: 2\na: 3\n")
    assert document.at(("a",)).line == 3
    merged = Document("x.yaml", 0, 1, "use:\n  z: 3\n  <<:\n    z: 2\n")
    assert merged.at(("use", "z")).line == 4


def test_documents_are_slices_of_the_text() -> None:
    text = "# head\n---\na: 1\n---   \nb: '--- no marker'\n...\n# tail\n--- {c: 1}\n---x: 1\n"
    found = list(documents("x.yaml", text))
    assert [text[each.start : each.start + len(each.text)] for each in found] == [each.text for each in found]
    assert [each.first_line for each in found] == [1, 2, 4, 6, 8]
    assert [each.text.strip() for each in found[1:3]] == ["a: 1", "b: '--- no marker'"]


@given(st.text(alphabet=st.characters(exclude_categories=["Cs"]), max_size=60))
def test_any_text_is_read_or_unreadable(text: str) -> None:
    for document in documents("x.yaml", text):
        try:
            found = values(document).value
        except Unreadable as error:
            assert error.line >= 1
        else:
            json.dumps(found).encode()
        document.at(("a", 0, "b"))


TREES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8) | st.sampled_from(sorted(SCALARS)),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text("abc~<{[:-# ", max_size=4), inner, max_size=3),
    max_leaves=12,
)


@given(TREES, st.sampled_from([None, 1]))
def test_json_is_read_as_json(tree: Any, indent: int | None) -> None:
    text = json.dumps({"a": tree}, indent=indent)
    assert read(text) == _expected({"a": tree})


def _expected(tree: Any) -> Any:
    if isinstance(tree, dict):
        return {key: _expected(item) for key, item in tree.items() if item is not None}
    if isinstance(tree, list):
        return [_expected(item) for item in tree]
    big = isinstance(tree, int) and not -(2**63) <= tree < 2**64
    return float(tree) if big else tree
