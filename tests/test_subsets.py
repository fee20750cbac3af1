"""Subsets as Services of their own: their names, what other namespaces have to do with them, and what users agree to."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

from ambimigrate.changes import Change, Create, Stage
from ambimigrate.convert import Choice, Conversion, after, convert
from ambimigrate.converters.settings import Accepted, Settings
from ambimigrate.converters.subsets import policies as subset_policies
from ambimigrate.converters.subsets import versioned
from ambimigrate.decode import Decoder
from ambimigrate.kinds import DestinationRule, Service, VirtualService
from ambimigrate.layout import lay_out
from ambimigrate.model import Finding, Mesh, Target
from ambimigrate.versions import NEWEST, NEWEST_GATEWAY_API

Tree = dict[str, Any]
TARGET = Target(NEWEST, NEWEST_GATEWAY_API)


def nothing(_meshes: tuple[Mesh, ...]) -> tuple[Finding, ...]:
    return ()


def read(*trees: Tree) -> Mesh:
    decoder = Decoder(lay_out(["all.json"], ()), "")
    decoder.add("all.json", "---\n".join(json.dumps(each) + "\n" for each in trees))
    return decoder.reading(TARGET).meshes[0]


def converted(mesh: Mesh, *accepted: Accepted, only: tuple[str, ...] | None = None) -> Conversion:
    return convert((mesh,), (), Choice(only, settings=Settings(accepted)), check=nothing)


def named(changes: Iterable[Change], kind: str) -> Mapping[str, Change]:
    return {f"{each.ref.namespace}/{each.ref.name}": each for each in changes if each.ref.kind == kind}


def namespace(name: str, **labels: str) -> Tree:
    own = {"istio-injection": "enabled", **labels}
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": own}}


def app(name: str, where: str) -> tuple[Tree, Tree]:
    meta = {"name": name, "namespace": where}
    template = {"metadata": {"labels": {"app": name}}, "spec": {"containers": [{"name": name}]}}
    service = {"selector": {"app": name}, "ports": [{"name": "http", "port": 80}]}
    return (
        {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": meta, "spec": {"template": template}},
        {"apiVersion": "v1", "kind": "Service", "metadata": meta, "spec": service},
    )


def istio(kind: str, name: str, where: str, **spec: Any) -> Tree:
    meta = {"name": name, "namespace": where}
    return {"apiVersion": "networking.istio.io/v1", "kind": kind, "metadata": meta, "spec": spec}


def to(host: str, subset: str | None = None, **rule: Any) -> Tree:
    return {"route": [{"destination": {"host": host} | ({"subset": subset} if subset else {})}], **rule}


def version(name: str) -> Tree:
    return {"name": name, "labels": {"version": name}}


def test_the_names_are_known_before_and_after() -> None:
    rules = istio("DestinationRule", "web", "shop", host="web", subsets=[version("v1"), version("v2")])
    routed = istio("VirtualService", "web", "shop", hosts=["web"], http=[to("web", "v1")])
    mesh = read(namespace("shop"), *app("web", "shop"), rules, routed)
    service = mesh.of(Service)[0]
    assert versioned.names(mesh, service) == ("web-v1",)
    end = after(mesh, converted(mesh).changes)
    assert versioned.names(end, next(each for each in end.of(Service) if each.name == "web")) == ("web-v1",)
    assert not end.of(VirtualService)
    assert [each.name for each in end.of(DestinationRule)] == ["web"]  # a rule for web-v1 would say nothing


def test_a_name_never_grows_too_long() -> None:
    long = "a" * 60
    rules = istio("DestinationRule", "web", "shop", host=long, subsets=[version("v1"), version("v1-canary")])
    special = to(long, "v1-canary", match=[{"uri": {"exact": "/c"}}])
    routed = istio("VirtualService", "web", "shop", hosts=[long], http=[special, to(long, "v1")])
    mesh = read(namespace("shop"), *app(long, "shop"), rules, routed)
    found = named(converted(mesh).changes, "Service")
    assert sorted(len(each.removeprefix("shop/")) for each in found if each != f"shop/{long}") == [63, 63]
    assert len(set(found)) == 2


def test_a_subset_of_another_namespace_stays_as_long_as_somebody_names_it() -> None:
    rules = istio("DestinationRule", "web", "shop", host="web", subsets=[version("v1")])
    full = "web.shop.svc.cluster.local"
    mine = istio("VirtualService", "web", "shop", hosts=["web"], http=[to("web", "v1")])
    theirs = istio("VirtualService", "front", "edge", hosts=["front"], http=[to(full, "v1")])
    mesh = read(namespace("shop"), namespace("edge"), *app("web", "shop"), *app("front", "edge"), rules, mine, theirs)
    every = converted(mesh)
    assert not every.held
    assert named(every.changes, "DestinationRule")["shop/web"].action is None
    assert list(named(every.changes, "Service")).count("shop/web-v1") == 1
    shop = converted(mesh, only=("shop",))
    assert "shop/web" not in named(shop.changes, "DestinationRule")
    edge = named(converted(mesh, only=("edge",)).changes, "Service")
    assert edge["shop/web-v1"].stage is Stage.prepare


def test_the_policy_of_a_calling_namespace_moves_to_the_service_if_that_is_agreed_to() -> None:
    policy = {"outlierDetection": {"consecutive5xxErrors": 2}}
    rule = istio("DestinationRule", "web", "edge", host="web.shop.svc.cluster.local", trafficPolicy=policy, exportTo=["."])
    mesh = read(namespace("shop"), namespace("edge"), *app("web", "shop"), *app("front", "edge"), rule)
    assert ("DR901",) in [each.because for each in converted(mesh).held]
    agreed = converted(mesh, Accepted("DR904", "edge", "web"))
    assert not agreed.held
    found = named(agreed.changes, "DestinationRule")
    moved = found["shop/web-edge"]
    assert isinstance(moved.action, Create)
    assert moved.action.value["spec"] == {"host": "web.shop.svc.cluster.local", "trafficPolicy": policy}
    assert (moved.stage, moved.verdict, bool(moved.witness)) == (Stage.bind, "differs", True)
    assert (found["edge/web"].stage, found["edge/web"].action) == (Stage.retire, None)
    halfway = after(mesh, [each for each in agreed.changes if each.stage < Stage.retire])
    assert list(named(converted(halfway).changes, "DestinationRule")) == ["edge/web"]
    assert "shop/waypoint" in named(agreed.changes, "Gateway")


def test_retries_come_as_near_as_they_can_if_that_is_agreed_to() -> None:
    wanted = {"attempts": 2, "retryOn": "5xx", "perTryTimeout": "1s"}
    routed = istio("VirtualService", "web", "shop", hosts=["web"], http=[to("web", retries=wanted)])
    mesh = read(namespace("shop"), *app("web", "shop"), routed)
    assert ("VS901",) in [each.because for each in converted(mesh).held]
    agreed = converted(mesh, Accepted("VS921", "shop", "web"))
    assert not agreed.held
    route = named(agreed.changes, "HTTPRoute")["shop/web"]
    assert (route.verdict, "VS921" in route.because, bool(route.witness)) == ("differs", True, True)
    assert isinstance(route.action, Create)
    assert "retry" not in route.action.value["spec"]["rules"][0]


def test_a_policy_is_merged_as_istio_does() -> None:
    top = {
        "loadBalancer": {"simple": "RANDOM"},
        "tunnel": {"protocol": "CONNECT"},
        "portLevelSettings": [{"port": {"number": 81}, "connectionPool": {"tcp": {"maxConnections": 1}}}],
    }
    own = {
        "loadBalancer": {"simple": "ROUND_ROBIN"},
        "portLevelSettings": [{"port": {"number": 82}, "tls": {"mode": "SIMPLE"}}],
    }
    assert subset_policies.merged(top, own, 80) == {
        "loadBalancer": {"simple": "ROUND_ROBIN"},
        "tunnel": {"protocol": "CONNECT"},
    }
    assert subset_policies.merged(top, own, 81) == {
        "loadBalancer": {"simple": "ROUND_ROBIN"},
        "connectionPool": {"tcp": {"maxConnections": 1}},
    }
    assert subset_policies.merged(top, own, 82) == {"tls": {"mode": "SIMPLE"}, "tunnel": {"protocol": "CONNECT"}}
