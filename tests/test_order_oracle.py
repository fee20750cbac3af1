"""Random orders of rules: whatever becomes routes decides every request on its boundaries as the VirtualService did."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator
from random import Random
from typing import Any

import pytest

from ambimigrate.convert import Conversion, after, convert
from ambimigrate.decode import Decoder
from ambimigrate.layout import lay_out
from ambimigrate.model import Finding, Mesh, Target
from ambimigrate.semantics import sidecar, waypoint
from ambimigrate.semantics.decision import Client, Decision, Request
from ambimigrate.versions import NEWEST, NEWEST_GATEWAY_API, parse

HOST = "web.shop.svc.cluster.local"
PATHS = ["/", "/a", "/a/", "/ab", "/a/b", "/a/b/", "/Ask", "/c", "/c/x", "/a//b", "/a%2Fb"]
PATTERNS = ["/a.*", "/[ab]+", ".*", "/a/b|/c", "/c/.*x", "/a/[a-z]+", "(?i)/A/B", "/c/x", r"\Q/a/b"]
VALUES = ["1", "on", ""]
NAMES = ["x-a", "X-B"]
BACKENDS = ["one", "two", "three"]
SEEDS = range(300)


def nothing(_meshes: tuple[Mesh, ...]) -> tuple[Finding, ...]:
    return ()


def string_test(random: Random) -> dict[str, str]:
    kind = random.choice(["exact", "exact", "prefix", "regex", "present"])
    if kind == "present":
        return {}
    return {kind: random.choice(["1.*", "[0-9]*", ".*"] if kind == "regex" else VALUES[:2] if kind == "prefix" else VALUES)}


def match(random: Random, *, patterns: bool) -> dict[str, Any]:
    found: dict[str, Any] = {}
    if random.random() < 0.75:
        kind = random.choice(["exact", "prefix", "prefix", "regex"] if patterns else ["exact", "prefix"])
        plain = PATHS if patterns or kind == "exact" else [each.rstrip("/") + "/" for each in PATHS]
        found["uri"] = {kind: random.choice(PATTERNS if kind == "regex" else plain)}
    optional = {
        "ignoreUriCase": (0.1 if patterns else 0.0, True),
        "headers": (0.4, {name: string_test(random) for name in random.sample(NAMES, random.choice([1, 1, 2]))}),
        "withoutHeaders": (0.15, {name: string_test(random) for name in random.sample(NAMES, random.choice([1, 1, 2]))}),
        "queryParams": (0.15, {"q": string_test(random)}),
        "method": (0.2, random.choice([{"exact": "GET"}, {"exact": "POST"}, {"regex": "GET|PUT"}])),
        "authority": (0.05, {"prefix": "web"}),
    }
    return found | {key: value for key, (share, value) in optional.items() if random.random() < share}


def rule(random: Random, *, patterns: bool) -> dict[str, Any]:
    found: dict[str, Any] = {"match": [match(random, patterns=patterns) for _ in range(random.choice([1, 1, 1, 2]))]}
    found["route"] = [{"destination": {"host": random.choice(BACKENDS)}}]
    if random.random() < 0.2:
        found["rewrite"] = {"uri": random.choice(["/", "/r/", "/r", "/a/"])}
    return found


def world(random: Random) -> Mesh:
    """Up to 1.30 proxies join the lines of a header."""
    version = random.choice([NEWEST, NEWEST, parse("1.30.4")])
    decoder = Decoder(lay_out(["all.json"], ()), "")
    decoder.add("all.json", "---\n".join(json.dumps(each) + "\n" for each in objects(random)))
    return decoder.reading(Target(version, NEWEST_GATEWAY_API)).meshes[0]


def objects(random: Random) -> Iterator[dict[str, Any]]:
    meta: dict[str, Any] = {"name": "shop", "labels": {"istio-injection": "enabled"}}
    yield {"apiVersion": "v1", "kind": "Namespace", "metadata": meta}
    for name in ("web", *BACKENDS):
        own = {"name": name, "namespace": "shop"}
        template = {"metadata": {"labels": {"app": name}}, "spec": {"containers": [{"name": name}]}}
        yield {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": own, "spec": {"template": template}}
        service = {"selector": {"app": name}, "ports": [{"name": "http", "port": 80}]}
        yield {"apiVersion": "v1", "kind": "Service", "metadata": own, "spec": service}
    patterns = random.random() < 0.5
    rules = [rule(random, patterns=patterns) for _ in range(random.choice([2, 3, 4, 6, 10, 20, 40]))]
    if random.random() < 0.8:
        rules.append({"route": [{"destination": {"host": "web"}}]})
    spec = {"hosts": ["web"], "http": rules}
    meta = {"name": "web", "namespace": "shop"}
    yield {"apiVersion": "networking.istio.io/v1", "kind": "VirtualService", "metadata": meta, "spec": spec}


def paths() -> list[str]:
    found: dict[str, None] = {}
    for text in [*PATHS, "/c/yx", "/b", "/A\u017fk", "/A\u017fKx"]:
        bare = text.rstrip("/")
        found |= dict.fromkeys([text, f"{text}x", f"{bare}/x", f"{bare}/", text[:-1] or "/", text.swapcase()])
    return list(found)


HEADERS = [
    (),
    *([(name, value)] for name in ("x-a", "x-b") for value in ("", "1", "1x", "on", "z")),
    [("x-a", "1"), ("x-a", "on")],
    [("x-a", "1"), ("x-b", "1")],
    [("x-a", "1"), ("x-a", "")],
    [("x-b", "on"), ("x-b", "1"), ("x-a", "z")],
]


def requests(random: Random, mesh: Mesh, count: int) -> Iterator[Request]:
    """On releases whose proxies join the lines of a header, requests with a header once only: the evaluators join nothing."""
    one_line = mesh.target.istio < NEWEST
    headers = [each for each in HEADERS if not one_line or len({name for name, _ in each}) == len(each)]
    every = list(itertools.product(paths(), headers, ("GET", "POST", "PURGE"), ("", "?q=1", "?q", "?q=on&q=1")))
    for path, own, method, query in random.sample(every, count):
        yield Request(HOST, 80, method, path + query, random.choice([HOST, f"{HOST}:80", "web.shop"]), tuple(own))


def plain(decision: Decision) -> tuple[Any, ...]:
    return sorted((share, repr(outcome)) for share, outcome in decision.outcomes if share), decision.unmatched


def converted(seed: int) -> tuple[Random, Mesh, Conversion]:
    random = Random(seed)
    mesh = world(random)
    return random, mesh, convert((mesh,), (), check=nothing)


@pytest.mark.parametrize("seed", SEEDS)
def test_every_request_keeps_its_rule(seed: int) -> None:
    random, mesh, conversion = converted(seed)
    if conversion.held:
        return
    end = after(mesh, conversion.changes)
    for request in requests(random, mesh, 150):
        before = sidecar.decide(mesh, Client("client"), request)
        assert plain(before) == plain(waypoint.decide(end, request)), request


def test_what_stays_has_a_reason_beside_the_order() -> None:
    """No order is lost where no prefix is replaced: the ladder keeps every one."""
    done, reasons = 0, set[str]()
    for seed in SEEDS:
        _, mesh, conversion = converted(seed)
        done += not conversion.held
        if "rewrite" not in json.dumps([str(each.body) for each in mesh.resources if each.kind == "VirtualService"]):
            reasons |= {each.reason for each in conversion.held}
    assert not [each for each in reasons if "overtake" in each]
    assert done > len(SEEDS) // 4
