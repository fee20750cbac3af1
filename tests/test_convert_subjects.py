"""Random meshes with delegates and several VirtualServices: each stage of the conversion decides as sidecars did before."""

from __future__ import annotations

import json
from collections.abc import Iterator
from itertools import product
from random import Random
from typing import Any

import pytest

from ambimigrate.changes import Held, Stage
from ambimigrate.convert import Choice, after, convert
from ambimigrate.converters.settings import DEFAULT, Accepted, Settings
from ambimigrate.decode import Decoder
from ambimigrate.kinds import Service
from ambimigrate.layout import lay_out
from ambimigrate.model import Finding, Mesh, Target
from ambimigrate.semantics import sidecar, sidecar_connections, waypoint, waypoint_connections
from ambimigrate.semantics.connections import Connection
from ambimigrate.semantics.decision import Client, Decision, Request
from ambimigrate.topology import hosts, waypoints
from ambimigrate.versions import NEWEST, NEWEST_GATEWAY_API, at_least, parse

VERSIONS = [NEWEST, parse("1.30.1"), parse("1.28.10"), parse("1.27.9"), parse("1.25.5"), parse("1.24.6")]
SERVICES = ["web", "other"]
PORTS = [{"name": "http", "port": 80}, {"name": "grpc-b", "port": 81}, {"name": "tcp", "port": 7000}]
TEXTS = ["/a/", "/a", "/pkg.Svc/", "/pkg.Svc/Get", "/", "/b/c"]
SEEDS = range(400)


def nothing(_meshes: tuple[Mesh, ...]) -> tuple[Finding, ...]:
    return ()


def match(random: Random) -> dict[str, Any]:
    found: dict[str, Any] = {}
    if random.random() < 0.8:
        kind = random.choice(["exact", "prefix", "prefix", "regex"])
        found["uri"] = {kind: random.choice(["/a.*", "/b/.+"] if kind == "regex" else TEXTS)}
    optional: dict[str, tuple[float, Any]] = {
        "headers": (0.25, {random.choice(["x-a", "x-b"]): random.choice([{"exact": "1"}, {"prefix": "1"}, {}])}),
        "port": (0.15, random.choice([80, 81])),
        "gateways": (0.15, random.choice([["mesh"], ["edge"], ["mesh", "edge"]])),
        "scheme": (0.05, {"exact": random.choice(["http", "https"])}),
        "ignoreUriCase": (0.05, True),
    }
    return found | {key: value for key, (share, value) in optional.items() if random.random() < share}


def rule(random: Random, leaves: list[str]) -> dict[str, Any]:
    found: dict[str, Any] = {"match": [match(random) for _ in range(random.choice([1, 2]))]} if random.random() < 0.75 else {}
    if random.random() < 0.3:
        found["timeout"] = random.choice(["1s", "2s"])
    if leaves and random.random() < 0.5:
        return found | {"delegate": {"name": random.choice([*leaves, "missing"]), "namespace": "shop"}}
    destination: dict[str, Any] = {"host": random.choice(SERVICES)}
    if random.random() < 0.3:
        destination["port"] = {"number": random.choice([80, 81])}
    return found | {"route": [{"destination": destination}]}


def virtual_services(random: Random) -> Iterator[dict[str, Any]]:
    leaves = ["leaf-a", "leaf-b"][: random.choice([0, 0, 1, 2])]
    for name in leaves:
        yield vs(name, None, {"http": [rule(random, []) for _ in range(random.choice([1, 2, 3]))]})
    ages = random.random() < 0.7
    for number in range(random.choice([1, 1, 2, 3])):
        names = random.choice(
            [["web"], ["web"], ["web", "other"], ["web.shop.svc.cluster.local"], ["*.shop.svc.cluster.local"]]
        )
        spec: dict[str, Any] = {"hosts": names, "http": [rule(random, leaves) for _ in range(random.choice([1, 2, 3]))]}
        if random.random() < 0.15:
            spec["gateways"] = ["mesh", "edge"]
        if random.random() < 0.2:
            spec["tcp"] = [{"match": [{"port": 7000}], "route": [{"destination": {"host": random.choice(SERVICES)}}]}]
        yield vs(f"vs-{number}", f"2024-01-0{random.randint(1, 9)}T00:00:00Z" if ages else None, spec)


def vs(name: str, age: str | None, spec: dict[str, Any]) -> dict[str, Any]:
    meta = {"name": name, "namespace": "shop"} | ({"creationTimestamp": age} if age else {})
    return {"apiVersion": "networking.istio.io/v1", "kind": "VirtualService", "metadata": meta, "spec": spec}


def world(random: Random, target: Target) -> Mesh:
    decoder = Decoder(lay_out(["all.json"], ()), "")
    decoder.add("all.json", "---\n".join(json.dumps(each) + "\n" for each in (*base(), *virtual_services(random))))
    return decoder.reading(target).meshes[0]


def base() -> Iterator[dict[str, Any]]:
    meta: dict[str, Any] = {"name": "shop", "labels": {"istio-injection": "enabled"}}
    yield {"apiVersion": "v1", "kind": "Namespace", "metadata": meta}
    for name in SERVICES:
        own = {"name": name, "namespace": "shop"}
        template = {"metadata": {"labels": {"app": name}}, "spec": {"containers": [{"name": name}]}}
        yield {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": own, "spec": {"template": template}}
        service = {"selector": {"app": name}, "ports": PORTS}
        yield {"apiVersion": "v1", "kind": "Service", "metadata": own, "spec": service}


def requests() -> Iterator[Request]:
    paths = dict.fromkeys(
        each for path in TEXTS for each in (path, f"{path}x", f"{path}/x", path.rstrip("/") or "/", path.upper())
    )
    headers: tuple[tuple[tuple[str, str], ...], ...] = ((), (("x-a", "12"),), (("x-b", "1"), ("x-a", "1")))
    for name, port, path, own in product(SERVICES, (80, 81), paths, headers):
        host = f"{name}.shop.svc.cluster.local"
        yield Request(host, port, "POST", path, f"{host}:{port}", own)


REQUESTS = tuple(requests())
CONNECTIONS = tuple(Connection(f"{name}.shop.svc.cluster.local", 7000) for name in SERVICES)


def plain(decision: Decision, *, retries: bool = True) -> tuple[Any, ...]:
    outcomes = sorted((share, repr(outcome)) for share, outcome in decision.outcomes if share)
    return outcomes, decision.timeout, decision.mirrors, decision.unmatched, decision.retries if retries else None


def served(mesh: Mesh) -> set[str]:
    """The hosts behind a waypoint: the others have no VirtualService."""
    return {hosts.host_of(each) for each in mesh.of(Service) if waypoints.is_bound(mesh, each)}


def is_call(request: Request) -> bool:
    """Whether gRPC could send it: what an HTTPRoute says about the bare path of a service, a GRPCRoute does not."""
    return request.path.count("/") == 2 and not request.path.endswith("/")


def check(mesh: Mesh, settings: Settings = DEFAULT) -> int:
    whole = convert((mesh,), (), Choice(settings=settings), check=nothing)
    if whole.held:
        return 0
    has_grpc = any(each.ref.kind == "GRPCRoute" for each in whole.changes)
    for stage in (Stage.bind, Stage.enroll, None):
        done = convert((mesh,), (), Choice(None, stage, settings=settings), check=nothing)
        end = after(mesh, done.changes)
        client, known = Client("client"), served(end)
        retries = stage is None or at_least(mesh.target.istio, "1.30.3", "1.31.0")  # before, the default route has none
        for request in REQUESTS:
            if request.to not in known or (has_grpc and request.port == 81 and not is_call(request)):
                continue
            before, now = sidecar.decide(mesh, client, request), waypoint.decide(end, request)
            assert plain(before, retries=retries) == plain(now, retries=retries), (stage, request)
        for connection in CONNECTIONS:
            before, now = sidecar_connections.decide(mesh, client, connection), waypoint_connections.decide(end, connection)
            assert plain(before) == plain(now), (stage, connection)
    return 1


@pytest.mark.parametrize("seed", SEEDS)
def test_every_stage_decides_as_before(seed: int) -> None:
    random = Random(seed)
    check(world(random, Target(random.choice(VERSIONS), NEWEST_GATEWAY_API)))


@pytest.mark.parametrize("seed", SEEDS)
def test_what_is_kept_decides_as_before(seed: int) -> None:
    random = Random(seed)
    check(world(random, Target(random.choice(VERSIONS), NEWEST_GATEWAY_API)), Settings(keep=frozenset({"*"})))


def test_many_of_the_random_ones_are_converted() -> None:
    done = [0, 0]
    for seed in SEEDS:
        random = Random(seed)
        mesh = world(random, Target(random.choice(VERSIONS), NEWEST_GATEWAY_API))
        for number, settings in enumerate((Settings(), Settings(keep=frozenset({"*"})))):
            done[number] += not convert((mesh,), (), Choice(settings=settings), check=nothing).held
    assert min(done) > len(SEEDS) // 12, done


# --- what a user agrees to, and what stays ---------------------------------------------------------------------------


def single(hosts_: list[str], spec: dict[str, Any], *more: dict[str, Any], to: Target | None = None) -> Mesh:
    decoder = Decoder(lay_out(["all.json"], ()), "")
    own = vs("web", None, {"hosts": hosts_} | spec)
    decoder.add("all.json", "---\n".join(json.dumps(each) + "\n" for each in (*base(), own, *more)))
    return decoder.reading(to or Target(NEWEST, NEWEST_GATEWAY_API)).meshes[0]


def agreed(*ids: str, name: str = "web") -> Settings:
    return Settings(accepted=tuple(Accepted(id, "shop", name) for id in ids))


def outcome(mesh: Mesh, settings: Settings = DEFAULT) -> tuple[list[tuple[str, str, str, str, str]], list[Held]]:
    found = convert((mesh,), (), Choice(settings=settings), check=nothing)
    kinds = {"VirtualService", "HTTPRoute", "GRPCRoute", "TCPRoute", "TLSRoute"}
    changes = [
        (each.verb, each.ref.kind, each.ref.name, each.stage.name, each.verdict)
        for each in found.changes
        if each.ref.kind in kinds
    ]
    assert all(each.witness for each in found.changes if each.verdict == "differs")
    return changes, [each for each in found.held if "NS908" not in each.because]


ITSELF = {"http": [{"timeout": "1s", "route": [{"destination": {"host": "web", "port": {"number": 80}}}]}]}


def test_r01_a_winner_can_be_named() -> None:
    other = vs("other", None, {"hosts": ["web"], "http": [{"timeout": "2s", "route": [{"destination": {"host": "web"}}]}]})
    mesh = single(["web"], ITSELF, other)
    assert {each.ref.name for each in outcome(mesh)[1]} == {"other", "web"}
    changes, held = outcome(mesh, agreed("VS912"))
    assert not held
    assert ("delete", "VirtualService", "other", "retire", "differs") in changes
    assert ("create", "HTTPRoute", "web-80", "retire", "differs") in changes
    both = Settings(accepted=(Accepted("VS912", "shop", "web"), Accepted("VS912", "shop", "other")))
    assert outcome(mesh, both)[1]


def test_r03_routes_for_the_services_under_a_wildcard() -> None:
    mesh = single(["*.shop.svc.cluster.local"], ITSELF)
    assert "VS911" in (outcome(mesh)[1][0].alternative or "")
    changes, held = outcome(mesh, agreed("VS911"))
    assert not held
    names = {name for verb, kind, name, _, verdict in changes if (verb, kind, verdict) == ("create", "HTTPRoute", "differs")}
    assert names == {"web-web-80", "web-web-81", "web-other-80", "web-other-81"}


def test_r05_a_name_that_is_no_service_can_be_given_up() -> None:
    mesh = single(["web", "www.example.com"], ITSELF)
    assert "VS916" in (outcome(mesh)[1][0].alternative or "")
    changes, held = outcome(mesh, agreed("VS916"))
    assert not held
    assert ("delete", "VirtualService", "web", "retire", "differs") in changes
    assert outcome(single(["www.example.com"], ITSELF), agreed("VS916"))[0] == [
        ("delete", "VirtualService", "web", "retire", "differs")
    ]


def test_r12_every_client_asks_for_the_full_name() -> None:
    full = "db.shop.svc.cluster.local"
    service = {"selector": {"app": "web"}, "ports": [{"name": "tls", "port": 443}]}
    db, to = (
        {"apiVersion": "v1", "kind": "Service", "metadata": {"name": each, "namespace": "shop"}, "spec": service}
        for each in ("db", "to")
    )
    rule = {"match": [{"sniHosts": [full]}], "route": [{"destination": {"host": "to"}}]}
    mesh = single(["db"], {"tls": [rule]}, db, to)
    assert "VS913" in (outcome(mesh)[1][0].alternative or "")
    changes, held = outcome(mesh, agreed("VS913"))
    assert not held
    assert ("create", "TLSRoute", "web", "retire", "differs") in changes
    old = single(["db"], {"tls": [rule]}, db, to, to=Target(NEWEST, parse("1.4.1")))
    assert outcome(old, agreed("VS913"))[1]


def test_r17_routes_may_come_early() -> None:
    changes, held = outcome(single(["web"], ITSELF), agreed("VS915"))
    assert not held
    assert ("create", "HTTPRoute", "web-80", "prepare", "differs") in changes
    assert ("delete", "VirtualService", "web", "retire", "differs") in changes


FAULT = {
    "http": [
        {
            "fault": {"abort": {"httpStatus": 500, "percentage": {"value": 100}}},
            "route": [{"destination": {"host": "web", "port": {"number": 80}}}],
        }
    ]
}


def test_r17_what_has_no_route_can_stay() -> None:
    mesh = single(["web"], FAULT)
    assert "--keep-virtual-services shop/web" in (outcome(mesh)[1][0].alternative or "")
    found = convert((mesh,), (), Choice(settings=Settings(keep=frozenset({"shop/web"}))), check=nothing)
    assert not found.held
    assert [(each.ref.name, each.reason) for each in found.untouched if each.ref.kind == "VirtualService"] == [
        ("web", "it is kept, and the waypoint carries it out (alpha in Istio)")
    ]
    assert {each.ref.kind for each in found.changes} >= {"Gateway", "Namespace"}


@pytest.mark.parametrize(
    "rule",
    [
        {"match": [{"sourceLabels": {"app": "x"}}]},
        {"match": [{"sourceNamespace": "x"}]},
        {"directResponse": {"status": 200, "body": {"string": "x" * 4097}}},
    ],
    ids=["labels", "namespace", "body"],
)
def test_r17_what_a_waypoint_cannot_carry_out_is_not_kept(rule: dict[str, Any]) -> None:
    whole = rule if "directResponse" in rule else rule | {"route": [{"destination": {"host": "web", "port": {"number": 80}}}]}
    mesh = single(["web"], {"http": [whole]})
    assert "--keep" not in (outcome(mesh)[1][0].alternative or "")
    assert outcome(mesh, Settings(keep=frozenset({"shop/web"})))[1]


def test_r10_a_dead_rule_is_neither_revived_by_a_route_nor_by_keeping() -> None:
    one = {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "one", "namespace": "shop"}}
    service = one | {"spec": {"selector": {"app": "web"}, "ports": [{"name": "http", "port": 80}]}}
    rule = {
        "http": [
            {"fault": {"abort": {"httpStatus": 500, "percentage": {"value": 100}}}, "route": [{"destination": {"host": "one"}}]}
        ]
    }
    for each in (rule, {"http": [{"route": [{"destination": {"host": "one"}}]}]}):
        mesh = single(["web"], each, service)
        assert outcome(mesh)[1]
        assert "--keep" not in (outcome(mesh)[1][0].alternative or "")
        assert outcome(mesh, Settings(keep=frozenset({"shop/web"})))[1]
