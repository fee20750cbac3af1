"""Whole repositories: what is read is what kustomize builds, what is written still builds, and edits touch their lines only."""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml
from deepdiff import DeepDiff

from ambimigrate.analyse import analyse
from ambimigrate.changes import Set
from ambimigrate.convert import Choice, based, convert
from ambimigrate.kinds import KINDS
from ambimigrate.layout.kustomize import follow
from ambimigrate.model import Route, Target
from ambimigrate.sinks import texts, tree
from ambimigrate.sources import renderers
from ambimigrate.sources.files import trees
from ambimigrate.sources.read import _kustomizations, read_files
from ambimigrate.versions import NEWEST, NEWEST_GATEWAY_API
from ambimigrate.yamlio import Document, Unreadable, documents, values
from ambimigrate.yamlio.edit import CannotEdit, apply
from tests.conftest import FIXTURES

FOLDER = FIXTURES.parents[1] / "shared" / "corpus"
REPOS = sorted(path for path in (FOLDER if FOLDER.is_dir() else FIXTURES / "repos").glob("*") if path.is_dir())
KUSTOMIZED = [path for path in REPOS if next(path.rglob("kustomization.y*ml"), None)]
TARGET = Target(NEWEST, NEWEST_GATEWAY_API)
FILES, LONG, MOST = 2_000, 60_000, 60
Key = tuple[str, str, str]  # kind, namespace, name

needs_renderer = pytest.mark.skipif(renderers.find() is None, reason="neither kustomize nor kubectl is on PATH")


@cache
def roots(repo: Path) -> tuple[Path, ...]:
    """The root kustomizations that lie in the tree with all their parts; of very many the first ones."""
    found = next(trees([str(repo)]))
    following = follow(_kustomizations(found)[0], frozenset(map(found.shown, found.files)))
    whole = (folder for folder, parts in following.parts.items() if not {each.file for each in parts} & following.broken)
    return tuple(Path(folder) for folder in sorted(whole))[:MOST]


def built(folders: tuple[Path, ...]) -> dict[Path, dict[Key, Any]]:
    """The objects of each kustomization that builds."""
    renderer = renderers.find()
    assert renderer is not None
    made = renderers.build_all(renderer, folders)
    return {folder: objects(each.text) for folder, each in made.items() if isinstance(each, renderers.Built)}


def objects(text: str) -> dict[Key, Any]:
    found: dict[Key, Any] = {}
    for each in yaml.load_all(text, yaml.CBaseLoader):
        if each:
            metadata = each["metadata"]
            metadata.get("annotations", {}).pop("config.kubernetes.io/origin", None)
            found[each["kind"], metadata.get("namespace", ""), metadata.get("name", "")] = each
    return found


def is_read(value: Mapping[str, Any]) -> bool:
    group = value["apiVersion"].rpartition("/")[0]
    return (group, value["kind"]) in KINDS and value["kind"] not in {"ConfigMap", "Secret"}  # of these only parts are read


@needs_renderer
@pytest.mark.parametrize("repo", KUSTOMIZED, ids=lambda path: path.name)
def test_what_is_read_is_what_kustomize_builds(repo: Path) -> None:
    reading = read_files([str(repo)], TARGET, render="always")
    ours = {(each.kind, each.body.metadata.namespace, each.name) for mesh in reading.meshes for each in mesh.resources}
    unread = {problem.file for problem in reading.problems}
    for folder, members in built(roots(repo)).items():
        wanted = {key for key, value in members.items() if is_read(value)}
        missing = wanted - ours
        assert not missing or any(file.startswith(str(folder)) for file in unread), folder


@needs_renderer
@pytest.mark.parametrize("repo", KUSTOMIZED, ids=lambda path: path.name)
def test_what_is_written_still_builds_and_differs_in_what_the_report_names(repo: Path, tmp_path: Path) -> None:
    reading = read_files([str(repo)], TARGET, render="always")
    conversion = convert(reading.meshes, analyse(reading.meshes), Choice())
    files = tree.files(str(repo))
    texts.rewrite(conversion.changes, based, files)
    tree.copy(str(repo), str(tmp_path / "out"), files.changed)
    named = {(each.ref.kind, each.ref.name) for each in conversion.changes}
    before = built(roots(repo))
    after = built(tuple(tmp_path / "out" / each.relative_to(repo) for each in before))
    for folder, old in before.items():
        new = after[tmp_path / "out" / folder.relative_to(repo)]
        differing = {key for key in old.keys() | new.keys() if old.get(key) != new.get(key)}
        shown = {key: DeepDiff(old.get(key), new.get(key)).pretty() for key in differing if (key[0], key[2]) not in named}
        assert not shown, folder


def manifests() -> Iterator[tuple[Path, str]]:
    every = [path for repo in REPOS for path in sorted(repo.rglob("*.y*ml")) if path.is_file() and not path.is_symlink()]
    for path in random.Random(8).sample(every, min(FILES, len(every))):
        try:
            text = path.read_bytes().decode()
        except UnicodeDecodeError:
            continue
        if len(text) < LONG:
            yield path, text.removeprefix("\ufeff")


def test_no_edit_gives_the_same_bytes_and_one_edit_changes_only_its_lines() -> None:
    made = []
    for path, text in manifests():
        assert texts.Parts.of(str(path), text).joined() == text, path
        made += [changed for document in documents(str(path), text) for changed in edits(document)]
    assert sum(made) > len(made) * 0.8


def edits(document: Document) -> Iterator[bool]:
    """Sets one text of the document; whether that could be done."""
    try:
        found = sorted(scalars(values(document).value), key=str)
    except Unreadable:
        return
    for route in random.Random(len(document.text)).sample(found, min(1, len(found))):
        assert apply(document, ()) == document.text
        try:
            changed = apply(document, [Set(route, "ambimigrate")])
        except CannotEdit:
            yield False
            continue
        old, new = document.text.splitlines(keepends=True), changed.splitlines(keepends=True)
        line = (document.at(route).line or 0) - document.first_line
        where = [number for number, (one, other) in enumerate(zip(old, new, strict=True)) if one != other]
        assert where in ([line], [line + 1]), (document.file, route)  # a value may stand below its key
        yield True


def scalars(value: Any, route: Route = ()) -> Iterator[Route]:
    """The routes of plain short texts."""
    if isinstance(value, dict):
        for key, each in value.items():
            yield from scalars(each, (*route, key)) if isinstance(key, str) else ()
    elif isinstance(value, list):
        for number, each in enumerate(value):
            yield from scalars(each, (*route, number))
    elif isinstance(value, str) and 0 < len(value) < 60 and "\n" not in value and route and value != "ambimigrate":
        yield route
