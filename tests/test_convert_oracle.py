"""Random VirtualServices: where convert writes routes, a waypoint decides every request as the sidecars of callers did."""

from __future__ import annotations

import json
from collections.abc import Iterator
from random import Random
from typing import Any

import pytest

from ambimigrate.convert import after, convert
from ambimigrate.decode import Decoder
from ambimigrate.layout import lay_out
from ambimigrate.model import Finding, Mesh, Target
from ambimigrate.semantics import sidecar, waypoint
from ambimigrate.semantics.decision import Client, Decision, Request
from ambimigrate.versions import NEWEST, NEWEST_GATEWAY_API, parse

HOST = "web.shop.svc.cluster.local"
PATHS = ["/", "/a", "/a/", "/ab", "/a/b", "/a/b/", "/A", "/c", "/c/x"]
PATTERNS = ["/a.*", "/[ab]+", ".*", "/a/b|/c", "/c/.*x"]
VALUES = ["1", "on", "12"]
NAMES = ["x-a", "X-B"]
VERSIONS = [NEWEST, parse("1.30.1"), parse("1.28.10"), parse("1.27.9"), parse("1.26.8")]
SEEDS = range(400)


def nothing(_meshes: tuple[Mesh, ...]) -> tuple[Finding, ...]:
    return ()


def string_match(random: Random, texts: list[str], patterns: list[str]) -> dict[str, str]:
    kind = random.choice(["exact", "exact", "prefix", "prefix", "regex"])
    return {kind: random.choice(patterns if kind == "regex" else texts)}


def match(random: Random) -> dict[str, Any]:
    found: dict[str, Any] = {}
    if random.random() < 0.8:
        found["uri"] = string_match(random, PATHS, PATTERNS)
    if random.random() < 0.3:
        wanted: dict[str, str] = random.choice([{}, string_match(random, VALUES, ["1.*", "[0-9]+"])])
        found["headers"] = {random.choice(NAMES): wanted}
    optional = {
        "ignoreUriCase": (0.1, True),
        "method": (0.2, {"exact": random.choice(["GET", "POST"])}),
        "queryParams": (0.15, {"q": string_match(random, VALUES, ["1.*"])}),
        "port": (0.1, random.choice([80, 81, 82])),
        "scheme": (0.05, {"exact": random.choice(["http", "https"])}),
        "authority": (0.05, {"prefix": "web"}),
    }
    return found | {key: value for key, (share, value) in optional.items() if random.random() < share}


def headers(random: Random) -> dict[str, Any]:
    return {
        side: {"set": {"x-s": random.choice(VALUES)}, "add": {"x-t": random.choice(VALUES)}, "remove": [random.choice(NAMES)]}
        for side in ("request", "response")
        if random.random() < 0.5
    }


def destination(random: Random) -> dict[str, Any]:
    found: dict[str, Any] = {"host": random.choice(["web", "other", "other.shop.svc.cluster.local"])}
    if random.random() < 0.5:
        found["port"] = {"number": random.choice([80, 81])}
    return found


def rule(random: Random) -> dict[str, Any]:
    found: dict[str, Any] = {"match": [match(random) for _ in range(random.choice([1, 1, 2]))]} if random.random() < 0.8 else {}
    if random.random() < 0.15:
        wanted = {"uri": "/r", "authority": "r.example", "scheme": "https", "port": 8443, "derivePort": "FROM_REQUEST_PORT"}
        chosen = {key: value for key, value in wanted.items() if random.random() < 0.4}
        if "port" in chosen:
            chosen.pop("derivePort", None)
        return found | {"redirect": chosen | {"redirectCode": random.choice([301, 302, 307])}}
    routes: list[dict[str, Any]] = [{"destination": destination(random)} for _ in range(random.choice([1, 1, 1, 2]))]
    for each in routes:
        if len(routes) > 1 or random.random() < 0.2:
            each["weight"] = random.choice([0, 10, 90])
        if random.random() < 0.15:
            each["headers"] = headers(random)
    found["route"] = routes
    optional: dict[str, Any] = {
        "headers": headers(random),
        "timeout": random.choice(["1s", "1.5s", "2m"]),
        "rewrite": random.choice([{"uri": "/"}, {"uri": "/r/"}, {"uri": "/r"}, {"authority": "r.example"}]),
        "mirror": destination(random),
    }
    return found | {key: value for key, value in optional.items() if random.random() < 0.12}


def world(random: Random, target: Target) -> Mesh:
    decoder = Decoder(lay_out(["all.json"], ()), "")
    decoder.add("all.json", "---\n".join(json.dumps(each) + "\n" for each in objects(random)))
    return decoder.reading(target).meshes[0]


def objects(random: Random) -> Iterator[dict[str, Any]]:
    meta: dict[str, Any] = {"name": "shop", "labels": {"istio-injection": "enabled"}}
    yield {"apiVersion": "v1", "kind": "Namespace", "metadata": meta}
    several = random.random() < 0.3
    ports: list[dict[str, Any]] = [{"name": "http", "port": 80}, *([{"name": "http-b", "port": 81}] if several else [])]
    for name in ("web", "other"):
        own = {"name": name, "namespace": "shop"}
        template = {"metadata": {"labels": {"app": name}}, "spec": {"containers": [{"name": name}]}}
        yield {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": own, "spec": {"template": template}}
        service = {"selector": {"app": name}, "ports": ports}
        yield {"apiVersion": "v1", "kind": "Service", "metadata": own, "spec": service}
    rules = [rule(random) for _ in range(random.choice([1, 2, 2, 3, 4]))]
    spec = {"hosts": ["web"], "http": rules}
    yield {
        "apiVersion": "networking.istio.io/v1",
        "kind": "VirtualService",
        "metadata": {"name": "web", "namespace": "shop"},
        "spec": spec,
    }


def requests() -> Iterator[Request]:
    paths = dict.fromkeys(each for path in PATHS for each in (path, f"{path}x", f"{path}/x", path.rstrip("/") or "/"))
    for port in (80, 81):
        for path in paths:
            for method, own, query in (
                ("GET", (), ""),
                ("POST", (("x-a", "12"),), "?q=1"),
                ("PATCH", (("x-b", "1"), ("x-a", "on")), "?q=on"),
            ):
                yield Request(HOST, port, method, path + query, f"{HOST}:{port}", own, reply=(("x-b", "1"),))


def same(before: Decision, now: Decision) -> bool:
    """Whether both send the request to the same places in the same form."""
    return plain(before) == plain(now)


def plain(decision: Decision) -> tuple[Any, ...]:
    outcomes = sorted((share, repr(outcome)) for share, outcome in decision.outcomes if share)
    return outcomes, decision.timeout, decision.mirrors, decision.unmatched, decision.retries


@pytest.mark.parametrize("seed", SEEDS)
def test_waypoint_and_remaining_sidecars_decide_as_before(seed: int) -> None:
    random = Random(seed)
    target = Target(random.choice(VERSIONS), NEWEST_GATEWAY_API)
    mesh = world(random, target)
    conversion = convert((mesh,), (), check=nothing)
    end = after(mesh, conversion.changes)
    if conversion.held:
        return
    client = Client("client")
    for request in requests():
        before = sidecar.decide(mesh, client, request)
        assert same(before, waypoint.decide(end, request)), request
        if len({each.ref for each in conversion.changes if each.ref.kind == "HTTPRoute"}) == 1:
            assert same(before, sidecar.decide(end, client, request)), request


def test_many_of_the_random_ones_are_converted() -> None:
    done = 0
    for seed in SEEDS:
        random = Random(seed)
        mesh = world(random, Target(random.choice(VERSIONS), NEWEST_GATEWAY_API))
        done += not convert((mesh,), (), check=nothing).held
    assert done > len(SEEDS) // 3
