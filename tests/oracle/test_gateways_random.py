"""Random Istio Gateways: what convert makes of them decides every request as before, at every stage; what it holds stays.

`AMBIMIGRATE_ORACLE=20000 .venv/bin/pytest -n auto tests/oracle/test_gateways_random.py` tries as many meshes; with
AMBIMIGRATE_ORACLE_FROM=N the first is that of seed N.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from random import Random
from typing import Any

import pytest

from ambimigrate.changes import Create, Stage
from ambimigrate.convert import Conversion, after
from ambimigrate.converters.settings import Accepted, Settings
from ambimigrate.kinds import IstioGateway, VirtualService
from ambimigrate.model import Mesh, Target
from ambimigrate.semantics import gateways
from ambimigrate.semantics.decision import Request
from ambimigrate.topology import hosts as names
from ambimigrate.versions import NEWEST, NEWEST_GATEWAY_API, parse
from tests.oracle import asking, gates, worlds
from tests.oracle.shrinking import shrunk

VERSIONS = [*[NEWEST] * 4, *map(parse, ("1.30.5", "1.29.8", "1.28.10", "1.27.9", "1.26.8", "1.25.5", "1.24.6"))]
APIS = [*[NEWEST_GATEWAY_API] * 3, *map(parse, ("1.4.0", "1.3.0", "1.2.1"))]
FIRST = int(os.environ.get("AMBIMIGRATE_ORACLE_FROM", "0"))
COUNT = int(os.environ.get("AMBIMIGRATE_ORACLE", "200"))
CHUNK = 20
CHUNKS = range(FIRST, FIRST + COUNT, CHUNK)
ON = Settings(gateways=True)
AGREED = Settings(gateways=True, accepted=(Accepted("GW903", "edge", "*"), Accepted("GW903", "shop", "*")))
DOORS = ((80, False), (8080, False), (443, True), (8443, True), (5432, False))
ASKED = 120  # requests for each mesh


def drawn(seed: int) -> tuple[list[worlds.Tree], Target]:
    random = Random(seed)
    channel = random.choice(["standard", "standard", "experimental"])
    return gates.objects(random), Target(random.choice(VERSIONS), random.choice(APIS), channel)


def fault(objects: Any, target: Target, seed: int) -> str:
    """What is wrong with the conversion of these objects."""
    mesh = worlds.read(objects, target)
    conversion = worlds.converted(mesh, AGREED if seed % 4 == 0 else ON)
    return _touched(conversion) or next(_disagreements(mesh, conversion, Random(seed)), "")


def _touched(conversion: Conversion) -> str:
    """An object that is held and changes all the same."""
    held = {each.ref for each in conversion.held if each.ref.kind in {"Gateway", "VirtualService"}}
    changed = (each.ref for each in conversion.changes if each.ref in held and not isinstance(each.action, Create))
    return next((f"{each} is held and changes" for each in changed), "")


def stages(mesh: Mesh, conversion: Conversion) -> Iterator[tuple[str, Mesh]]:
    """The mesh after each stage, and before what a stage deletes is gone."""
    done: list[Any] = []
    for stage in Stage:
        own = [each for each in conversion.changes if each.stage is stage]
        for name, part in (("begun", [e for e in own if e.action is not None]), ("done", [e for e in own if e.action is None])):
            if part:
                done += part
                yield f"{stage.name} {name}", after(mesh, done)


def asked(mesh: Mesh, random: Random) -> Iterator[gateways.Arrival]:
    """Connections to the ports with server names and requests in all mixtures, most of them as browsers make them."""
    paths = asking.paths()
    random.shuffle(paths)
    doors = [each for each in DOORS if any(_is_open(mesh, pods, each) for pods in gateways.pods(mesh))]
    hosts = [each for each in gates.NAMED if any(names.covers(name, each) for name in _hosts(mesh))]
    for number in range(ASKED):
        port, tls = random.choice(doors if doors and random.random() < 0.95 else DOORS)
        host = random.choice(hosts if hosts and random.random() < 0.9 else gates.NAMED)
        sni = (host if random.random() < 0.85 else random.choice(("", *gates.NAMED))) if tls else ""
        if random.random() < 0.1:
            host = f"{host}:{port}" if port != 80 else host.upper()
        path = paths[number % len(paths)] + random.choice(asking.QUERIES)
        request = Request("", port, random.choice(asking.METHODS), path, host, asking.headers(random), reply=asking.REPLY)
        yield gateways.Arrival(port, request, tls, sni)


def _is_open(mesh: Mesh, pods: gateways.Pods, door: tuple[int, bool]) -> bool:
    port, tls = door
    return any(
        gateways.decide(mesh, pods, gateways.Arrival(port, Request("", port, host=host), tls, host)) != gateways.CLOSED
        for host in gates.NAMED
    )


def _hosts(mesh: Mesh) -> set[str]:
    return {name for vs in mesh.of(VirtualService) for name in vs.body.spec.hosts}


def _disagreements(mesh: Mesh, conversion: Conversion, random: Random) -> Iterator[str]:
    if conversion.changes:
        ends = list(stages(mesh, conversion))
        cases = ((arrival, pods) for arrival in asked(mesh, random) for pods in gateways.pods(mesh))
        is_agreed = any("GW903" in each.because and each.verdict == "differs" for each in conversion.changes)
        tried = ((arrival, pods) for arrival, pods in cases if not (is_agreed and _is_shared(arrival)))
        yield from (text for arrival, pods in tried for text in _differing(mesh, ends, pods, arrival))


def _is_shared(arrival: gateways.Arrival) -> bool:
    """Whether a connection was opened for another host than that of its request."""
    return arrival.tls and arrival.sni != arrival.request.host.partition(":")[0].lower()


def _differing(mesh: Mesh, ends: list[tuple[str, Mesh]], pods: gateways.Pods, arrival: gateways.Arrival) -> Iterator[str]:
    before = _plain(gateways.decide(mesh, pods, arrival))
    for name, end in ends:
        found = _plain(gateways.decide(end, pods, arrival))
        if found != before:
            yield f"{pods}, {name}: {arrival}\n  {before}\n  {found}"


def _plain(found: gateways.Handled) -> Any:
    return worlds.plain(found.decision), found.terms


def shown(objects: Any, target: Target, seed: int) -> str:
    """The fault with the smallest objects that have it."""
    small = shrunk(objects, lambda each: gates.is_valid(each) and bool(fault(each, target, seed)))
    text = "\n".join(json.dumps(each) for each in small if each["kind"] not in {"Namespace", "Deployment"})
    versions = f"Istio {target.istio}, Gateway API {target.gateway_api} {target.channel}"
    return f"seed {seed}, {versions}: {fault(small, target, seed)}\n{text}"


@pytest.mark.parametrize("first", CHUNKS)
def test_gateways_decide_as_before(first: int) -> None:
    for seed in range(first, first + CHUNK):
        objects, target = drawn(seed)
        if fault(objects, target, seed):
            pytest.fail(shown(objects, target, seed))


def test_many_of_the_random_ones_are_converted() -> None:
    def is_converted(seed: int) -> bool:
        conversion = worlds.converted(worlds.read(*drawn(seed)), ON)
        return any(
            each.action is None and isinstance(each.subject.body, IstioGateway) for each in conversion.changes if each.subject
        )

    assert sum(map(is_converted, range(100))) > 25
