"""Random Istio Gateways with VirtualServices bound to them, over the whole grammar of both."""

from __future__ import annotations

from collections.abc import Iterator
from random import Random
from typing import Any

from ambimigrate.topology.hosts import meet
from tests.oracle import grammar, matches
from tests.oracle.fronts import EDGE, SIMPLE, gateway, pods, server
from tests.oracle.grammar import Draw
from tests.oracle.worlds import Tree, app, deployment, namespace, service, thing

HOSTS = ("a.example", "b.example", "*.a.example", "x.a.example", "*.example", "*")
NAMED = ("a.example", "b.example", "x.a.example", "y.a.example", "c.example", "d.org")
_ALIEN = {"gateway", "hosts", "wildcard", "twice", "entry", "grpc", "connections", "policies", "source", "gateways", "export"}
FEATURES = {name: weight for name, weight in grammar.FEATURES.items() if name not in _ALIEN} | {
    # of gateways
    "https": 7, "https-many": 5, "redirects": 5, "passthrough": 4, "tcp": 4, "second-gateway": 3, "second-server": 4,
    "server-namespace": 3, "server-hosts": 5, "alt-port": 3, "target-port": 2, "mutual": 2, "http2": 1,
    # of VirtualServices
    "more": 6, "many-hosts": 4, "mixed": 2, "names": 2, "match-gateways": 3, "match-port": 3, "exported": 2, "store": 3,
    "policies": 2, "pod-source": 1,
}  # fmt: skip


def objects(random: Random) -> list[Tree]:
    """Gateway pods, two namespaces with backends, Gateways, and VirtualServices bound to them; older than what is made."""
    count = random.choice([0, 1, 2, 3, 4, 5, 6, 8])
    draw = Draw(random, frozenset(random.choices(list(FEATURES), list(FEATURES.values()), k=count)))
    front = pods(target=8000 if draw.on("target-port", 1) else 0)
    gates = list(_gateways(draw))
    served = sorted(
        {host.partition("/")[2] or host for each in gates for one in each["spec"]["servers"] for host in one["hosts"]}
    )
    return [*front, namespace("shop"), namespace("store"), *_backends(draw), *gates, *_virtual_services(draw, served)]


def _backends(draw: Draw) -> Iterator[Tree]:
    ports = (80, 81) if "ports" in draw.features else (80,)
    yield service("web", *ports)
    yield from (deployment("web", version=version) for version in ("v1", "v2"))
    yield from app("other", *(ports[:1] if "lacking" in draw.features else ports))
    yield from app("db", 5432, protocol="tcp")
    yield from app("web", 80, namespace="store")
    yield from app("other", 80, namespace="store")
    if "subsets" in draw.features or "policies" in draw.features:
        yield grammar.destination_rule(draw)


# --- Gateways -----------------------------------------------------------------------------------------------------------


def _gateways(draw: Draw) -> Iterator[Tree]:
    yield gateway(*_servers(draw), name="one", age=1)
    if "second-gateway" in draw.features:
        place = draw.one(EDGE, EDGE, "shop")
        yield gateway(*_servers(draw), name="two", namespace=place, age=2)


def _servers(draw: Draw) -> Iterator[str]:
    yield _http(draw, 8080 if draw.on("alt-port") else 80)
    if draw.on("second-server", 0.7):
        yield _http(draw, draw.one(80, 8080), name="second")
    if draw.on("https", 0.9) or draw.on("https-many", 0.9):
        for number in range(draw.one(2, 3) if "https-many" in draw.features else 1):
            tls = {"mode": "MUTUAL", "credentialName": "cert"} if draw.on("mutual") else dict(SIMPLE)
            yield server(443, "HTTPS", *_hosts(draw), tls=tls, name=f"https-{number}")
    if draw.on("passthrough", 0.8):
        yield server(draw.one(443, 443, 8443), "TLS", *_hosts(draw), tls={"mode": "PASSTHROUGH"}, name="tls")
    if draw.on("tcp", 0.8):
        yield server(5432, "TCP", "*", name="tcp")


def _http(draw: Draw, number: int, name: str = "http") -> str:
    more: dict[str, Any] = {"tls": {"httpsRedirect": True}} if draw.on("redirects", 0.6) else {}
    return server(number, draw.one("HTTP2", "GRPC", "HTTP") if draw.on("http2") else "HTTP", *_hosts(draw), name=name, **more)


def _hosts(draw: Draw) -> list[str]:
    if "server-hosts" not in draw.features:
        found = [draw.one("*", "*", "*", "*.example", "a.example")]
    else:
        found = draw.random.sample(HOSTS, draw.one(1, 1, 2, 3))
    return [f"{draw.one('shop', '*', '.', 'store')}/{each}" if draw.on("server-namespace") else each for each in found]


# --- VirtualServices ----------------------------------------------------------------------------------------------------


def _virtual_services(draw: Draw, served: list[str]) -> Iterator[Tree]:
    for number in range(draw.one(2, 3) if "more" in draw.features else 1):
        place = "store" if draw.on("store", 0.5) else "shop"
        spec: Tree = {"hosts": _names(draw, served), "gateways": _bound(draw)}
        if draw.on("mixed"):
            spec["gateways"].append("mesh")
            spec["hosts"] = draw.one(["web", "a.example"], ["a.example"])
        spec["http"] = [_adapted(draw, each) for each in grammar.rules(draw)]
        if draw.on("passthrough", 0.7):
            spec["tls"] = [_tls(draw, spec["hosts"])]
        if draw.on("tcp", 0.7):
            spec["tcp"] = [_tcp(draw)]
        if draw.on("exported"):
            spec["exportTo"] = draw.one(["*"], ["."], [EDGE], [EDGE, "shop"])
        yield thing("VirtualService", f"vs-{number}", spec, place, age=draw.one(3, 4, 5))
    if "delegate" in draw.features:
        leaf = [_adapted(draw, each) for each in grammar.rules(draw, leaf=True)]
        yield thing("VirtualService", "leaf", {"http": leaf}, age=6)


def _names(draw: Draw, served: list[str]) -> list[str]:
    """Most of them such as a server takes."""
    fitting: list[str] = [each for each in HOSTS if any(meet(each, one) for one in served)]
    pool = fitting if draw.random.random() < 0.9 else list(HOSTS)
    count = min(draw.one(2, 3), len(pool)) if draw.on("many-hosts", 0.7) else 1
    return list(draw.random.sample(pool, count))


def _bound(draw: Draw) -> list[str]:
    one = draw.one("one.edge", "one.edge.svc.cluster.local", "edge/one") if draw.on("names") else "edge/one"
    if "second-gateway" not in draw.features:
        return [one]
    return list(draw.one([one], ["edge/two"], [one, "edge/two"], ["shop/two"], [one, "shop/two"]))


def _adapted(draw: Draw, rule: Tree) -> Tree:
    """A rule of the mesh's grammar with the ports, names and Gateways of this world."""
    for match in rule.get("match", ()):
        match.pop("gateways", None)
        if draw.on("match-gateways", 0.4):
            match["gateways"] = draw.one(["edge/one"], ["edge/two"], ["mesh"], ["edge/one", "mesh"], ["one.edge"])
        match.pop("port", None)
        if draw.on("match-port", 0.4):
            match["port"] = draw.one(80, 443, 8080)
        if draw.on("pod-source"):
            match |= draw.one(
                {"sourceLabels": {"istio": "ingressgateway"}}, {"sourceNamespace": EDGE}, {"sourceNamespace": "shop"}
            )
        if "authority" in match:
            match["authority"] = matches.text(draw, NAMED, (".*example", "a.*"))
    return rule


def _tls(draw: Draw, hosts: list[str]) -> Tree:
    named = [each for each in hosts if each != "*"] or ["a.example"]
    match: Tree = {"sniHosts": draw.random.sample(named, draw.one(1, len(named)))}
    if draw.on("match-port"):
        match["port"] = draw.one(443, 8443)
    return {"match": [match], "route": _routes(draw)}


def _tcp(draw: Draw) -> Tree:
    found: Tree = {"route": _routes(draw)}
    if draw.on("match-port", 0.6):
        found["match"] = [{"port": draw.one(5432, 5433)}]
    return found


def _routes(draw: Draw) -> list[Tree]:
    where: Tree = {"host": "db.shop.svc.cluster.local"}
    if draw.on("several", 0.6):
        return [
            {"destination": where, "weight": 80},
            {"destination": {"host": "web.shop.svc.cluster.local", "port": {"number": 80}}, "weight": 20},
        ]
    return [{"destination": where | ({"port": {"number": 5432}} if draw.one(True, False) else {})}]


def is_valid(objects: list[Tree]) -> bool:
    """Whether admission would let the objects in, as far as leaving parts out can break them."""
    return all(_is_gateway(each["spec"]) for each in objects if each["kind"] == "Gateway") and (
        all(
            _is_bound(each["spec"])
            for each in objects
            if each["kind"] == "VirtualService" and each["metadata"]["name"] != "leaf"
        )
        and grammar.is_valid(objects)
    )


def _is_gateway(spec: Tree) -> bool:
    return bool(spec.get("selector") and spec.get("servers")) and all(map(_is_server, spec["servers"]))


def _is_bound(spec: Tree) -> bool:
    connections = [*spec.get("tls", ()), *spec.get("tcp", ())]
    named = (match.get("sniHosts") for rule in spec.get("tls", ()) for match in rule.get("match") or [{}])
    return (
        bool(spec.get("gateways") and (spec.get("http") or connections))
        and all(rule.get("route") and all("destination" in each for each in rule["route"]) for rule in connections)
        and all(named)
    )


def _is_server(found: Tree) -> bool:
    port = found.get("port", {})
    if not (found.get("hosts") and {"number", "name", "protocol"} <= port.keys()):
        return False
    return port["protocol"] not in {"HTTPS", "TLS"} or bool(found.get("tls", {}).get("mode"))
