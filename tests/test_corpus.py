"""Real repositories: set AMBIMIGRATE_CORPUS to a folder of them; without it only our own fixtures are read."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from ambimigrate.model import Route
from ambimigrate.yamlio import Document, Unreadable, documents, values
from ambimigrate.yamlio.quick import nearest
from tests.conftest import FIXTURES

CORPUS = os.environ.get("AMBIMIGRATE_CORPUS", "")
ROOTS = [FIXTURES, *(sorted(path for path in Path(CORPUS).iterdir() if path.is_dir()) if CORPUS else ())]
LONG = 30_000


def manifests(root: Path) -> Iterator[Document]:
    for path in sorted(root.rglob("*.y*ml")):
        if path.is_file() and not path.is_symlink() and path.stat().st_size < LONG:
            yield from documents(str(path), path.read_bytes().decode(errors="replace"))


def routes(value: Any, route: Route = ()) -> Iterator[Route]:
    yield route
    for step, item in value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ():
        yield from routes(item, (*route, step))


@pytest.mark.parametrize("root", ROOTS, ids=lambda path: path.name)
def test_places_read_off_the_lines_are_those_of_libyaml(root: Path) -> None:
    """A few levels down: what `nearest` says is what the composed nodes say."""
    quick = 0
    for document in manifests(root):
        try:
            found = values(document).value
        except Unreadable:
            continue
        for route in asked(found):
            if nearest(document.text, route) is not None:
                quick += 1
                assert document.at(route) == document._composed_at(route), (document.file, route)
    assert quick or root != FIXTURES


def asked(value: Any) -> Iterator[Route]:
    """What is there, and beside each of it what may not be."""
    for route in routes(value):
        yield route
        yield from ((*route, name) for name in ("status", "yes", "b", "name", "a/b", "on", "1", "exportTo"))
        yield (*route, "spec", "none")


WORDS = [
    "a",
    "b",
    "name",
    "a: b",
    "- a",
    "x # y",
    "it's",
    'say "a"',
    "two\nlines\n",
    "a long line of words " * 3,
    "#",
    "{a",
    "*a",
    "",
]
TREES = st.dictionaries(
    st.sampled_from(["a", "b", "name", "a b", "#", "- a"]),
    st.recursive(
        st.sampled_from(WORDS) | st.integers(0, 9),
        lambda inner: (
            st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["a", "b", "name", "on"]), inner, max_size=3)
        ),
        max_leaves=10,
    ),
    min_size=1,
)


@settings(max_examples=400, deadline=None)
@given(
    TREES,
    st.sampled_from([None, True, False]),
    st.sampled_from([2, 4]),
    st.sampled_from([20, 200]),
    st.tuples(st.booleans(), st.booleans()),
)
def test_places_in_any_style(tree: Any, flow: bool | None, indent: int, width: int, how: tuple[bool, bool]) -> None:
    literal, deeper = how

    class Dumper(yaml.SafeDumper):
        def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:
            super().increase_indent(flow, indentless and not deeper)

    if literal:
        Dumper.add_representer(str, lambda dumper, text: dumper.represent_scalar("tag:yaml.org,2002:str", text, style="|"))
    text = yaml.dump(tree, Dumper=Dumper, default_flow_style=flow, indent=indent, width=width)
    document = Document("x.yaml", 0, 1, text)
    for route in asked(values(document).value):
        if nearest(text, route) is not None:
            assert document.at(route) == document._composed_at(route), (text, route)
