"""Random VirtualServices: where convert writes routes, everybody decides every request as before, at every stage.

`AMBIMIGRATE_ORACLE=20000 .venv/bin/pytest -n auto tests/oracle/test_random.py` tries as many meshes; with
AMBIMIGRATE_ORACLE_FROM=N the first is that of seed N.
"""

from __future__ import annotations

import json
import os
from random import Random
from typing import Any

import pytest

from ambimigrate.convert import Conversion
from ambimigrate.model import Target
from ambimigrate.versions import NEWEST, NEWEST_GATEWAY_API, parse
from tests.oracle import grammar, worlds
from tests.oracle.asking import disagreement
from tests.oracle.shrinking import shrunk

VERSIONS = [
    *[NEWEST] * 4,
    *map(parse, ("1.31.0", "1.30.1", "1.29.1", "1.28.10", "1.28.5", "1.27.9", "1.26.8", "1.25.5", "1.24.6")),
]
APIS = [*[NEWEST_GATEWAY_API] * 3, *map(parse, ("1.4.0", "1.3.0", "1.2.1"))]
FIRST = int(os.environ.get("AMBIMIGRATE_ORACLE_FROM", "0"))
COUNT = int(os.environ.get("AMBIMIGRATE_ORACLE", "300"))
CHUNK = 20
CHUNKS = range(FIRST, FIRST + COUNT, CHUNK)


def drawn(seed: int) -> tuple[list[worlds.Tree], Target]:
    random = Random(seed)
    channel = random.choice(["standard", "standard", "experimental"])
    return grammar.objects(random), Target(random.choice(VERSIONS), random.choice(APIS), channel)


ORDERS = ("regex", "rewrite", "headers", "query", "without", "method", "case")


def orders(seed: int) -> tuple[list[worlds.Tree], Target]:
    """Meshes in which it matters more often than in others which entry comes first."""
    random = Random(seed)
    return grammar.objects(random, frozenset(random.sample(ORDERS, 4))), drawn(seed)[1]


def fault(objects: Any, target: Target, seed: int) -> str:
    """What is wrong with the conversion of these objects: by the converters alone, and with all rules of the catalogue."""
    mesh = worlds.read(objects, target)
    for conversion in (worlds.converted(mesh), worlds.checked(mesh)):
        found = disagreement(mesh, conversion, Random(seed)) if writes(conversion) else ""
        if not found:
            break  # what a rule holds or serves with a waypoint is nothing that a converter has to see
    return found


def writes(conversion: Conversion) -> bool:
    """Whether the namespace moves at all; one that is held stays as it is."""
    return bool(conversion.changes) and not conversion.held


def shown(objects: Any, target: Target, seed: int) -> str:
    """The fault with the smallest objects that have it."""
    small = shrunk(objects, lambda each: grammar.is_valid(each) and bool(fault(each, target, seed)))
    text = "\n".join(json.dumps(each) for each in small if each["kind"] not in {"Namespace", "Deployment"})
    versions = f"Istio {target.istio}, Gateway API {target.gateway_api} {target.channel}"
    return f"seed {seed}, {versions}: {fault(small, target, seed)}\n{text}"


@pytest.mark.parametrize("first", CHUNKS)
def test_everybody_decides_as_before(first: int) -> None:
    for seed in range(first, first + CHUNK):
        objects, target = drawn(seed)
        if fault(objects, target, seed):
            pytest.fail(shown(objects, target, seed))


@pytest.mark.parametrize("first", CHUNKS)
def test_everybody_decides_as_before_where_the_order_matters(first: int) -> None:
    for seed in range(first, first + CHUNK):
        objects, target = orders(seed)
        if fault(objects, target, seed):
            pytest.fail(shown(objects, target, seed))


def test_many_of_the_random_ones_are_converted() -> None:
    done = sum(writes(worlds.converted(worlds.read(*drawn(seed)))) for seed in range(200))
    assert done > 50
