"""Random objects over the whole grammar of VirtualServices; each mesh uses a few features, so that not all of it is held."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from random import Random
from typing import Any

from tests.oracle import actions, matches
from tests.oracle.worlds import SHOP, Tree, app, deployment, namespace, service, thing

FEATURES = {
    # of matches
    "headers": 6, "without": 3, "case": 2, "method": 3, "authority": 2, "scheme": 1, "query": 3, "port": 2, "source": 1,
    "regex": 5, "gateways": 1,
    # of rules
    "redirect": 3, "direct": 1, "fault": 1, "changes": 3, "timeout": 3, "retries": 3, "rewrite": 3, "mirror": 2, "cors": 2,
    "several": 4, "weights": 4, "subsets": 4, "delegate": 3,
    # of the mesh
    "ports": 4, "grpc": 2, "hosts": 2, "wildcard": 1, "gateway": 2, "export": 1, "twice": 1, "policies": 2, "missing": 1,
    "lacking": 1, "entry": 1, "connections": 2,
}  # fmt: skip
NAMES = ("web", "other")


class Draw:
    """A source of choices that knows which features are on."""

    def __init__(self, random: Random, features: frozenset[str]) -> None:
        self.random, self.features = random, features

    def on(self, feature: str, share: float = 0.4) -> bool:
        """Whether to use a feature here; the choice is drawn only where it is on."""
        return feature in self.features and self.random.random() < share

    def one(self, *values: Any) -> Any:
        return self.random.choice(values)

    def some(self, feature: str, make: Callable[[Draw], Any], share: float = 0.4) -> Any:
        return make(self) if self.on(feature, share) else None


def features(random: Random) -> frozenset[str]:
    """From none to six of them, the usual ones more often."""
    count = random.choice([0, 1, 2, 2, 3, 3, 4, 6])
    return frozenset(random.choices(list(FEATURES), list(FEATURES.values()), k=count))


def objects(random: Random, chosen: frozenset[str] | None = None) -> list[Tree]:
    """A namespace with sidecars, its Services and pods, and one VirtualService or more."""
    draw = Draw(random, features(random) if chosen is None else chosen)
    return [namespace(SHOP), *_services(draw), *_routing(draw)]


def _services(draw: Draw) -> Iterator[Tree]:
    ports = (80, 81) if "ports" in draw.features else (80,)
    protocol = "grpc" if "grpc" in draw.features else "http"
    yield service("web", *ports, protocol=protocol)
    yield from (deployment("web", version=version) for version in ("v1", "v2"))
    yield from app("other", *(ports[:1] if "lacking" in draw.features else ports), protocol=protocol)
    if "connections" in draw.features:
        yield from app("db", 5432, 5433, protocol="tcp")
        yield from app("db-next", 5432, 5433, protocol="tcp")
        yield thing("VirtualService", "db", {"hosts": ["db"], "tcp": [_tcp(draw) for _ in range(draw.one(1, 2))]})
    if "entry" in draw.features:
        spec = "{hosts: [api.example], ports: [{number: 80, name: http, protocol: HTTP}], resolution: DNS}"
        yield thing("ServiceEntry", "api", spec)


def _tcp(draw: Draw) -> Tree:
    found: Tree = {"route": [{"destination": {"host": "db-next"}, "weight": 80}, {"destination": {"host": "db"}, "weight": 20}]}
    if draw.one(True, False):
        found["match"] = [{"port": draw.one(5432, 5433)}]
    return found


def _routing(draw: Draw) -> Iterator[Tree]:
    spec: Tree = {"hosts": _hosts(draw), "http": list(rules(draw))}
    if "gateway" in draw.features or "gateways" in draw.features:
        spec["gateways"] = draw.one(["mesh"], ["ingress", "mesh"])
    if "export" in draw.features:
        spec["exportTo"] = draw.one(["*"], ["."], [SHOP])
    yield thing("VirtualService", "web", spec, age=draw.one(0, 2))
    if "delegate" in draw.features:
        yield thing("VirtualService", "leaf", {"http": list(rules(draw, leaf=True))})
    if "twice" in draw.features:
        yield thing("VirtualService", "more", {"hosts": ["web"], "http": list(rules(draw, leaf=True))}, age=draw.one(0, 1, 3))
    if "subsets" in draw.features or "policies" in draw.features:
        yield destination_rule(draw)


def _hosts(draw: Draw) -> list[str]:
    if draw.on("entry", 0.7):
        return ["api.example"]
    if draw.on("wildcard", 0.7):
        return ["*.shop.svc.cluster.local"]
    return ["web", "other"] if draw.on("hosts", 0.7) else [draw.one("web", "web", "web.shop.svc.cluster.local")]


def rules(draw: Draw, *, leaf: bool = False) -> Iterator[Tree]:
    count = draw.random.choice([1, 2, 2, 3, 4] if not leaf else [1, 2])
    for index in range(count):
        is_last = index == count - 1
        found: Tree = {}
        if draw.random.random() < (0.5 if is_last else 0.95):
            found["match"] = [matches.match(draw) for _ in range(draw.random.choice([1, 1, 2]))]
        if not leaf and draw.on("delegate", 0.5):
            yield found | actions.inherited(draw) | {"delegate": {"name": draw.one("leaf", "leaf", "leaf", "missing")}}
        else:
            yield found | actions.action(draw)


def destination_rule(draw: Draw) -> Tree:
    by_port = {"port": {"number": 80}, "loadBalancer": {"simple": "RANDOM"}}
    policies: list[Any] = [
        None,
        {"connectionPool": {"http": {"http1MaxPendingRequests": 10}}},
        {"loadBalancer": {"consistentHash": {"httpHeaderName": "x-a"}}},
        {"outlierDetection": {"consecutive5xxErrors": 3}, "portLevelSettings": [by_port]},
    ]
    subsets: list[Tree] = [{"name": name, "labels": {"version": name}} for name in ("v1", "v2")]
    if draw.one(True, False):
        subsets[0]["trafficPolicy"] = draw.one(*policies[1:])
    found: Tree = {"host": "web", "subsets": subsets}
    policy = draw.one(*policies)
    return thing("DestinationRule", "web", found | ({"trafficPolicy": policy} if policy else {}))


def is_valid(objects: list[Tree]) -> bool:
    """Whether admission would let the VirtualServices in, as far as leaving parts out can break them."""
    rules = [rule for each in objects if each["kind"] == "VirtualService" for rule in each["spec"].get("http", ())]
    named = [
        each["spec"].get("hosts") or each["metadata"]["name"] == "leaf" for each in objects if each["kind"] == "VirtualService"
    ]
    return all(named) and all(map(_is_valid_rule, rules))


def _is_valid_rule(rule: Tree) -> bool:
    routes = rule.get("route", [])
    weights = [each.get("weight", 0) for each in routes]
    acts = [name for name in ("route", "redirect", "directResponse", "delegate") if rule.get(name)]
    conditions = [
        each.get(name, {"exact": ""}) for each in rule.get("match", ()) for name in ("uri", "method", "authority", "scheme")
    ]
    return (
        len(acts) == 1
        and rule.get("delegate", {"name": ""}).get("name") is not None
        and all("destination" in each for each in routes)
        and (len(routes) < 2 or sum(weights) > 0)
        and all(conditions)
        and all("attempts" in rule[name] for name in ("retries",) if name in rule)
    )
