"""Every rule on random meshes of valid and half-valid objects: hits or silence, never an exception.

The run of `make test` is short and always the same. For a long one with other random numbers each time:
`AMBIMIGRATE_EXAMPLES=2000 pytest -n auto tests/test_rules_random.py` (so many meshes for each rule and each test).
"""

from __future__ import annotations

import io
import json
import os
import tempfile
import zlib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, note, seed, settings
from hypothesis import strategies as st
from msgspec.inspect import AnyType, DictType, StructType, Type, UnionType, VarTupleType
from msgspec.structs import replace

from ambimigrate import catalogue
from ambimigrate.analyse import analyse
from ambimigrate.checks import Rule, rules
from ambimigrate.decode import Decoder
from ambimigrate.kinds import KINDS, HelmValues
from ambimigrate.layout import lay_out
from ambimigrate.model import Finding, Mesh, Origin, Position, Resource, Route, Target
from ambimigrate.render import FORMATS, renderer
from ambimigrate.report import report
from ambimigrate.sources.read import read_files
from ambimigrate.versions import NEWEST, NEWEST_GATEWAY_API
from tests import random_meshes, random_values
from tests.conftest import FIXTURES
from tests.random_values import Tree

LONG = int(os.environ.get("AMBIMIGRATE_EXAMPLES", "0"))
VIEWS = tuple(dict.fromkeys(KINDS.values()))
BATCHES = 8  # of random meshes, so that several processes can share them

Property = Callable[..., None]


def repeated(examples: int, name: str) -> Callable[[Property], Property]:
    """Settings of a property: the same few meshes each time, or in a long run many others."""

    def decorate(test: Property) -> Property:
        run = settings(
            max_examples=LONG or examples,
            deadline=None,
            database=None,
            phases=(Phase.generate, Phase.shrink),
            suppress_health_check=tuple(HealthCheck),
        )
        return run(test) if LONG else seed(zlib.crc32(name.encode()))(run(test))

    return decorate


@dataclass(frozen=True, eq=False)
class Asked:
    """The origin of an object, noting down which positions a rule asked for."""

    origin: Origin
    routes: list[Route] = field(default_factory=list)

    @property
    def file(self) -> str:
        return self.origin.file

    def at(self, route: Route) -> Position:
        self.routes.append(route)
        return self.origin.at(route)


def decoded(files: Iterable[tuple[str, str]], target: Target) -> tuple[Mesh, ...]:
    files = tuple(files)
    decoder = Decoder(lay_out([name for name, _ in files], ()))
    for name, text in files:
        decoder.add(name, text)
    return decoder.reading(target).meshes


def watched(mesh: Mesh, source: str) -> Mesh:
    """The mesh as one of files or of a cluster, where what was not read does not exist."""
    resources = tuple(replace(each, origin=Asked(each.origin)) for each in mesh.resources)
    return replace(mesh, resources=resources, source=source, _memo={})


def has(type_: Type, route: Route) -> bool:
    """Whether values of the type can hold something at the route."""
    if isinstance(type_, UnionType):
        return any(has(each, route) for each in type_.types)
    if not route or isinstance(type_, AnyType):
        return True
    step, rest = route[0], route[1:]
    if isinstance(type_, StructType):
        return any(each.encode_name == step and has(each.type, rest) for each in type_.fields)
    if isinstance(type_, VarTupleType):
        return isinstance(step, int) and has(type_.item_type, rest)
    return isinstance(type_, DictType) and isinstance(step, str) and has(type_.value_type, rest)


def assert_routes(resource: Resource[Any]) -> None:
    assert isinstance(resource.origin, Asked)
    for route in resource.origin.routes:
        own = route[len(resource.base) :]
        found = own in {("apiVersion",), ("kind",), ("spec",)} or has(random_values.info(resource.body.__class__), own)
        assert found, f"{resource.ref} has nothing at {own}"


def assert_well_formed(finding: Finding) -> None:
    hit = finding.hit
    assert hit.case in catalogue.entry(finding.rule).cases
    assert hit.message.strip()
    assert "\n" not in hit.message and "\r" not in hit.message, f"{finding.rule}: {hit.message!r}"
    assert all("/" in each for each in hit.services), f"{finding.rule}: {hit.services}"
    assert len(finding.fingerprint) == 64
    assert (hit.position.line is None) == (not hit.position.file)


def cases(name: str) -> list[tuple[Tree, ...]]:
    """The objects of each fixture of a rule."""
    folders = sorted(path for path in (FIXTURES / "rules" / name).glob("*") if path.is_dir())
    texts = ("\n---\n".join(path.read_text(encoding="utf-8") for path in sorted(each.rglob("*.yaml"))) for each in folders)
    return [tuple(random_values.objects_in(text)) for text in texts]


@st.composite
def near(draw: st.DrawFn, rule: Rule) -> tuple[Tree, ...]:
    """A fixture of the rule with objects changed, left out and added; or only random objects of its kinds."""
    known = cases(rule.id)
    own = random_meshes.objects([kind for kind in rule.kinds if kind in VIEWS] or list(VIEWS))
    if HelmValues in rule.kinds:
        own |= random_meshes.releases()
    trees = list(draw(st.sampled_from(known))) if known else []
    for number in draw(st.lists(st.integers(0, 30), max_size=4)):
        if number < len(trees):
            trees[number] = random_meshes.hurt(draw, trees[number], 1)
    return (*trees, *draw(st.lists(own, max_size=3)), *draw(st.lists(random_meshes.objects(VIEWS), max_size=2)))


@pytest.mark.parametrize("rule", rules(), ids=lambda rule: rule.id)
def test_a_rule_near_its_fixtures(rule: Rule) -> None:
    @repeated(10, rule.id)
    @given(near(rule), random_meshes.written(), random_meshes.targets(), st.sampled_from(("files", "cluster")))
    def holds(trees: Sequence[Tree], write: Callable[[Sequence[Tree]], str], target: Target, source: str) -> None:
        text = write(trees)
        note(text)
        meshes = [watched(mesh, source) for mesh in decoded([("a.yaml", text)], target)]
        findings = analyse(meshes, only=[rule])
        for finding in findings:
            assert_well_formed(finding)
        for mesh in meshes:
            for resource in mesh.resources:
                assert_routes(resource)
        moved = analyse([watched(mesh, source) for mesh in decoded([("a.yaml", f"\n\n{text}")], target)], only=[rule])
        assert [each.fingerprint for each in moved] == [each.fingerprint for each in findings]

    holds()


@st.composite
def trees_of_files(draw: st.DrawFn) -> dict[str, str]:
    """Files of random objects, of one environment or of several."""
    some = draw(st.lists(st.sampled_from(VIEWS), min_size=1, max_size=6, unique=True))
    found = draw(st.lists(random_meshes.objects([*some, *VIEWS]), min_size=4, max_size=14))
    around = draw(random_meshes.surroundings())
    folders = draw(st.sampled_from((("",), ("",), ("clusters/prod/", "clusters/dev/", "base/"))))
    parts: dict[str, list[Tree]] = {}
    for tree in (*around, *found):
        parts.setdefault(f"{draw(st.sampled_from(folders))}{draw(st.sampled_from('abc'))}.yaml", []).append(tree)
    return {name: draw(random_meshes.written())(each) for name, each in parts.items()}


@pytest.mark.parametrize("batch", range(BATCHES))
def test_all_rules_on_random_files(batch: int) -> None:
    @repeated(14, f"batch {batch}")
    @given(trees_of_files(), random_meshes.targets())
    def holds(files: dict[str, str], target: Target) -> None:
        note(json.dumps(files))
        with tempfile.TemporaryDirectory() as folder:
            for name, text in files.items():
                path = Path(folder, name)
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(text.encode())
            made = report(read_files([folder], target), outlook=not batch)
        for finding in made.findings:
            assert_well_formed(finding)
        out = {name: io.StringIO() for name in FORMATS}
        for name, render in ((each, renderer(each)) for each in FORMATS):
            render(made, out[name])
        assert len(json.loads(out["json"].getvalue())["findings"]) == len(made.findings)

    holds()


def test_every_kind_is_made() -> None:
    """Each kind can be drawn, and what is drawn mostly decodes."""
    for view in VIEWS:
        read: list[int] = []

        @repeated(10, view.__name__)
        @given(random_meshes.built(view))
        def holds(tree: Tree) -> None:
            read.append(len(decoded([("a.json", json.dumps(tree))], Target(NEWEST, NEWEST_GATEWAY_API))[0].resources))  # noqa: B023

        holds()
        assert sum(read) * 2 >= len(read), view
