"""The topology vectors R17 to R24: both kinds of objects side by side, long lists, retries, gRPC, CORS, gateways."""

from __future__ import annotations

import pytest
import yaml

from ambimigrate.semantics.decision import Client
from tests.oracle import worlds
from tests.oracle.test_topology_hosts import SIDECARS, carried, routes
from tests.oracle.test_topology_protocols import REVIEWS, stays, to_v2
from tests.oracle.worlds import (
    Tree,
    app,
    at_waypoint,
    bound,
    by_sidecar,
    by_waypoint,
    converted,
    ends,
    http,
    namespace,
    request,
    rule,
    thing,
    vs,
)

R17 = [
    vs("reviews", http(rule("a", "match: [{uri: {prefix: /a}}]"), rule("a", "match: [{uri: {prefix: /b}}]")), age=1),
    thing("HTTPRoute", "reviews", bound(to_v2("/b")), age=2),
    *REVIEWS,
    *app("a"),
]


def test_r17_both_kinds_for_clients_with_sidecars() -> None:
    mesh = worlds.read([SIDECARS, namespace("web"), *R17])
    asked = [request("reviews", path) for path in ("/a", "/b")]
    assert [ends(by_sidecar(mesh, each)) for each in asked] == ["404", "reviews-v2"]
    assert [ends(by_sidecar(mesh, each, Client("web"))) for each in asked] == ["a", "a"]


@pytest.mark.parametrize(("version", "rest"), [("", "a"), ("1.28.6", "a"), ("1.28.5", "404")])
def test_r17_both_kinds_at_a_waypoint_of_the_namespace(version: str, rest: str) -> None:
    mesh = worlds.read([*at_waypoint(), *R17], version)
    assert [ends(by_waypoint(mesh, request("reviews", path))) for path in ("/b", "/a")] == ["reviews-v2", rest]


def test_r17_both_kinds_at_a_waypoint_of_another_namespace() -> None:
    listener = {"name": "mesh", "port": 15008, "protocol": "HBONE", "allowedRoutes": {"namespaces": {"from": "All"}}}
    gateway = thing("Gateway", "waypoint", {**worlds.WAYPOINT, "listeners": [listener]}, "infra")
    labels = {
        "istio.io/dataplane-mode": "ambient",
        "istio.io/use-waypoint": "waypoint",
        "istio.io/use-waypoint-namespace": "infra",
    }
    mesh = worlds.read([namespace("shop", **labels), namespace("infra"), gateway, *R17])
    assert ends(by_waypoint(mesh, request("reviews", "/b"))) == "a"


@pytest.mark.parametrize("version", ["", "1.28.10", "1.26.8"])
def test_r18_more_than_sixteen_rules(version: str) -> None:
    rules = (rule("a", f"match: [{{uri: {{prefix: /p{n:02}}}}}]", f"timeout: {n + 1}s") for n in range(19))
    mesh = worlds.read([SIDECARS, vs("reviews", http(*rules, rule("reviews"))), *REVIEWS, *app("a")], version)
    asked = [request("reviews", path) for n in range(19) for path in (f"/p{n:02}", f"/p{n:02}x", f"/p{n:02}/x")]
    assert carried(mesh, *asked, request("reviews", "/q"))
    written = [each.action.value for each in converted(mesh).changes if each.ref.kind == "HTTPRoute"]  # type: ignore[union-attr]
    assert len(written) >= 2
    assert all(len(each["spec"]["rules"]) <= 16 for each in written)
    assert len({str(each["spec"]["parentRefs"]) for each in written}) == 1


def test_r19_a_backend_of_another_namespace_needs_no_grant() -> None:
    spec = bound("{backendRefs: [{name: reviews, namespace: staging, port: 9080}]}")
    mesh = worlds.read(
        [*at_waypoint(), thing("HTTPRoute", "reviews", spec), *app("reviews"), *app("reviews", namespace="staging")]
    )
    assert by_waypoint(mesh, request("reviews")).outcomes[0][1].backends == ("staging/reviews:9080",)


@pytest.mark.parametrize(("version", "same"), [("", True), ("1.30.3", True), ("1.30.2", False), ("1.28.10", False)])
def test_r20_a_service_without_any_rule(version: str, *, same: bool) -> None:
    before = by_sidecar(worlds.read([SIDECARS, *REVIEWS], version), request("reviews"))
    plain = by_waypoint(worlds.read([*at_waypoint(), *REVIEWS], version), request("reviews"))
    assert before.retries
    assert (before.retries.attempts, before.timeout) == (2, None)
    assert (plain.retries == before.retries) is same
    spec = bound("{backendRefs: [{name: reviews, port: 9080}]}")
    passed = by_waypoint(
        worlds.read([*at_waypoint(), thing("HTTPRoute", "reviews", spec), *REVIEWS], version), request("reviews")
    )
    assert passed.retries == before.retries


def test_r21_grpc_with_a_timeout() -> None:
    timed = vs("g", http(rule("greeter-v2", "match: [{uri: {prefix: /pkg.Greeter/}}]", "timeout: 2s"), hosts="greeter"))
    mesh = worlds.read([SIDECARS, timed, *app("greeter", protocol="grpc"), *app("greeter-v2", protocol="grpc")])
    hello, other = (request("greeter", path, method="POST") for path in ("/pkg.Greeter/Hello", "/pkg.Other/Hello"))
    assert [ends(by_sidecar(mesh, each)) for each in (hello, other)] == ["greeter-v2", "404"]
    assert by_sidecar(mesh, hello).timeout == 2
    assert carried(mesh, hello, other, request("greeter", "/pkg.Greeter", method="POST"))
    assert {each.ref.kind for each in converted(mesh).changes if each.ref.kind.endswith("Route")} == {"HTTPRoute"}


def cors(policy: str) -> list[Tree]:
    return [vs("c", http(rule("reviews-v2", f"corsPolicy: {{allowMethods: [GET], maxAge: 24h, {policy}}}"))), *REVIEWS]


REGEX = "{regex: 'https://[a-z]+\\.b\\.example'}"


@pytest.mark.parametrize(
    ("origin", "end"),
    [("https://a.example", "200"), ("https://x1.b.example", "reviews-v2"), ("https://evil.example", "reviews-v2")],
)
def test_r22_preflights_that_match_nothing_are_forwarded(origin: str, end: str) -> None:
    mesh = worlds.read([SIDECARS, *cors(f"allowOrigins: [{{exact: 'https://a.example'}}, {REGEX}]")])
    headers = (("origin", origin), ("access-control-request-method", "GET"))
    found = by_sidecar(mesh, request("reviews", method="OPTIONS", headers=headers))
    assert ends(found) == end
    assert (("access-control-max-age", "86400") in found.outcomes[0][1].response) is (end == "200")
    assert stays(mesh)


def test_r22_exact_origins_whose_preflights_are_answered() -> None:
    mesh = worlds.read([SIDECARS, *cors("allowOrigins: [{exact: 'https://a.example'}], unmatchedPreflights: IGNORE")])
    asked = [
        request("reviews", method=method, headers=(("origin", origin), ("access-control-request-method", "GET")))
        for origin in ("https://a.example", "https://evil.example")
        for method in ("OPTIONS", "GET")
    ]
    carried(mesh, *asked)


def test_r23_a_gateway_keeps_its_virtual_service() -> None:
    own = "reviews.shop.svc.cluster.local"
    spec = yaml.safe_load(http(rule(own, "match: [{uri: {prefix: /v1/}}]", "rewrite: {uri: /}"), hosts=f"{own}, shop.example"))
    spec["gateways"] = ["ingress", "mesh"]
    mesh = worlds.read([SIDECARS, vs("r", spec), *REVIEWS])
    conversion = converted(mesh)
    gone = [each for each in conversion.changes if each.ref.kind == "VirtualService" and each.verb == "delete"]
    opted = [each for each in conversion.changes if "istio.io/ingress-use-waypoint" in str(each.action)]
    assert not gone
    assert not opted
    assert carried(mesh, request("reviews", "/v1/x"), request("reviews", "/x")) or not routes(mesh)


def test_r24_a_new_authority_for_a_service_entry() -> None:
    entry = thing(
        "ServiceEntry",
        "api",
        "{hosts: [api.external.example], ports: [{number: 80, name: http, protocol: HTTP}], resolution: DNS}",
    )
    spec = http(rule("api.external.example", "rewrite: {authority: backend.external.example}"), hosts="api.external.example")
    mesh = worlds.read([SIDECARS, vs("e", spec), entry, *REVIEWS])
    asked = request("api.external.example", port=80)
    sent = by_sidecar(mesh, asked).outcomes[0][1].request
    assert sent
    assert sent.host == "backend.external.example"
    carried(mesh, asked)
    ref = "parentRefs: [{group: networking.istio.io, kind: ServiceEntry, name: api}]"
    rewrite = "filters: [{type: URLRewrite, urlRewrite: {hostname: backend.external.example}}]"
    backend = "backendRefs: [{group: networking.istio.io, kind: Hostname, name: api.external.example, port: 80}]"
    routed = worlds.read([*at_waypoint(), entry, thing("HTTPRoute", "e", f"{{{ref}, rules: [{{{rewrite}, {backend}}}]}}")])
    assert worlds.plain(by_waypoint(routed, asked)) == worlds.plain(by_sidecar(mesh, asked))
