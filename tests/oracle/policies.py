"""Random meshes with policies: who may call whom, by every field that AuthorizationPolicies have, and what plays into it."""

from __future__ import annotations

from collections.abc import Iterator
from random import Random
from typing import Any

from tests.oracle import worlds
from tests.oracle.worlds import SHOP, Tree, namespace, service, thing

FEATURES = {
    # of sources
    "principals": 5, "namespaces": 5, "accounts": 3, "blocks": 2, "remote": 1, "tokens": 3, "domains": 1,
    # of operations and conditions
    "ports": 4, "hosts": 2, "methods": 5, "paths": 6, "templates": 1, "headers": 2, "when": 2, "negative": 5, "suffixes": 2,
    # of policies
    "DENY": 9, "CUSTOM": 2, "AUDIT": 2, "dry": 1, "wide": 4, "root": 3, "part": 1, "several": 5, "empty": 2,
    # of the mesh
    "jwt": 3, "strict": 2, "rewrite": 3, "redirect": 1, "onward": 1, "headless": 1, "version": 1, "tcp": 2, "waypoint": 2,
    "edge": 3, "scraped": 1, "hostnetwork": 1, "outsiders": 1, "alias": 1, "stays": 2, "balancer": 1, "targets": 1,
    "elsewhere": 3,
}  # fmt: skip
VALUES: dict[str, tuple[str, ...]] = {
    "principals": (
        "cluster.local/ns/web/sa/front", "cluster.local/ns/shop/sa/reviews", "*/sa/front", "cluster.local/ns/web/*", "*",
        "cluster.local/ns/shop/sa/waypoint", "spiffe://cluster.local/ns/web/sa/front", "other.local/ns/web/sa/front",
    ),
    "namespaces": ("web", "shop", "w*", "ops", "*"),
    "serviceAccounts": ("web/front", "reviews", "ops/default"),
    "ipBlocks": ("10.244.0.0/16", "10.9.0.0/16", "192.0.2.7"),
    "remoteIpBlocks": ("203.0.113.0/24",),
    "requestPrincipals": ("*", "https://issuer.example/*", "https://issuer.example/somebody"),
    "trustDomains": ("cluster.local", "other.local"),
    "ports": ("8080", "9090", "80", "5432"),
    "hosts": ("reviews.shop.svc.cluster.local", "reviews*", "*.example"),
    "methods": ("GET", "POST", "P*"),
    "paths": ("/admin*", "/admin", "/", "*", "/v1/*", "/api/x", "/old"),
}  # fmt: skip
CONDITIONS = (
    ("source.principal", VALUES["principals"][:3]),
    ("source.namespace", VALUES["namespaces"][:3]),
    ("source.ip", VALUES["ipBlocks"]),
    ("destination.port", VALUES["ports"]),
    ("destination.ip", ("10.244.0.0/16", "10.96.0.0/12")),
    ("request.headers[x-kind]", ("a", "a*", "*")),
    ("request.auth.claims[group]", ("admin",)),
    ("request.auth.audiences", ("me",)),
    ("remote.ip", VALUES["remoteIpBlocks"]),
    ("connection.sni", ("x.example",)),
    ("source.serviceAccount", ("web/front",)),
)
JWT = {"jwtRules": [{"issuer": "https://issuer.example", "jwksUri": "https://issuer.example/keys"}]}
GATEWAY = {"inject.istio.io/templates": "gateway"}


class Draw:
    """A source of choices that knows which features are on."""

    def __init__(self, random: Random) -> None:
        count = random.choice([1, 2, 3, 4, 5, 6, 8, 10])
        self.random = random
        self.features = frozenset(random.choices(list(FEATURES), list(FEATURES.values()), k=count))

    def on(self, feature: str, share: float = 0.5) -> bool:
        return feature in self.features and self.random.random() < share

    def some(self, name: str) -> list[str]:
        return self.random.sample(VALUES[name], min(len(VALUES[name]), self.random.choice([1, 1, 2])))


def objects(random: Random) -> list[Tree]:
    """Namespace `shop` with Services and pods, its callers, and policies."""
    draw = Draw(random)
    return [*_spaces(draw), *_servers(draw), *_callers(draw), *_routes(draw), *_policies(draw), *_others(draw)]


# --- who is there ---------------------------------------------------------------------------------------------------


def _spaces(draw: Draw) -> Iterator[Tree]:
    bound = {"istio.io/use-waypoint": "gate"} if "waypoint" in draw.features and draw.random.random() < 0.5 else {}
    yield namespace(SHOP, **{"istio-injection": "enabled", **bound})
    if "waypoint" in draw.features:
        yield thing("Gateway", "gate", worlds.WAYPOINT)
    for name in ("web", "ops"):
        yield namespace(name)
    yield namespace("istio-system", kind="root")
    aliases = "trustDomainAliases: [other.local]\n" if "alias" in draw.features else ""
    providers = "extensionProviders: [{name: oauth, envoyExtAuthzGrpc: {service: oauth.web.svc.cluster.local, port: 9000}}]\n"
    data = {"mesh": f"trustDomain: cluster.local\n{aliases}{providers}"}
    yield {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "istio", "namespace": "istio-system"}, "data": data}


def pods(name: str, namespace: str = SHOP, account: str = "", labels: Tree | None = None, **more: Any) -> Tree:
    template: Tree = {"metadata": {"labels": {"app": name, **(labels or {})}}}
    if annotations := more.pop("annotations", None):
        template["metadata"]["annotations"] = annotations
    template["spec"] = {"containers": [{"name": "app", "image": "app:1"}], **more}
    if account:
        template["spec"]["serviceAccountName"] = account
    full = "-".join((name, *(labels or {}).values()))
    return thing("Deployment", full, {"template": template}, namespace)


def _servers(draw: Draw) -> Iterator[Tree]:
    ports = [{"name": "http", "port": 80, "targetPort": 8080}]
    if "ports" in draw.features:
        ports.append({"name": "http-admin", "port": 81, "targetPort": 9090})
    if "tcp" in draw.features:
        ports.append({"name": "tcp-db", "port": 5432})
    kind = {"type": "LoadBalancer"} if "balancer" in draw.features else {}
    yield service("reviews") | {"spec": {"selector": {"app": "reviews"}, "ports": ports, **kind}}
    scraped = {"prometheus.io/scrape": "true", "prometheus.io/port": "8080"} if "scraped" in draw.features else None
    yield pods("reviews", account="reviews", labels={"version": "v1"}, annotations=scraped)
    if "version" in draw.features or "part" in draw.features:
        yield pods("reviews", account="reviews", labels={"version": "v2"})
    if "version" in draw.features:
        yield service("reviews-v2", selector={"app": "reviews", "version": "v2"}, ports=ports)
    if "headless" in draw.features:
        yield service("reviews-pods", selector={"app": "reviews"}, ports=ports, clusterIP="None")
    other = [{"name": "http", "port": 80, "targetPort": 9090}], [{"name": "http", "port": 8080}]
    yield service("ratings", ports=draw.random.choice(other) if "elsewhere" in draw.features else ports[:1])
    yield pods("ratings")


def _callers(draw: Draw) -> Iterator[Tree]:
    url = [{"name": "URL", "value": "http://reviews.shop.svc.cluster.local"}]
    caller = pods("front", "web", "front")
    caller["spec"]["template"]["spec"]["containers"][0]["env"] = url
    yield caller
    if "edge" in draw.features:
        yield namespace("edge")
        yield pods("edge", "edge", "edge", {"istio": "edge"}, annotations=GATEWAY)
        spec = {
            "selector": {"istio": "edge"},
            "servers": [{"port": {"number": 80, "name": "http", "protocol": "HTTP"}, "hosts": ["*"]}],
        }
        yield thing("Gateway", "edge", spec, "edge") | {"apiVersion": "networking.istio.io/v1"}
        route = {
            "hosts": ["shop.example"],
            "gateways": ["edge/edge"],
            "http": [{"route": [{"destination": {"host": "reviews.shop.svc.cluster.local"}}]}],
        }
        yield thing("VirtualService", "edge", route, "edge")
    if "hostnetwork" in draw.features:
        yield pods("agent", "ops", hostNetwork=True)
    if "outsiders" in draw.features:
        yield namespace("plain", team="plain")
        yield pods("old", "plain")


def _routes(draw: Draw) -> Iterator[Tree]:
    rules: list[Tree] = []
    to = [{"destination": {"host": "reviews"}}]
    if "rewrite" in draw.features:
        prefix, into = draw.random.choice([("/v1/", "/"), ("/v1", "/api"), ("/old", "/admin")])
        rules.append({"match": [{"uri": {"prefix": prefix}}], "rewrite": {"uri": into}, "route": to})
    if "redirect" in draw.features:
        rules.append({"match": [{"uri": {"exact": "/old"}}], "redirect": {"uri": "/new"}})
    if "onward" in draw.features:
        rules.append({"match": [{"uri": {"prefix": "/api"}}], "route": [{"destination": {"host": "ratings"}}]})
    if rules:
        yield thing("VirtualService", "reviews", {"hosts": ["reviews"], "http": [*rules, {"route": to}]})


# --- policies -------------------------------------------------------------------------------------------------------


def security(kind: str, name: str, spec: Tree, namespace: str = SHOP, **annotations: str) -> Tree:
    metadata: Tree = {"name": name, "namespace": namespace}
    if annotations:
        metadata["annotations"] = {key.replace("_", "/").replace("0", "-"): value for key, value in annotations.items()}
    return {"apiVersion": "security.istio.io/v1", "kind": kind, "metadata": metadata, "spec": spec}


def _policies(draw: Draw) -> Iterator[Tree]:
    for number in range(1 + ("several" in draw.features) * draw.random.choice([1, 1, 2, 3])):
        yield _policy(draw, f"p{number}")


def _policy(draw: Draw, name: str) -> Tree:
    action = draw.random.choice(["ALLOW", *[each for each in ("DENY", "DENY", "CUSTOM", "AUDIT") if each in draw.features]])
    spec: Tree = {"action": action}
    place = "istio-system" if draw.on("root") else SHOP
    if draw.on("targets", 0.3):
        spec["targetRefs"] = [{"group": "", "kind": "Service", "name": draw.random.choice(["reviews", "ratings"])}]
        place = SHOP
    elif not draw.on("wide"):
        part = {"version": "v2"} if draw.on("part") else {}
        spec["selector"] = {"matchLabels": {"app": "reviews", **part}}
    if action == "CUSTOM":
        spec["provider"] = {"name": "oauth"}
    if action != "ALLOW" or not draw.on("empty"):
        spec["rules"] = [_rule(draw, custom=action == "CUSTOM") for _ in range(draw.random.choice([1, 1, 1, 2, 3]))]
    dry = {"istio.io_dry0run": "true"} if action in {"ALLOW", "DENY"} and draw.on("dry") else {}
    return security("AuthorizationPolicy", name, spec, place, **dry)


def _rule(draw: Draw, *, custom: bool) -> Tree:
    found: Tree = {}
    if not custom and (sources := [each for _ in range(draw.random.choice([1, 1, 2])) if (each := _source(draw))]):
        found["from"] = [{"source": each} for each in sources]
    if operations := [each for _ in range(draw.random.choice([1, 1, 2])) if (each := _operation(draw))]:
        found["to"] = [{"operation": each} for each in operations]
    if draw.on("when") or draw.on("headers"):
        key, values = draw.random.choice(CONDITIONS if "when" in draw.features else CONDITIONS[5:6])
        if not (custom and key.startswith(("source.", "request.auth"))):
            which = "notValues" if draw.on("negative", 0.4) else "values"
            found["when"] = [{"key": key, which: draw.random.sample(values, 1)}]
    return found


SOURCES = {
    "principals": "principals", "namespaces": "namespaces", "accounts": "serviceAccounts", "blocks": "ipBlocks",
    "remote": "remoteIpBlocks", "tokens": "requestPrincipals", "domains": "trustDomains",
}  # fmt: skip


def _source(draw: Draw) -> Tree:
    wanted = [name for feature, name in SOURCES.items() if draw.on(feature)]
    if "serviceAccounts" in wanted:  # admission takes them with neither principals nor namespaces
        wanted = [each for each in wanted if each not in {"principals", "namespaces"}]
    return _fields(draw, wanted)


def _operation(draw: Draw) -> Tree:
    return _fields(draw, [each for each in ("ports", "hosts", "methods", "paths") if draw.on(each)])


def _fields(draw: Draw, names: list[str]) -> Tree:
    found: Tree = {}
    for name in names:
        values = draw.some(name)
        if name == "paths" and draw.on("templates"):
            values = [draw.random.choice(["/v1/{*}", "/api/{**}", "/{*}/admin"])]
        elif name == "paths" and draw.on("suffixes"):
            values = ["*/admin"]
        key = f"not{name[0].upper()}{name[1:]}" if draw.on("negative", 0.35) else name
        found[key] = values
    return found


def _others(draw: Draw) -> Iterator[Tree]:
    if "jwt" in draw.features:
        wide = draw.random.random() < 0.3
        selector = {} if wide else {"selector": {"matchLabels": {"app": "reviews"}}}
        rule = JWT["jwtRules"][0] | draw.random.choice([{}, {"forwardOriginalToken": True}])
        yield security("RequestAuthentication", "jwt", selector | {"jwtRules": [rule]})
    if "strict" in draw.features:
        place = draw.random.choice([SHOP, "istio-system"])
        mode = draw.random.choice(["STRICT", "STRICT", "PERMISSIVE", "DISABLE"])
        yield security("PeerAuthentication", "mode", {"mtls": {"mode": mode}}, place)
        if draw.random.random() < 0.3:
            ports = {"8080": {"mode": draw.random.choice(["PERMISSIVE", "DISABLE", "STRICT"])}}
            spec = {"selector": {"matchLabels": {"app": "reviews"}}, "mtls": {"mode": "STRICT"}, "portLevelMtls": ports}
            yield security("PeerAuthentication", "ports", spec)
