"""Ordering 1,000 namespaces by 10,000 calls takes at most as long as scanning the tree that shows them."""

from __future__ import annotations

import json
import random
import time
from itertools import pairwise
from pathlib import Path

import pytest

from ambimigrate.model import Mesh, Target
from ambimigrate.plan.graph import graph
from ambimigrate.plan.order import Asked, Order, moving, order
from ambimigrate.plan.units import units
from ambimigrate.plan.waves import Ranks, Task, fill
from ambimigrate.plan.wishes import Pin, Wishes
from ambimigrate.sources.read import read_files
from ambimigrate.versions import NEWEST, NEWEST_GATEWAY_API
from tests.bench.test_speed import OURS, run
from tests.random_calls import namespace, rules

NAMESPACES, CALLS = 1000, 10


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Each namespace is called by ten others, most of them before it, so that there are long chains and a few circles."""
    root, chance = tmp_path_factory.mktemp("calls"), random.Random(1)
    names = [f"team-{number:04}" for number in range(NAMESPACES)]
    for number, name in enumerate(names):
        near = range(max(0, number - 200), number + 2)
        callers = tuple(names[each % NAMESPACES] for each in chance.sample(near, min(CALLS, len(near))) if each != number)
        (root / name).mkdir()
        for each in (*namespace(name), *rules(name, callers, "requests")):
            (root / name / f"{each['kind'].lower()}.json").write_text(json.dumps(each, indent=2), encoding="utf-8")
    return root


def ordered(mesh: Mesh) -> tuple[int, Order]:
    found = graph(mesh)
    return len(found.edges), order(mesh, frozenset(), Asked(found, frozenset(moving(mesh)), Wishes(20)))


def test_ordering_takes_at_most_as_long_as_a_scan(tree: Path) -> None:
    scanned = min(run(*OURS, "scan", str(tree), "--format", "json")[0] for _ in range(3))
    took = []
    for _ in range(3):
        mesh = read_files([str(tree)], Target(NEWEST, NEWEST_GATEWAY_API)).meshes[0]
        start = time.perf_counter()
        edges, found = ordered(mesh)
        took.append(time.perf_counter() - start)
    assert edges > 0.9 * NAMESPACES * CALLS
    assert sum(map(len, found.waves)) == NAMESPACES
    assert len(found.waves) > NAMESPACES / 20
    assert min(took) <= scanned, f"scan {scanned:.2f} s, order {min(took):.2f} s"


def test_chains_and_pins_take_no_longer_per_namespace_than_few() -> None:
    """Ten times as many in a chain, each pinned to its neighbour as well, take at most twenty times as long."""

    def took(count: int) -> float:
        names = [f"n{number:05}" for number in range(count)]
        pairs = dict.fromkeys(pairwise(names), "a policy")
        pinned = tuple(Pin(one, before=other) for one, other in pairwise(names))
        start = time.perf_counter()
        assert len(fill(Task(units(names, pairs, pinned), Ranks({}, {}), Wishes(3, pinned)))) == count
        return time.perf_counter() - start

    few = min(took(1000) for _ in range(3))
    assert min(took(10_000) for _ in range(3)) <= 20 * few + 0.2
