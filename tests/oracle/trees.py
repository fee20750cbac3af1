"""Random whole trees: namespaces in several states of a migration, with everything that convert has to bring together."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from random import Random
from typing import Any

from ambimigrate.changes import Change, Create
from ambimigrate.decode import Decoder
from ambimigrate.layout import lay_out
from ambimigrate.model import Mesh, Target
from ambimigrate.yamlio.trees import edited
from tests.oracle import grammar, policies, worlds
from tests.oracle.policies import security
from tests.oracle.worlds import Tree, thing

SPACES = ("shop", "web", "ops", "store")
FILE = "file"  # where an object stands; it is no part of its text
STATES = (
    "sidecar",
    "sidecar",
    "sidecar",
    "bound",
    "bound",
    "bound-service",
    "declared",
    "ambient",
    "ambient-bound",
    "unlabelled",
)
HELD = ("fault", "filter", "unknown-field", "vm", "addresses", "wasm")
_SIDECAR = {"istio-injection": "enabled"}
_AMBIENT = {"istio.io/dataplane-mode": "ambient"}
_BOUND = {"istio.io/use-waypoint": "gate"}
_ROUTED = frozenset(grammar.FEATURES) - {
    "entry",
    "wildcard",
    "gateway",
    "gateways",
    "fault",
    "missing",
    "connections",
    "lacking",
}


class Draw:
    """A source of choices, with one for routes and one for policies that go by features."""

    def __init__(self, random: Random) -> None:
        self.random = random
        weights = [grammar.FEATURES[each] for each in sorted(_ROUTED)]
        features = random.choices(sorted(_ROUTED), weights, k=random.choice([0, 1, 2, 3]))
        self.routes = grammar.Draw(random, frozenset(features))
        self.policies = policies.Draw(random)

    def on(self, share: float) -> bool:
        return self.random.random() < share

    def one(self, *values: Any) -> Any:
        return self.random.choice(values)


def objects(random: Random) -> list[Tree]:
    """A tree of one mesh or two; the second one has a part of the same objects, or the same that stand in a shared file."""
    draw = Draw(random)
    found = [*_mesh(draw)]
    if draw.on(0.85):
        return found
    names = [each["metadata"]["name"] for each in found if each["kind"] == "Namespace"]
    shared = frozenset(draw.random.sample(names, draw.one(0, 1)))
    return [*_spread(draw, found, shared)]


def _spread(draw: Draw, found: list[Tree], shared: frozenset[str]) -> Iterator[Tree]:
    for each in found:
        if each["metadata"].get("namespace", each["metadata"]["name"]) in shared:
            yield {FILE: "base/all.json", **each}
            continue
        yield {FILE: "clusters/east/all.json", **each}
        if draw.on(0.9):
            yield {FILE: "clusters/west/all.json", **each}


def _mesh(draw: Draw) -> Iterator[Tree]:
    yield worlds.namespace("istio-system", kind="root")
    yield _config()
    names = SPACES[: draw.one(2, 2, 3, 4)]
    for name in names:
        yield from _space(draw, name, names)
    if draw.on(0.2):
        yield from _edge(draw)
    for number in range(draw.one(0, 0, 0, 1)):
        yield _placed(policies._policy(draw.policies, f"root-{number}"), "istio-system")
    if draw.on(0.15):
        yield security("PeerAuthentication", "default", {"mtls": {"mode": draw.one("STRICT", "PERMISSIVE")}}, "istio-system")


def _config() -> Tree:
    providers = "extensionProviders: [{name: oauth, envoyExtAuthzGrpc: {service: oauth.web.svc.cluster.local, port: 9000}}]\n"
    metadata = {"name": "istio", "namespace": "istio-system"}
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": metadata,
        "data": {"mesh": f"trustDomain: cluster.local\n{providers}"},
    }


def _placed(tree: Any, space: str) -> Any:
    """An object that a grammar made for its own namespace and names, in another one and for the Services here."""
    text = json.dumps(tree)
    text = re.sub(r"\breviews\b", "web", text.replace('"namespace": "shop"', f'"namespace": "{space}"'))
    text = re.sub(r"\bratings\b", "other", text).replace(".shop.svc", f".{space}.svc")
    return json.loads(text)


# --- namespaces -----------------------------------------------------------------------------------------------------


def _space(draw: Draw, space: str, names: tuple[str, ...]) -> Iterator[Tree]:
    state = draw.one(*STATES)
    labels = _AMBIENT if state.startswith("ambient") else {"team": "a"} if state == "unlabelled" else _SIDECAR
    bound = _BOUND if state in {"bound", "ambient-bound"} else {}
    yield worlds.namespace(space, **labels, **bound)
    if state not in {"sidecar", "ambient", "unlabelled"}:
        yield thing("Gateway", "gate", worlds.WAYPOINT, space)
    yield from _servers(draw, space, names, _BOUND if state == "bound-service" else {})
    if draw.on(0.45):
        yield from _routes(draw, space)
    for number in range(draw.one(0, 0, 1, 1, 2)):
        yield _placed(policies._policy(draw.policies, f"p{number}"), space)
    if draw.on(0.3):
        yield from _placed([*policies._others(draw.policies)], space)
    yield from _rest(draw, space)
    if draw.on(0.3):
        yield from _held(draw, space)


def _servers(draw: Draw, space: str, names: tuple[str, ...], bound: Tree) -> Iterator[Tree]:
    ports = (80, 81) if "ports" in draw.routes.features or draw.on(0.15) else (80,)
    web = worlds.service("web", *ports, namespace=space)
    web["metadata"]["labels"] = bound
    yield web
    called = [{"name": "URL", "value": f"http://web.{draw.one(*names)}.svc.cluster.local"}]
    for version in ("v1", "v2") if draw.on(0.4) else ("v1",):
        yield policies.pods("web", space, "web", {"version": version})
    front = policies.pods("front", space, "front")
    front["spec"]["template"]["spec"]["containers"][0]["env"] = called
    if draw.on(0.15):
        front["spec"]["template"]["metadata"]["labels"]["sidecar.istio.io/inject"] = draw.one("false", "true")
    yield front
    other = worlds.service("other", *ports, namespace=space)
    if draw.on(0.2):
        other["spec"]["clusterIP"] = "None"
    yield other
    yield policies.pods("other", space)
    if draw.on(0.2):
        yield from worlds.app("db", 5432, protocol="tcp", namespace=space)
    if draw.on(0.08):
        yield policies.pods("agent", space, hostNetwork=True)


def _routes(draw: Draw, space: str) -> Iterator[Tree]:
    kind = draw.one("vs", "vs", "vs", "dr", "route", "sidecar")
    if kind == "vs":
        yield from _placed([*grammar._routing(draw.routes)], space)
    elif kind == "dr":
        host = "web" if draw.on(0.8) else f"web.{space}.svc.cluster.local"
        tls = {"tls": {"mode": draw.one("ISTIO_MUTUAL", "DISABLE", "SIMPLE")}}
        more = draw.one(
            tls, {"loadBalancer": {"consistentHash": {"httpHeaderName": "x-a"}}}, {"loadBalancer": {"simple": "RANDOM"}}
        )
        yield thing("DestinationRule", "web", {"host": host, "trafficPolicy": more}, space)
    elif kind == "route":
        spec = worlds.bound(
            "{matches: [{path: {type: PathPrefix, value: /a}}], backendRefs: [{name: other, port: 80}]}", to="web"
        )
        yield thing("HTTPRoute", "there", spec, space)
    else:
        hosts = draw.one(["./*"], ["*/*"], ["./*", "istio-system/*"], ["./web." + space + ".svc.cluster.local"])
        yield thing("Sidecar", "default", {"egress": [{"hosts": hosts}]}, space)


def _rest(draw: Draw, space: str) -> Iterator[Tree]:
    if draw.on(0.12):
        ports = [{"port": draw.one(8080, 80)}]
        spec: Tree = {"podSelector": draw.one({}, {"matchLabels": {"app": "web"}}), "policyTypes": ["Ingress"]}
        yield thing("NetworkPolicy", "only", spec | {"ingress": [{"from": [{"podSelector": {}}], "ports": ports}]}, space)
    if draw.on(0.2):
        port = draw.one({"number": 80, "name": "http", "protocol": "HTTP"}, {"number": 443, "name": "tls", "protocol": "TLS"})
        spec = {"hosts": ["api.example"], "ports": [port], "resolution": "DNS", "location": "MESH_EXTERNAL"}
        entry = thing("ServiceEntry", "api", spec, space)
        if draw.on(0.3):
            entry["metadata"]["labels"] = {"istio.io/use-waypoint": "egress"}
            yield thing("Gateway", "egress", worlds.WAYPOINT, space)
        yield entry
        if draw.on(0.4):
            timed = worlds.http(worlds.rule("api.example", "timeout: 1s"), hosts="api.example")
            yield worlds.vs("api", timed, space)


def _held(draw: Draw, space: str) -> Iterator[Tree]:
    """Something for which the namespace, or its mesh, stays as it is."""
    route = {"route": [{"destination": {"host": "other"}}]}
    match draw.one(*HELD):
        case "fault":
            fault = {"fault": {"delay": {"percentage": {"value": 5}, "fixedDelay": "1s"}}}
            yield thing("VirtualService", "slow", {"hosts": ["other"], "http": [fault | route]}, space)
        case "filter":
            patch = {"applyTo": "HTTP_FILTER", "match": {"context": "SIDECAR_INBOUND"}, "patch": {"operation": "INSERT_BEFORE"}}
            yield _of("EnvoyFilter", "networking.istio.io/v1alpha3", "lua", {"configPatches": [patch]}, space)
        case "unknown-field":
            yield thing("VirtualService", "odd", {"hosts": ["other"], "http": [{"retrys": 3} | route]}, space)
        case "vm":
            spec = {"address": "10.1.2.3", "labels": {"app": "web"}, "serviceAccount": "web"}
            yield _of("WorkloadEntry", "networking.istio.io/v1", "vm", spec, space)
        case "addresses":
            rules = [{"from": [{"source": {"ipBlocks": ["192.0.2.0/28"]}}]}]
            yield security("AuthorizationPolicy", "addresses", {"action": "DENY", "rules": rules}, space)
        case _:
            spec = {"selector": {"matchLabels": {"app": "web"}}, "url": "oci://registry.example/x:1"}
            yield _of("WasmPlugin", "extensions.istio.io/v1alpha1", "x", spec, space)


def _of(kind: str, version: str, name: str, spec: Tree, space: str) -> Tree:
    return {"apiVersion": version, "kind": kind, "metadata": {"name": name, "namespace": space}, "spec": spec}


def _edge(draw: Draw) -> Iterator[Tree]:
    """Gateway pods in front of `shop`, which know of the waypoint there or not."""
    yield worlds.namespace("edge")
    yield policies.pods("edge", "edge", "edge", {"istio": "edge"}, annotations=policies.GATEWAY)
    servers = [{"port": {"number": 80, "name": "http", "protocol": "HTTP"}, "hosts": ["*"]}]
    gateway = thing("Gateway", "edge", {"selector": {"istio": "edge"}, "servers": servers}, "edge")
    yield gateway | {"apiVersion": "networking.istio.io/v1"}
    spec = worlds.http(worlds.rule("web.shop.svc.cluster.local"), hosts="shop.example")[:-1] + ", gateways: [edge/edge]}"
    yield worlds.vs("edge", spec, draw.one("edge", "shop"))


# --- texts ----------------------------------------------------------------------------------------------------------


def read(found: Iterable[Tree], target: Target) -> tuple[Mesh, ...]:
    """The meshes of these objects, each file a List of JSON documents."""
    files: dict[str, list[Tree]] = {}
    for each in found:
        files.setdefault(each.get(FILE, "all.json"), []).append({key: value for key, value in each.items() if key != FILE})
    decoder = Decoder(lay_out(files, ()), "")
    for name, trees in files.items():
        decoder.add(name, "".join(f"---\n{json.dumps(each)}\n" for each in trees))
    reading = decoder.reading(target)
    assert not reading.problems, reading.problems
    return reading.meshes


def applied(found: Iterable[Tree], changes: Iterable[Change]) -> list[Tree]:
    """The objects as their text reads once the changes are written; one that serves several meshes is changed once."""
    known = {_key(each): each for each in found}
    done: set[tuple[Any, ...]] = set()
    for change in sorted(changes, key=lambda each: each.stage):
        file = (change.action.beside if isinstance(change.action, Create) else change.subject or _nothing()).file
        key = file, *change.ref
        once = (*key, change.stage, repr(change.action))
        if once in done:
            continue
        done.add(once)
        if isinstance(change.action, Create):
            known[key] = {**json.loads(json.dumps(change.action.value)), FILE: file}
        elif change.action is None:
            known.pop(key, None)
        else:
            for edit in change.action:
                known[key] = edited(known[key], edit)
    return list(known.values())


def _nothing() -> Any:
    raise AssertionError("a change of nothing")


def _key(tree: Tree) -> tuple[str, ...]:
    group = tree["apiVersion"].rpartition("/")[0]
    return tree.get(FILE, "all.json"), tree["kind"], group, tree["metadata"].get("namespace", ""), tree["metadata"]["name"]
