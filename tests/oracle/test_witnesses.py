"""What is refused is refused for a reason: its witness is a request that the rule decides, or the case is impossible."""

from __future__ import annotations

import copy
import re
from typing import Any

import pytest

from ambimigrate.changes import Held
from ambimigrate.model import Target
from ambimigrate.semantics.decision import Client, Request
from tests.oracle import worlds
from tests.oracle.test_random import drawn

REQUEST = re.compile(r"([A-Z]+) http://([^/:]+):(\d+)(/[^ :…]*)(?: with (.*?))?(?:: .*)?$")
CALLERS = (Client("shop", (("app", "other"), ("version", "v1"))), Client("web"))
IN_WORDS = re.compile(  # of no single request: a class of calls or paths, a preflight, a Service to come
    r"a (call|second try|request with the method) |\w+ / with Origin: |.*to a Service that is made later|.*[…<]"
)


def asked(witness: str) -> Request | None:
    """The request that a witness names."""
    found = REQUEST.match(witness)
    if found is None or "<" in witness:  # a pattern for which no text is known
        return None
    lines = tuple((name, value) for name, _, value in (each.partition(": ") for each in (found[5] or "").split(", ")) if name)
    return Request(found[2], int(found[3]), found[1], found[4], found[2], lines)


def without(objects: list[worlds.Tree], held: Held) -> list[worlds.Tree]:
    """The objects with the rule that is refused sending its requests nowhere that exists."""
    found = copy.deepcopy(objects)
    _, name, index, *_ = held.position.route
    for each in found:
        if each["kind"] == "VirtualService" and each["metadata"]["name"] == held.ref.name:
            rule: Any = each["spec"][name][index]
            each["spec"][name][index] = {"match": rule.get("match", [{}]), "directResponse": {"status": 418}}
    return found


def refusals(seed: int) -> list[tuple[Held, list[worlds.Tree], Target]]:
    objects, target = drawn(seed)
    held = worlds.converted(worlds.read(objects, target)).held
    return [(each, objects, target) for each in held if each.ref.kind == "VirtualService" and each.because == ("VS901",)]


@pytest.mark.parametrize("first", range(0, 300, 25))
def test_the_witness_meets_the_rule_that_is_refused(first: int) -> None:
    for seed in range(first, first + 25):
        for held, objects, target in refusals(seed):
            request = asked(held.witness or "")
            is_of_rule = held.position.route[:2] == ("spec", "http") and len(held.position.route) > 3
            if request is None or not is_of_rule or "no later rule" in held.reason:
                assert held.witness is None or request or IN_WORDS.match(held.witness), held.witness
                continue
            meshes = worlds.read(objects, target), worlds.read(without(objects, held), target)
            before, after = ([worlds.by_sidecar(mesh, request, each) for each in CALLERS] for mesh in meshes)
            assert before != after, (seed, held.reason, held.witness)


def test_every_refusal_says_what_to_do() -> None:
    for seed in range(300):
        for held, _, _ in refusals(seed):
            assert held.reason
            assert held.alternative
