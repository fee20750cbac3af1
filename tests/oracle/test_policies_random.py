"""Random policies, identities and requests: at every stage everybody is let in as before, or the report names it.

`AMBIMIGRATE_ORACLE=20000 .venv/bin/pytest -n auto tests/oracle/test_policies_random.py` tries as many meshes; with
AMBIMIGRATE_ORACLE_FROM=N the first is that of seed N.
"""

from __future__ import annotations

import json
import os
from random import Random
from typing import Any

import pytest

from ambimigrate.analyse import analyse
from ambimigrate.changes import Stage
from ambimigrate.convert import Choice, Conversion, convert
from ambimigrate.converters.settings import Accepted, Settings
from ambimigrate.model import Finding, Mesh, Target
from ambimigrate.verify import authorization
from ambimigrate.versions import NEWEST, NEWEST_GATEWAY_API, parse
from tests.oracle import letting, policies, worlds
from tests.oracle.shrinking import shrunk

VERSIONS = [
    *[NEWEST] * 4,
    *map(parse, ("1.31.0", "1.30.1", "1.29.1", "1.28.10", "1.27.9", "1.26.8", "1.25.5", "1.25.0", "1.24.6", "1.24.0")),
]
FIRST = int(os.environ.get("AMBIMIGRATE_ORACLE_FROM", "0"))
COUNT = int(os.environ.get("AMBIMIGRATE_ORACLE", "160"))
CHUNK = 20
CHUNKS = range(FIRST, FIRST + COUNT, CHUNK)


def drawn(seed: int) -> tuple[list[worlds.Tree], Target, Choice]:
    """The objects, the target, and the choice: the direct way closed or not, everybody moving or only the servers."""
    random = Random(seed)
    objects = policies.objects(random)
    closing = random.random() < 0.65
    target, moving = Target(random.choice(VERSIONS), NEWEST_GATEWAY_API), random.choice(MOVING)
    accepted = tuple(Accepted(*each, "*") for each in OPENINGS if random.random() < 0.25)
    return objects, target, Choice(moving, settings=Settings(accepted, close_direct_access=closing))


OPENINGS = tuple((id, place) for id in ("AP906", "AP910") for place in ("shop", "istio-system"))


MOVING = (*[None] * 4, ("shop",), ("web", "ops"))


def converted(mesh: Mesh, choice: Choice, stage: Stage | None = None) -> Conversion:
    """The conversion as users get it, with all rules of the catalogue."""
    findings = mesh.index(_findings)
    return convert((mesh,), findings, Choice(choice.namespaces, stage, settings=choice.settings))


def _findings(mesh: Mesh) -> tuple[Finding, ...]:
    return analyse((mesh,))


def fault(objects: Any, target: Target, choice: Choice) -> letting.Witness | None:
    """A call that is judged otherwise at some stage and that the report does not name."""
    mesh = worlds.read(objects, target)
    found = letting.unnamed(mesh, lambda stage: converted(mesh, choice, stage))
    known = known_kinds(objects)
    return next((each for each in found if each.found.kind not in known), None)


def known_kinds(objects: list[worlds.Tree]) -> frozenset[str]:
    """The kinds of difference that objects of these shapes are known to show (test_policies_open.py)."""
    text = json.dumps(objects)
    specs = [each["spec"] for each in objects if each["kind"] == "AuthorizationPolicy"]
    actions = {each.get("action") for each in specs}
    kinds: set[str] = set()
    if '"redirect"' in text or (_TCP in text and actions & {"DENY", "CUSTOM"}) or any("targetRefs" in each for each in specs):
        kinds.add(authorization.NARROWER)
    if _TCP in text and "CUSTOM" in actions:
        kinds.add(authorization.WIDER)
    if '"istio.io/use-waypoint"' in text:
        kinds |= {authorization.NARROWER, authorization.WIDER}  # callers that move before the Service's own namespace
    return frozenset(kinds)


_TCP = '"tcp-db"'


def shown(objects: Any, target: Target, choice: Choice) -> str:
    """The fault with the smallest objects that have it."""
    first = fault(objects, target, choice)
    assert first is not None

    def fails(tree: Any) -> bool:
        found = fault(tree, target, choice)
        return found is not None and (found.found.kind, found.stage) == (first.found.kind, first.stage)

    small = shrunk(objects, fails)
    return f"{choice}, Istio {target.istio}: {fault(small, target, choice)}\n" + "\n".join(json.dumps(each) for each in small)


@pytest.mark.parametrize("first", CHUNKS)
def test_everybody_is_let_in_as_before(first: int) -> None:
    for seed in range(first, first + CHUNK):
        if fault(*drawn(seed)) is not None:
            pytest.fail(f"seed {seed}, {shown(*drawn(seed))}")


def test_many_of_the_random_ones_are_converted() -> None:
    done = 0
    for seed in range(200):
        objects, target, choice = drawn(seed)
        changes = converted(worlds.read(objects, target), choice).changes
        done += any(each.ref.kind == "AuthorizationPolicy" for each in changes)
    assert done > 10
