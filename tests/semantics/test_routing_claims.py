"""Routing: the claims of the reference, one request each, at a client's sidecar and at a waypoint."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import product
from pathlib import Path
from typing import Any

import pytest
import yaml

from ambimigrate.semantics import sidecar, waypoint
from ambimigrate.semantics.decision import Client, Decision, Outcome, Request
from ambimigrate.semantics.durations import seconds
from tests.semantics.vectors import mesh

CLAIMS = Path(__file__).resolve().parents[2] / "fixtures" / "vectors" / "routing-claims.yaml"
PORT = 9080
FULL_NAME = "reviews.default.svc.cluster.local"
SIDES = ("vs", "exact", "naive", "closest")
WORDS = re.compile(r"\S+")
BACKEND = re.compile(r"([a-z]\w*)(?::(\d+))?")
DEFAULT = {"connect-failure", "refused-stream", "unavailable", "cancelled"}


def claims() -> Iterator[Any]:
    loaded = yaml.safe_load_all(CLAIMS.read_text(encoding="utf-8"))
    cases = ((claim, case) for claim in loaded for case in claim["cases"])
    for (claim, case), side in product(cases, SIDES):
        wanted = case.get(side, case["vs"] if side == "exact" else None)
        if wanted is not None and has(claim, side):
            yield pytest.param(claim, case, side, str(wanted), id=f"{claim['id']}-{side}-{case['req']}")


def has(claim: dict[str, Any], side: str) -> bool:
    return isinstance(claim.get(side), list) or (side == "exact" and "routes" in claim)


@pytest.mark.parametrize(("claim", "case", "side", "wanted"), list(claims()))
def test_decides_as_claimed(claim: dict[str, Any], case: dict[str, Any], side: str, wanted: str) -> None:
    request = request_of(case)
    objects = [*services(claim), *routing(claim, side, request.host.partition(":")[0])]
    world = mesh({"id": claim["id"], "objects": objects, "pods": {name: {"app": name} for name in names(claim)}})
    if side == "vs":
        client = Client(case.get("srcNamespace", "default"), tuple(case.get("srcLabels", {}).items()))
        decision = sidecar.decide(world, client, request)
    else:
        decision = waypoint.decide(world, request)
    words = WORDS.findall(simple(wanted))
    assert all(holds(word, decision) for word in words if not BACKEND.fullmatch(word)), decision
    weights = {found[1]: found[2] for word in words if (found := BACKEND.fullmatch(word))}
    assert not weights or shares_of(decision) == expected(weights)


def simple(wanted: str) -> str:
    """The answers of a proxy as one word each."""
    return re.sub(r"\b(direct|fault|redirect) (\d+)(?: (\S+))?", r"\1=\2=\3", wanted)


def request_of(case: dict[str, Any]) -> Request:
    method, url, *headers = str(case["req"]).split()
    found = re.fullmatch(r"(?:http://([^/]+))?(/.*)", url)
    assert found
    lines = tuple((name, value) for name, _, value in (each.partition(":") for each in headers))
    port = case.get("port", PORT)
    host = found[1] or (FULL_NAME if "srcNamespace" in case else "reviews")
    return Request(FULL_NAME, port, method, found[2], host, lines)


def names(claim: dict[str, Any]) -> list[str]:
    """The Services that a claim may route to: whatever it calls host or name."""
    return sorted({"reviews", *mentioned(claim)})


def mentioned(tree: Any) -> Iterator[str]:
    if isinstance(tree, dict):
        yield from (tree[key] for key in ("host", "name") if isinstance(tree.get(key), str))
    children = tree.values() if isinstance(tree, dict) else tree if isinstance(tree, list) else ()
    for each in children:
        yield from mentioned(each)


def services(claim: dict[str, Any]) -> list[dict[str, Any]]:
    made = [thing("v1", "Service", name, service(name)) for name in names(claim)]
    gateway = {"gatewayClassName": "istio-waypoint", "listeners": [{"name": "mesh", "port": 15008, "protocol": "HBONE"}]}
    labels = {"istio.io/use-waypoint": "waypoint"}
    namespace = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "default", "labels": labels}}
    return [*made, namespace, thing("gateway.networking.k8s.io/v1", "Gateway", "waypoint", gateway)]


def service(name: str) -> dict[str, Any]:
    numbers = (PORT, 9090) if name == "reviews" else (PORT,)
    return {"selector": {"app": name}, "ports": [{"name": f"http-{port}", "port": port} for port in numbers]}


def thing(version: str, kind: str, name: str, spec: dict[str, Any]) -> dict[str, Any]:
    return {"apiVersion": version, "kind": kind, "metadata": {"name": name, "namespace": "default"}, "spec": spec}


def routing(claim: dict[str, Any], side: str, host: str) -> list[dict[str, Any]]:
    """The object of that side; a sidecar has to know the Host header to find it."""
    if side == "vs":
        hosts = [FULL_NAME, host]
        rules = thing("networking.istio.io/v1", "VirtualService", "reviews", {"hosts": hosts, "http": claim["vs"]})
        return [rules, *known(claim, host)]
    lists = claim["routes"] if side == "exact" and "routes" in claim else {PORT: claim[side]}
    return [http_route(port, rules) for port, rules in lists.items()]


def known(claim: dict[str, Any], host: str) -> list[dict[str, Any]]:
    if host in {*names(claim), FULL_NAME}:
        return []
    if "." not in host:
        return [thing("v1", "Service", host, service(host))]
    entry = {"hosts": [host], "ports": [{"number": PORT, "name": "http", "protocol": "HTTP"}]}
    return [thing("networking.istio.io/v1", "ServiceEntry", "alias", entry)]


def http_route(port: int, rules: list[dict[str, Any]]) -> dict[str, Any]:
    parents = [{"group": "", "kind": "Service", "name": "reviews", "port": port}]
    return thing("gateway.networking.k8s.io/v1", "HTTPRoute", f"reviews-{port}", {"parentRefs": parents, "rules": rules})


def holds(word: str, decision: Decision) -> bool:
    outcomes = [outcome for _, outcome in decision.outcomes]
    key, _, value = word.partition("=")
    match key:
        case "direct" | "fault" | "redirect":
            status, _, location = value.partition("=")
            return all(each.status == int(status) and (each.location or "") == location for each in outcomes)
        case "timeout":
            return decision.timeout == seconds(value)
        case "retries":
            return retried(value, decision)
        case "mirror":
            return [f"{pods(each.backends)}@{each.percentage:g}%" for each in decision.mirrors] == [value]
        case "404":
            return decision.unmatched and outcomes == [Outcome(404)]
        case _:
            return all(received(each, key) == value for each in outcomes)


def received(outcome: Outcome, key: str) -> str:
    assert outcome.request
    if key in {"path", "host"}:
        return str(getattr(outcome.request, key))
    return ",".join(value for name, value in outcome.request.headers if name == key)


def retried(value: str, decision: Decision) -> bool:
    """`3[conditions]/2s`, or 0."""
    if value == "0":
        return decision.retries is None
    found = re.fullmatch(r"(\d+)\[(.*)\](?:/(\w+))?", value)
    assert found
    assert decision.retries
    wanted = DEFAULT if found[2] == "default" else set(found[2].split(","))
    conditions = {*decision.retries.conditions, *map(str, decision.retries.codes)} - {"retriable-status-codes"}
    return (decision.retries.attempts, conditions, decision.retries.per_try) == (int(found[1]), wanted, seconds(found[3]))


def pods(backends: tuple[str, ...] | None) -> str:
    return ",".join(each.split("/")[1].split(":")[0] for each in backends or ())


def shares_of(decision: Decision) -> dict[str, int]:
    return {pods(each.backends): round(share) for share, each in decision.outcomes}


def expected(weights: dict[str, str | None]) -> dict[str, int]:
    """Weights as percentages; `default` is the Service itself."""
    total = sum(int(weight or 1) for weight in weights.values())
    return {"reviews" if name == "default" else name: round(100 * int(weight or 1) / total) for name, weight in weights.items()}
