"""An analysis that builds upon an earlier one finds what an analysis of everything finds, after whatever change."""

from __future__ import annotations

import ast
import random
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeGuard

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings

from ambimigrate import analyse as analysing
from ambimigrate.analyse import analyse
from ambimigrate.analyse.again import Study, studied
from ambimigrate.kinds import Service
from ambimigrate.model import Mesh, Reads, Target
from ambimigrate.sources.cache_prints import look
from ambimigrate.sources.read import read_files
from ambimigrate.versions import NEWEST, NEWEST_GATEWAY_API
from tests import random_meshes
from tests.conftest import FIXTURES
from tests.test_cache_same import histories

TARGET = Target(NEWEST, NEWEST_GATEWAY_API)
PACKAGE = Path(analysing.__file__).parent.parent
RULES = sorted((FIXTURES / "rules").glob("*/*/*.yaml"))
REPOSITORIES = sorted(path for path in (FIXTURES / "repos").iterdir() if path.is_dir())

POLICY = (
    "apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata: {name: more, namespace: cart}\nspec: {podSelector: {}}\n"
)


def checked(root: Path, before: Study | None, target: Target = TARGET) -> Study:
    """The analysis of a folder with the help of an earlier one, as a cache gives it back; equal to that of everything."""
    meshes = read_files([str(root)], target).meshes
    made = studied(meshes, [look(mesh) for mesh in meshes], before)
    assert made.findings() == analyse(read_files([str(root)], target).meshes)
    kept = msgspec.msgpack.decode(msgspec.msgpack.encode(made), type=Study)
    assert kept == made
    return kept


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(histories(), random_meshes.targets())
def test_random_objects(tmp_path_factory: pytest.TempPathFactory, steps: list[dict[str, str]], target: Target) -> None:
    root, before = tmp_path_factory.mktemp("tree"), None
    for files in steps:
        for old in root.iterdir():
            old.unlink()
        for name, text in files.items():
            (root / name).write_text(text, encoding="utf-8")
        before = checked(root, before, target)


@pytest.mark.parametrize("seed", range(12))
def test_files_of_rules_that_come_and_go(tmp_path: Path, seed: int) -> None:
    """Objects about which rules have much to say, of many rules at once: each step takes some away, adds or alters some."""
    chance, before = random.Random(seed), None
    for number, path in enumerate(chance.sample(RULES, 60)):
        shutil.copy(path, tmp_path / f"{number}.yaml")
    for _ in range(12):
        for path in chance.sample(sorted(tmp_path.iterdir()), 3):
            alter(path, chance)
        before = checked(tmp_path, before)


@pytest.mark.parametrize("repository", REPOSITORIES, ids=lambda path: path.name)
def test_repositories(tmp_path: Path, repository: Path) -> None:
    chance, before = random.Random(repository.name), None
    shutil.copytree(repository, tmp_path / "tree")
    for _ in range(12):
        before = checked(tmp_path / "tree", before)
        files = [path for path in sorted((tmp_path / "tree").rglob("*.yaml")) if path.name != "kustomization.yaml"]
        for path in chance.sample(files, min(2, len(files))):
            alter(path, chance)


def alter(path: Path, chance: random.Random) -> None:
    """Does to a file what people do: other objects, none, a moved line, another name, namespace, label or value."""
    text = path.read_text(encoding="utf-8")
    words = ["istio-injection: enabled", "istio.io/dataplane-mode: ambient", "shop", "web", "http", "80", "STRICT", "ALLOW"]
    match chance.randrange(6):
        case 0:
            shutil.copy(chance.choice(RULES), path)
        case 1:
            path.write_text("")
        case 2:
            path.write_text(f"# moved\n{text}", encoding="utf-8")
        case 3:
            path.write_text(f"{text.rstrip()}\n---\n{chance.choice(RULES).read_text()}", encoding="utf-8")
        case _:
            old, new = chance.sample(words, 2)
            path.write_text(text.replace(old, new, 1), encoding="utf-8")


def test_what_a_change_cannot_touch_is_not_looked_at_again(tmp_path: Path) -> None:
    shutil.copytree(FIXTURES / "repos" / "shop", tmp_path / "shop")
    before = checked(tmp_path / "shop", None)
    (tmp_path / "shop" / "apps" / "cart" / "base" / "more.yaml").write_text(POLICY)
    meshes = read_files([str(tmp_path / "shop")], TARGET).meshes
    lost = msgspec.structs.replace(before, rows=[[] for _ in before.rows])
    found = {each.rule for each in studied(meshes, [look(mesh) for mesh in meshes], lost).findings()}
    assert not any(rule.startswith(("VS", "DR", "AP", "PA")) for rule in found)


@pytest.mark.parametrize("repository", REPOSITORIES, ids=lambda path: path.name)
def test_nobody_changes_an_index(repository: Path) -> None:
    """Whoever writes into what `Mesh.index` gives reads something of which the next one who looks there knows nothing."""
    reading = read_files([str(repository)], TARGET)
    for mesh in reading.meshes:
        noted = mesh.noted(Reads())
        analyse([noted])
        for build, made in list(noted._memo.items()):
            if is_index(build):
                assert shape(build(mesh)) == shape(made), build


def is_index(build: Any) -> TypeGuard[Callable[[Mesh], object]]:
    """Whether it is made of a mesh alone, and not kept for each of many things, by `Mesh.once`."""
    return hasattr(build, "__code__") and build.__code__.co_argcount == 1


def shape(made: object) -> object:
    """How much there is in an index."""
    if isinstance(made, dict):
        return len(made), sorted(str(shape(each)) for each in made.values())
    return len(made) if isinstance(made, list | tuple | set | frozenset) else type(made)


@pytest.mark.parametrize("folder", ["checks", "topology", "semantics"])
def test_rules_ask_the_mesh_for_objects(folder: str) -> None:
    """What they take from it without asking is not noted."""
    found = [
        f"{path}:{node.lineno}"
        for path in (PACKAGE / folder).rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Attribute) and node.attr in {"resources", "_memo", "_by_kind", "_by_name", "_by_namespace"}
        if isinstance(node.value, ast.Name) and node.value.id in {"mesh", "self", "peer", "other"}
    ]
    assert found == []


def test_what_is_read_of_the_own_namespace_is_told_from_the_rest() -> None:
    """An answer about a namespace is about the own one only for whoever is in it, and one behind a key is about none."""
    mesh = Mesh("", (), TARGET).noted(Reads())
    reads = mesh.reads
    assert reads is not None

    def near(mesh: Mesh, namespace: str) -> object:
        return mesh.within(Service, namespace)

    def through(mesh: Mesh, namespace: str) -> object:
        return mesh.once(near, namespace)

    def elsewhere(mesh: Mesh, _namespace: str) -> object:
        return mesh.once(near, "cart")

    def asked(ask: Callable[[], object]) -> frozenset[str]:
        reads.now, reads.own = set(), "shop"
        ask()
        return reads.names(reads.now)

    inside, anywhere = {"Service of the own namespace"}, {"Service"}
    assert asked(lambda: mesh.within(Service, "shop")) == inside
    assert asked(lambda: mesh.find(Service, "shop", "web")) == inside
    assert asked(lambda: mesh.within(Service, "shop", "cart")) == anywhere
    assert asked(lambda: mesh.of(Service)) == anywhere
    assert asked(lambda: mesh.once(through, "shop")) == inside
    assert asked(lambda: mesh.once(through, "cart")) == anywhere
    assert asked(lambda: mesh.once(elsewhere, "shop")) == anywhere
    assert asked(lambda: mesh.once(through, "shop", "a key")) == anywhere
    assert asked(lambda: mesh.index(lambda mesh: mesh.within(Service, "shop"))) == anywhere
