"""What gateways do, case by case: each fact of Istio's source by an example of its own."""

from __future__ import annotations

import pytest

from ambimigrate.model import Mesh
from tests.oracle import worlds
from tests.oracle.fronts import (
    SIMPLE,
    ended,
    gateway,
    handled,
    pods,
    server,
    shop,
)
from tests.oracle.worlds import Tree, thing, vs

WEB = "{route: [{destination: {host: web}}]}"
NEXT = "{route: [{destination: {host: next}}]}"


PASSED = (("a.example", "db"), ("*.example", "web"))


def http(host: str, *rules: str, gateway: str = "edge/public", more: str = "") -> str:
    return f"{{hosts: ['{host}'], gateways: [{gateway}], http: [{', '.join(rules)}]{more}}}"


def on(path: str, host: str, more: str = "") -> str:
    return f"{{match: [{{uri: {{prefix: {path}}}{more}}}], route: [{{destination: {{host: {host}}}}}]}}"


def mesh(*objects: Tree, version: str = "", target: int = 0) -> Mesh:
    return worlds.read([*pods(target=target), *shop(), *objects], version)


# --- Istio Gateways ---------------------------------------------------------------------------------------------------


def test_a_request_finds_the_virtual_host_of_its_host_header() -> None:
    found = mesh(
        gateway(server(80, "HTTP", "*.a.example", "b.example")),
        vs("wild", http("*.a.example", WEB)),
        vs("named", http("n.a.example", on("/n", "next"))),
        vs("other", http("c.example", WEB)),
    )
    assert ended(found, "x.a.example") == ended(found, "X.A.example:80") == "web"
    assert ended(found, "n.a.example", "/n/x") == "next"
    assert ended(found, "n.a.example", "/x") == "404"  # the narrower host alone decides
    assert ended(found, "a.example") == ended(found, "b.example") == ended(found, "c.example") == "404"
    assert ended(found, "x.a.example", port=8080) == ended(found, "x.a.example", tls=True) == "closed"


def test_names_are_shared_by_server_and_virtual_service() -> None:
    found = mesh(gateway(server(80, "HTTP", "n.a.example")), vs("wild", http("*.a.example", WEB)))
    assert ended(found, "n.a.example") == "web"
    assert ended(found, "x.a.example") == "404"


@pytest.mark.parametrize("name", ["public.edge", "public.edge.svc.cluster.local", "edge/public"])
def test_gateways_are_named_in_several_ways(name: str) -> None:
    assert ended(mesh(gateway(server(80, "HTTP")), vs("v", http("a.example", WEB, gateway=name))), "a.example") == "web"


def test_a_short_name_means_the_own_namespace() -> None:
    own = gateway(server(80, "HTTP", "*"), name="public", namespace="shop")
    assert ended(mesh(own, vs("v", http("a.example", WEB, gateway="public"))), "a.example") == "web"
    assert ended(mesh(own, vs("v", http("a.example", WEB, gateway="./public"))), "a.example") == "web"
    assert ended(mesh(own, vs("v", http("a.example", WEB, gateway="mesh"))), "a.example") == "404"


@pytest.mark.parametrize(
    ("hosts", "status"), [("shop/*", "web"), ("./*", "404"), ("edge/*", "404"), ("*/*", "web"), ("*/a.example", "web")]
)
def test_a_server_may_admit_one_namespace(hosts: str, status: str) -> None:
    assert ended(mesh(gateway(server(80, "HTTP", hosts)), vs("v", http("a.example", WEB))), "a.example") == status


@pytest.mark.parametrize(("exported", "end"), [("'*'", "web"), ("'.'", "404"), ("edge", "web"), ("'~'", "404")])
def test_a_virtual_service_must_be_exported_to_the_pods(exported: str, end: str) -> None:
    assert (
        ended(mesh(gateway(server(80, "HTTP")), vs("v", http("a.example", WEB, more=f", exportTo: [{exported}]"))), "a.example")
        == end
    )


def test_lists_of_one_host_follow_by_age_with_catch_alls_last() -> None:
    older, newer = (
        vs("b", http("a.example", on("/x", "web"), WEB), age=1),
        vs("a", http("a.example", on("/x", "next"), on("/y", "next")), age=2),
    )
    found = mesh(gateway(server(80, "HTTP")), newer, older)
    assert [ended(found, "a.example", path) for path in ("/x", "/y", "/z")] == ["web", "next", "web"]


def test_a_match_may_be_for_another_port_gateway_or_source() -> None:
    for more, end in (
        (", port: 8080", "404"),
        (", port: 80", "next"),
        (", gateways: [edge/other]", "404"),
        (", gateways: [public.edge, mesh]", "next"),
        (", sourceNamespace: edge", "next"),
        (", sourceNamespace: shop", "404"),
        (", sourceLabels: {istio: ingressgateway}", "next"),
    ):
        found = mesh(gateway(server(80, "HTTP")), vs("v", http("a.example", on("/n", "next", more), on("/m", "web"))))
        assert ended(found, "a.example", "/n") == end, more


def test_what_matches_nothing_here_makes_no_virtual_host() -> None:
    found = mesh(
        gateway(server(80, "HTTP")), vs("v", http("a.example", on("/", "web", ", port: 8080"))), vs("w", http("*", NEXT))
    )
    assert ended(found, "a.example") == "next"


def test_a_destination_without_port_means_the_only_one_of_its_service() -> None:
    found = mesh(gateway(server(80, "HTTP")), vs("v", http("a.example", on("/w", "web"), on("/t", "two"))))
    assert ended(found, "a.example", "/w") == "web"
    assert ended(found, "a.example", "/t") == "503"


def test_only_a_single_hashed_destination_keeps_retries_at_its_host() -> None:
    hashed = {"host": "web", "trafficPolicy": {"loadBalancer": {"consistentHash": {"httpHeaderName": "x-a"}}}}
    for routes, others, words in (
        ("{destination: {host: web}}", False, ("header x-a",)),
        ("{destination: {host: web}, weight: 1}, {destination: {host: next}, weight: 1}", True, ("header x-a",)),
        ("{destination: {host: web}}, {destination: {host: next}, weight: 1}", True, ()),
    ):
        spec = http("a.example", f"{{route: [{routes}]}}")
        found = handled(mesh(gateway(server(80, "HTTP")), vs("v", spec), thing("DestinationRule", "web", hashed)), "a.example")
        assert found.decision.retries
        assert (found.decision.retries.other_hosts, found.decision.hash) == (others, words)


def test_https_redirect_keeps_host_port_and_path() -> None:
    redirecting = server(80, "HTTP", "a.example", "shop/b.example", tls={"httpsRedirect": True})
    found = mesh(gateway(redirecting, server(443, "HTTPS", tls=SIMPLE)), vs("v", http("b.example", WEB)))
    assert ended(found, "a.example:80", "/x?y=1") == "https://a.example:80/x?y=1"
    assert ended(found, "b.example") == "https://b.example/"
    assert ended(found, "c.example") == "404"
    assert ended(found, "b.example", port=443, tls=True, sni="z.example") == "web"


def test_a_redirecting_server_of_one_namespace_needs_a_virtual_service() -> None:
    found = mesh(gateway(server(80, "HTTP", "shop/b.example", tls={"httpsRedirect": True})))
    assert ended(found, "b.example") == "404"


def test_a_proxy_in_front_is_believed_where_the_mesh_says_so() -> None:
    config = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "istio", "namespace": "istio-system"}}
    text = "defaultConfig: {gatewayTopology: {numTrustedProxies: 1}}"
    objects = [gateway(server(80, "HTTP", "*", tls={"httpsRedirect": True})), vs("v", http("a.example", WEB))]
    proto = (("x-forwarded-proto", "https"),)
    assert ended(mesh(*objects), "a.example", headers=proto) == "https://a.example/"
    assert ended(mesh(*objects, {**config, "data": {"mesh": text}}), "a.example", headers=proto) == "web"


def test_https_servers_are_told_apart_by_server_name() -> None:
    found = mesh(
        gateway(
            server(443, "HTTPS", "a.example", tls=SIMPLE, name="a"), server(443, "HTTPS", "*.example", tls=SIMPLE, name="b")
        ),
        vs("v", http("a.example", WEB)),
        vs("w", http("b.example", NEXT)),
    )
    assert ended(found, "a.example", port=443, tls=True, sni="a.example") == "web"
    assert ended(found, "b.example", port=443, tls=True, sni="b.example") == "next"
    assert ended(found, "b.example", port=443, tls=True, sni="a.example") == "404"  # another server's table
    assert ended(found, "a.example", port=443, tls=True, sni="b.example") == "web"  # its wildcard has the host, too
    assert ended(found, "x.org", port=443, tls=True, sni="x.org") == ended(found, "a.example", port=443) == "closed"
    assert handled(found, "a.example", port=443, tls=True, sni="a.example").terms == "SIMPLE edge/cert"


def test_a_server_with_a_taken_host_is_left_out() -> None:
    first = gateway(server(443, "HTTPS", "a.example", tls=SIMPLE), name="one", age=1)
    second = gateway(server(443, "HTTPS", "a.example", "b.example", tls=SIMPLE), name="two", age=2)
    found = mesh(second, first, vs("v", http("*.example", WEB, gateway="edge/two")))
    assert ended(found, "b.example", port=443, tls=True, sni="b.example") == "closed"
    assert ended(found, "a.example", port=443, tls=True, sni="a.example") == "404"


def test_protocols_of_one_port_are_not_mixed() -> None:
    found = mesh(
        gateway(server(80, "HTTP", "a.example"), name="one", age=1),
        gateway(server(80, "TCP"), name="two", age=2),
        gateway(server(80, "HTTP2", "b.example"), name="three", age=3),
        vs("b", http("b.example", WEB, gateway="edge/three")),
    )
    assert ended(found, "b.example") == "web"


def test_servers_of_all_gateways_of_a_port_share_their_virtual_hosts() -> None:
    found = mesh(
        gateway(server(80, "HTTP", "a.example"), name="one", age=1),
        gateway(server(80, "HTTP", "*.example"), name="two", namespace="shop", age=2),
        vs("a", http("a.example", on("/x", "web"), gateway="edge/one")),
        vs("b", http("a.example", NEXT, gateway="shop/two")),
    )
    assert [ended(found, "a.example", path) for path in ("/x", "/y")] == ["web", "next"]


def test_a_servers_number_is_a_port_of_the_service() -> None:
    found = mesh(gateway(server(80, "HTTP")), vs("v", http("a.example", on("/", "web", ", port: 80"))), target=8000)
    assert ended(found, "a.example") == "web"


def test_passthrough_goes_by_server_name() -> None:
    rules = (f"{{match: [{{sniHosts: ['{name}']}}], route: [{{destination: {{host: {to}}}}}]}}" for name, to in PASSED)
    tls = ", ".join(rules)
    spec = f"{{hosts: ['*.example'], gateways: [edge/public], tls: [{tls}]}}"
    found = mesh(gateway(server(443, "TLS", tls={"mode": "PASSTHROUGH"})), vs("v", spec))
    assert ended(found, "", port=443, tls=True, sni="a.example") == "db"
    assert ended(found, "", port=443, tls=True, sni="b.example") == "web"
    assert ended(found, "", port=443, tls=True, sni="b.org") == ended(found, "", port=443, tls=True) == "closed"


def test_tcp_goes_to_the_first_rule_of_the_port() -> None:
    tcp = "{match: [{port: 443}], route: [{destination: {host: web}}]}, {route: [{destination: {host: db}}]}"
    spec = f"{{hosts: ['*'], gateways: [edge/public], tcp: [{tcp}]}}"
    assert ended(mesh(gateway(server(5432, "TCP")), vs("v", spec)), "", port=5432) == "db"
    assert ended(mesh(gateway(server(5432, "TCP"))), "", port=5432) == "closed"


def test_a_redirect_writes_the_port_of_the_listener() -> None:
    rule = "{redirect: {uri: /r, derivePort: FROM_REQUEST_PORT}}"
    found = mesh(gateway(server(8080, "HTTP"), server(443, "HTTPS", tls=SIMPLE)), vs("v", http("a.example", rule)))
    assert ended(found, "a.example", port=8080) == "http://a.example:8080/r"
    assert ended(found, "a.example", port=443, tls=True) == "https://a.example/r"


# --- what Istio's own simulation expects (pilot/pkg/networking/core/gateway_simulation_test.go) ------------------------


def test_one_server_that_redirects_a_host_redirects_it_for_all() -> None:
    found = mesh(
        gateway(server(80, "HTTP", "a.example", tls={"httpsRedirect": True}), name="one"),
        gateway(server(80, "HTTP", "a.example"), name="two"),
        vs("v", http("a.example", WEB, gateway="edge/two")),
    )
    assert ended(found, "a.example") == "https://a.example/"


def test_a_redirect_on_https_means_nothing() -> None:
    found = mesh(
        gateway(server(443, "HTTPS", "a.example", tls={**SIMPLE, "httpsRedirect": True})), vs("v", http("a.example", WEB))
    )
    assert ended(found, "a.example", port=443, tls=True, sni="a.example") == "web"


@pytest.mark.parametrize(("other", "end"), [("alpha", "closed"), ("zeta", "db")])
def test_of_two_tcp_servers_of_a_port_the_first_by_name_counts(other: str, end: str) -> None:
    spec = "{hosts: ['*'], gateways: [edge/public], tcp: [{route: [{destination: {host: db}}]}]}"
    found = mesh(gateway(server(5432, "TCP")), gateway(server(5432, "TCP"), namespace=other), vs("v", spec))
    assert ended(found, "", port=5432) == end


def test_equal_hosts_of_two_namespaces_break_the_listener() -> None:
    servers = (gateway(server(443, "HTTPS", "./*", tls=SIMPLE), namespace=each) for each in ("edge", "shop"))
    assert ended(mesh(*servers), "a.example", port=443, tls=True, sni="a.example") == "closed"


def test_of_two_rules_for_a_server_name_the_first_counts() -> None:
    rules = {"a": "db", "b": "web"}
    specs = (
        vs(name, f"{{hosts: [a.example], gateways: [edge/public], tls: [{{match: [{{sniHosts: [a.example]}}], {to}}}]}}")
        for name, to in ((name, f"route: [{{destination: {{host: {host}}}}}]") for name, host in rules.items())
    )
    found = mesh(gateway(server(443, "HTTPS", "*.example", tls={"mode": "PASSTHROUGH"})), *specs)
    assert ended(found, "", port=443, tls=True, sni="a.example") == "db"
