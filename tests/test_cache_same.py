"""With a cache, without one and with any damage to it, everything comes out the same, byte by byte."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.strategies import DrawFn

from ambimigrate.analyse import analyse
from ambimigrate.decode import Reading
from ambimigrate.kinds import KINDS
from ambimigrate.model import Finding, Target
from ambimigrate.sources.cache import Store
from ambimigrate.sources.cache_findings import study
from ambimigrate.sources.cache_values import Remembered
from ambimigrate.sources.helmed import Asked
from ambimigrate.sources.read import read_files
from ambimigrate.versions import NEWEST, NEWEST_GATEWAY_API
from ambimigrate.yamlio import Document, Unreadable, Values, documents, values
from tests import random_meshes
from tests.conftest import FIXTURES

TARGET = Target(NEWEST, NEWEST_GATEWAY_API)
SHOP = FIXTURES / "repos" / "shop"
VIEWS = list(dict.fromkeys(KINDS.values()))


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "cache")


def entries(store: Store) -> list[Path]:
    return sorted(store.folder.iterdir()) if store.folder and store.folder.is_dir() else []


def through(store: Store, path: Path, target: Target = TARGET) -> tuple[Reading, tuple[Finding, ...]]:
    """What a run with this cache reads and finds."""
    remembered = Remembered(store, str(path))
    reading = read_files([str(path)], target, render=Asked("never", (), remembered.values))
    remembered.keep()
    known = study(reading.meshes, store)
    return reading, known.study.findings() if known else analyse(reading.meshes)


def told(reading: Reading, found: tuple[Finding, ...]) -> bytes:
    """Everything that came out, as bytes."""
    resources = [(mesh.name, [(each.ref, each.body, each.file) for each in mesh.resources]) for mesh in reading.meshes]
    return msgspec.msgpack.encode((reading.problems, reading.notes, reading.counts, resources, found))


def without(path: Path, target: Target = TARGET) -> bytes:
    reading = read_files([str(path)], target)
    return told(reading, analyse(reading.meshes))


@pytest.mark.parametrize("name", sorted(path.name for path in (FIXTURES / "repos").iterdir() if path.is_dir()))
def test_repositories(name: str, store: Store) -> None:
    expected = without(FIXTURES / "repos" / name)
    for _ in range(3):
        assert told(*through(store, FIXTURES / "repos" / name)) == expected
    assert len(entries(store)) == 2


def _nothing(path: Path) -> None:
    pass


def _folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


DAMAGE: dict[str, Callable[[Path], object]] = {
    "none": _nothing,
    "empty": lambda path: path.write_bytes(b""),
    "cut": lambda path: path.write_bytes(path.read_bytes()[: path.stat().st_size // 2]),
    "cut at the end": lambda path: path.write_bytes(path.read_bytes()[:-1]),
    "a bit": lambda path: path.write_bytes(
        path.read_bytes()[:-9] + bytes([path.read_bytes()[-9] ^ 1]) + path.read_bytes()[-8:]
    ),
    "longer": lambda path: path.write_bytes(path.read_bytes() + b"\\x80"),
    "another version": lambda path: path.write_bytes(path.read_bytes().replace(b"cache 1", b"cache 9")),
    "noise": lambda path: path.write_bytes(os.urandom(4096)),
    "a folder": _folder,
    "gone": lambda path: path.unlink(),
    "not readable": lambda path: path.chmod(0),
}


@pytest.mark.parametrize("how", DAMAGE)
def test_damage_is_not_seen(how: str, store: Store) -> None:
    expected = told(*through(store, SHOP))
    for each in entries(store):
        DAMAGE[how](each)
    assert told(*through(store, SHOP)) == expected == without(SHOP)


@pytest.mark.parametrize("content", [b"\xc0", b"\x80", b"[]", msgspec.msgpack.encode({"a": 1}), msgspec.msgpack.encode([[1]])])
def test_whole_entries_of_another_form_are_made_anew(content: bytes, store: Store) -> None:
    expected = told(*through(store, SHOP))
    for each in entries(store):
        store.put(each.stem, content)
    if content != b"\x80":
        assert told(*through(store, SHOP)) == expected
    for each in entries(store):
        store.put(each.stem, msgspec.msgpack.encode({b"\0" * 32: msgspec.Raw(content)}))
    assert told(*through(store, SHOP)) == expected


@st.composite
def histories(draw: DrawFn) -> list[dict[str, str]]:
    """Files, and what a few edits in turn make of them: objects drawn anew, damaged, put away or doubled."""
    write = draw(random_meshes.written())
    trees = {
        f"{number}.yaml": each
        for number, each in enumerate(draw(st.lists(random_meshes.objects(VIEWS), min_size=2, max_size=7)))
    }
    around = write(draw(random_meshes.surroundings()))
    steps = []
    for _ in range(draw(st.integers(1, 4))):
        steps.append({"around.yaml": around, **{name: write([each]) for name, each in trees.items()}})
        name = draw(st.sampled_from(sorted(trees)))
        match draw(st.integers(0, 3)):
            case 0:
                trees[name] = draw(random_meshes.objects(VIEWS))
            case 1:
                trees[name] = random_meshes.hurt(draw, trees[name], 1)
            case 2:
                trees[f"{len(trees)}-more.yaml"] = trees[name]
            case 3 if len(trees) > 1:
                del trees[name]
    return steps


@settings(max_examples=120, deadline=None, suppress_health_check=list(HealthCheck))
@given(histories(), random_meshes.targets(), st.sampled_from(sorted(DAMAGE)))
def test_random_edits(tmp_path_factory: pytest.TempPathFactory, steps: list[dict[str, str]], target: Target, how: str) -> None:
    """Byte by byte the same after each edit, whatever happens to the cache on the way."""
    root, store = tmp_path_factory.mktemp("tree"), Store(tmp_path_factory.mktemp("cache"))
    for files in steps:
        for old in root.iterdir():
            old.unlink()
        for name, text in files.items():
            (root / name).write_text(text, encoding="utf-8")
        expected = without(root, target)
        assert told(*through(store, root, target)) == expected
        assert told(*through(store, root, target)) == expected
        for each in [path for path in entries(store) if path.is_file()][:1]:
            DAMAGE[how](each)


ODD = {
    "twice": "a: 1\nb: 2\na: 3\n",
    "floats": "a: [.nan, .inf, -.inf, 1e3, -0.0, 1e400]\n",
    "integers": "a: [0x10, 010, 18446744073709551615, -9223372036854775808, 18446744073709551616]\n",
    "json": '{"a": 1e999, "b": 123456789012345678901234567890, "c": "\\ud800", "d": "\\t"}',
    "aliases": "a: &a {b: [1, 2]}\nc: *a\nd: {<<: *a, e: y}\n",
    "deep": "a: " + "[" * 390 + "]" * 390,
    "nothing": "",
    "text": "just words",
    "unicode": "a: 'ünï\\0'\nß: \"\\u2028\\0\"\n",
}


@pytest.mark.parametrize("name", ODD)
def test_odd_documents(name: str, store: Store) -> None:
    for line in (1, 7):
        document = Document("x.yaml", 0, line, ODD[name])
        expected = read(values, document)
        for _ in range(2):
            remembered = Remembered(store, "x")
            assert read(remembered.values, document) == read(remembered.values, document) == expected
            remembered.keep()


def read(by: Callable[[Document], Values], document: Document) -> str:
    try:
        found = by(document)
    except Unreadable as error:
        return f"{error.message} {error.line}"
    return repr((found.value, found.duplicates))


def test_all_documents_of_the_fixtures(store: Store) -> None:
    remembered, again = Remembered(store, "x"), Remembered(store, "x")
    every = [
        each
        for path in sorted(FIXTURES.rglob("*.yaml"))
        for each in documents(str(path), path.read_bytes().decode(errors="replace"))
    ]
    expected = [read(values, each) for each in every]
    assert [read(remembered.values, each) for each in every] == expected
    remembered.keep()
    assert [read(again.values, each) for each in every] == expected
    assert not again.is_new
