"""Bad input gives one problem with its place, or a count; it never raises and never costs what else is there."""

from __future__ import annotations

from pathlib import Path

import pytest

from ambimigrate.decode import Reading
from ambimigrate.model import Target
from ambimigrate.report import report
from ambimigrate.sources.read import read_files
from ambimigrate.versions import NEWEST, NEWEST_GATEWAY_API

TARGET = Target(NEWEST, NEWEST_GATEWAY_API)
GOOD = "apiVersion: v1\nkind: Service\nmetadata: {name: good, namespace: shop}\n"
HEAD = "apiVersion: networking.istio.io/v1\nkind: VirtualService\nmetadata: {name: api, namespace: shop}\n"
BOMB = "".join(f"l{n}: &l{n} [{', '.join([f'*l{n - 1}'] * 9)}]\n" for n in range(1, 10))

# content of a file -> line of the one problem and a part of its message
PROBLEMS: dict[str, tuple[bytes, int | None, str]] = {
    "unparsable": (f"{HEAD}spec: [1, 2\nx: y\n".encode(), 5, "not valid YAML"),
    "second document": (f"{GOOD}---\n{HEAD}spec: {{a: b: c}}\n".encode(), 8, "not valid YAML"),
    "tab": (f"{HEAD}spec:\n\thosts: [a]\n".encode(), 5, "tab"),
    "conflict of a merge": (f"{HEAD}<<<<<<< HEAD\nspec: {{}}\n=======\n>>>>>>> main\n".encode(), 5, "not valid YAML"),
    "wrong type": (f"{HEAD}spec:\n  hosts: api\n".encode(), 5, "at spec.hosts"),
    "wrong type deep down": (
        f"{HEAD}spec:\n  http:\n  - route:\n    - weight: many\n".encode(),
        7,
        "at spec.http.0.route.0.weight",
    ),
    "metadata is a list": (b"apiVersion: v1\nkind: Service\nmetadata: [1]\n", 3, "at metadata"),
    "name is a number": (b"apiVersion: v1\nkind: Service\nmetadata:\n  name: 7\n", 4, "at metadata.name"),
    "label is a truth value": (
        b"apiVersion: v1\nkind: Namespace\nmetadata: {name: a, labels: {b: yes}}\n",
        3,
        "metadata.labels",
    ),
    "duplicate key": (f"{HEAD}spec:\n  hosts: [a]\n  hosts: [b]\n".encode(), 6, "'hosts' stands twice"),
    "latin-1": (f"{HEAD}# Größe\n".encode("latin-1"), 4, "not UTF-8"),
    "UTF-16": (HEAD.encode("utf-16"), 1, "UTF-16"),
    "control character": (f"{HEAD}spec: {{a: '\x01'}}\n".encode(), 4, "control characters"),
    "alias bomb": (f"{HEAD}l0: &l0 [x]\n{BOMB}".encode(), None, "aliases expand"),
    "deep nesting": (f"{HEAD}spec: {'[' * 50_000}{']' * 50_000}\n".encode(), 1, "nested too deeply"),
    "deep block": (f"{HEAD}spec:\n{'- ' * 50_000}x\n".encode(), 1, "nested too deeply"),
    "alias of itself": (f"{HEAD}spec: &a {{b: *a}}\n".encode(), 1, "nested too deeply"),
    "a long number": (f"{HEAD}spec: {{http: [{{timeout: {'9' * 5000}.5}}], hosts: 3}}\n".encode(), 4, "at spec."),
}

# content of a file -> the count that it is in
COUNTED: dict[str, tuple[bytes, str]] = {
    "values": (b"replicas: 3\nimage: {tag: x}\n", "no object"),
    "a list": (b"- kind: Service\n- b\n", "no object"),
    "a text": (b"kind of Service, kind: Service it is", "no object"),
    "unparsable values": (b"a: [1, 2\nb: {{ .Values.x }}\n", "no object"),
    "another kind": (b"apiVersion: v1\nkind: Secret\nmetadata: {name: 7}\n", "other kinds"),
    "same kind elsewhere": (b"apiVersion: appmesh.k8s.aws/v1beta2\nkind: VirtualService\nmetadata: {name: 7}\n", "other kinds"),
    "without a version": (b"kind: Service\nmetadata: {name: 7}\n", "no object"),
    "kind is no text": (b"apiVersion: v1\nkind: [Service]\n# kind: Service\n", "no object"),
    "binary": (bytes(range(256)) * 40, "not UTF-8"),
}


def read(folder: Path) -> Reading:
    (folder / "good.yaml").write_text(GOOD, encoding="utf-8")
    reading = read_files([str(folder)], TARGET)
    assert "good" in {each.name for each in reading.meshes[0].resources}
    report(reading)
    return reading


@pytest.mark.parametrize("name", PROBLEMS)
def test_one_problem_with_its_place(name: str, tmp_path: Path) -> None:
    content, line, message = PROBLEMS[name]
    (tmp_path / "bad.yaml").write_bytes(content)
    (problem,) = read(tmp_path).problems
    assert problem.file == f"{tmp_path}/bad.yaml"
    assert message in problem.message
    assert problem.line == line or (line is None and problem.line)


@pytest.mark.parametrize("name", COUNTED)
def test_only_counted(name: str, tmp_path: Path) -> None:
    content, count = COUNTED[name]
    (tmp_path / "other.yaml").write_bytes(content)
    reading = read(tmp_path)
    assert reading.problems == ()
    assert reading.counts.skipped == {count: 1}


def test_other_documents_of_a_bad_file_are_read(tmp_path: Path) -> None:
    bad = f"{GOOD.replace('good', 'first')}---\n{HEAD}spec: [\n---\n{GOOD.replace('good', 'last')}"
    (tmp_path / "bad.yaml").write_text(bad, encoding="utf-8")
    reading = read(tmp_path)
    assert {each.name for each in reading.meshes[0].resources} == {"first", "good", "last"}
    assert len(reading.problems) == 1


def test_items_of_a_list_stand_for_themselves(tmp_path: Path) -> None:
    items = "- {apiVersion: v1, kind: Service, metadata: {name: a}}\n- {apiVersion: v1, kind: Service, metadata: 3}\n- 4\n"
    (tmp_path / "list.yaml").write_text(f"apiVersion: v1\nkind: List\nitems:\n{items}", encoding="utf-8")
    reading = read(tmp_path)
    assert [(problem.line, problem.kind) for problem in reading.problems] == [(5, "Service")]
    assert reading.counts.objects == {"Service": 3}
    assert reading.counts.skipped == {"no object": 1}
