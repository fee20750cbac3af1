"""What gateways of the Gateway API do, case by case: each fact of Istio's source by an example of its own."""

from __future__ import annotations

import pytest

from ambimigrate.semantics import gateways
from tests.oracle.fronts import TERMINATE, api, ended, gateway, handled, listener, route, server
from tests.oracle.worlds import thing, vs
from tests.test_semantics_gateways import WEB, http, mesh


def to(host: str, *rules: str) -> str:
    return f"{{hostnames: ['{host}'], rules: [{', '.join(rules)}]}}"


def rule(backend: str, path: str = "/", kind: str = "PathPrefix") -> str:
    return f"{{matches: [{{path: {{type: {kind}, value: {path}}}}}], backendRefs: [{{name: {backend}, port: 8000}}]}}"


def test_a_route_is_attached_by_host_section_port_and_namespace() -> None:
    every = listener("one", 80, hostname="*.example")
    for parent, more, end in (
        ("", {}, "web"),
        ("sectionName: one", {}, "web"),
        ("sectionName: two", {}, "404"),
        ("port: 80", {}, "web"),
        ("port: 443", {}, "404"),
        ("", {"allowedRoutes": {"namespaces": {"from": "Same"}}}, "404"),
        (
            "",
            {
                "allowedRoutes": {
                    "namespaces": {"from": "Selector", "selector": {"matchLabels": {"istio-injection": "enabled"}}}
                }
            },
            "web",
        ),
        ("", {"allowedRoutes": {"namespaces": {"from": "All"}, "kinds": [{"kind": "GRPCRoute"}]}}, "404"),
        ("", {"hostname": "*.org"}, "404"),
    ):
        parents = (
            f"{{parentRefs: [{{name: public, namespace: edge, {parent}}}], hostnames: [a.example], rules: [{rule('web')}]}}"
        )
        found = mesh(api({**every, **more}), route("r", parents))
        assert ended(found, "a.example") == end, (parent, more)
        assert ended(found, "b.example") == "404"


def test_the_most_specific_match_decides() -> None:
    rules = (rule("web"), rule("next", "/x"), rule("two", "/x/y", "Exact"), rule("web", "'/x.*'", "RegularExpression"))
    found = mesh(api(listener("http", 80)), route("r", to("a.example", *rules)))
    assert [ended(found, "a.example", path) for path in ("/", "/x", "/xx", "/x/y")] == ["web", "next", "web", "two"]


def test_the_older_of_two_routes_wins() -> None:
    found = mesh(
        api(listener("http", 80)),
        route("a", to("a.example", rule("web")), age=2),
        route("b", to("a.example", rule("next")), age=1),
    )
    assert ended(found, "a.example") == "next"


def test_a_route_belongs_to_the_listener_that_has_its_host_most_exactly() -> None:
    gate = api(listener("all", 80), listener("one", 80, hostname="a.example"))
    narrow = route("r", to("a.example", rule("web")))
    to_all = "parentRefs: [{name: public, namespace: edge, sectionName: all}]"
    found = mesh(gate, narrow, route("w", f"{{{to_all}, rules: [{rule('next')}]}}"))
    assert ended(found, "a.example") == "web"
    assert ended(found, "b.example") == "next"


def test_hosts_that_a_listener_narrows_to_one_share_its_virtual_host_by_age() -> None:
    gate = api(listener("one", 80, hostname="a.example"))
    for age, end in ((1, "next"), (3, "web")):
        found = mesh(gate, route("r", to("a.example", rule("web")), age=2), route("w", f"{{rules: [{rule('next')}]}}", age=age))
        assert ended(found, "a.example") == end


def test_https_listeners_are_told_apart_by_server_name() -> None:
    gate = api(*(listener(name, 443, "HTTPS", f"{name}.example", tls=TERMINATE) for name in ("a", "b")))
    found = mesh(gate, route("r", f"{{hostnames: [a.example, b.example], rules: [{rule('web')}]}}"))
    assert ended(found, "a.example", port=443, tls=True, sni="a.example") == "web"
    assert ended(found, "b.example", port=443, tls=True, sni="a.example") == "404"
    assert ended(found, "c.example", port=443, tls=True, sni="c.example") == "closed"
    assert handled(found, "a.example", port=443, tls=True, sni="a.example").terms == "SIMPLE edge/cert"


def test_a_backend_of_another_namespace_needs_a_grant() -> None:
    spec = "{hostnames: [a.example], rules: [{backendRefs: [{name: web, namespace: shop, port: 8000}]}]}"
    objects = [api(listener("http", 80)), route("r", spec, namespace="edge")]
    grant = {
        "from": [{"group": "gateway.networking.k8s.io", "kind": "HTTPRoute", "namespace": "edge"}],
        "to": [{"group": "", "kind": "Service"}],
    }
    allowed = {**thing("Gateway", "g", grant), "apiVersion": "gateway.networking.k8s.io/v1beta1", "kind": "ReferenceGrant"}
    assert ended(mesh(*objects), "a.example") == "500"
    assert ended(mesh(*objects, allowed), "a.example") == "web"


def test_a_certificate_of_another_namespace_needs_a_grant() -> None:
    tls = {"mode": "Terminate", "certificateRefs": [{"name": "cert", "namespace": "shop"}]}
    found = mesh(api(listener("https", 443, "HTTPS", "a.example", tls=tls)), route("r", to("a.example", rule("web"))))
    assert ended(found, "a.example", port=443, tls=True, sni="a.example") == "closed"


@pytest.mark.parametrize(
    ("version", "tls", "tcp"), [("", "db", "db"), ("1.30.1", "db", "closed"), ("1.29.6", "closed", "closed")]
)
def test_routes_of_connections_count_by_version(version: str, tls: str, tcp: str) -> None:
    refs = "rules: [{backendRefs: [{name: db, port: 5432}]}]"
    found = mesh(
        api(listener("tls", 443, "TLS", "*.example", tls={"mode": "Passthrough"}), listener("tcp", 5432, "TCP")),
        route("a", f"{{hostnames: [a.example, a.org], {refs}}}", "TLSRoute"),
        route("b", f"{{parentRefs: [{{name: public, namespace: edge, sectionName: tcp}}], {refs}}}", "TCPRoute"),
        version=version,
    )
    assert ended(found, "", port=443, tls=True, sni="a.example") == tls
    assert ended(found, "", port=443, tls=True, sni="a.org") == "closed"
    assert ended(found, "", port=5432) == tcp


def test_a_redirect_writes_no_default_port() -> None:
    redirect = "{filters: [{type: RequestRedirect, requestRedirect: {path: {type: ReplaceFullPath, replaceFullPath: /r}}}]}"
    gate = api(listener("http", 80), listener("alt", 8080), listener("https", 443, "HTTPS", tls=TERMINATE))
    found = mesh(gate, route("r", to("a.example", redirect)))
    assert ended(found, "a.example") == "http://a.example/r"
    assert ended(found, "a.example", port=8080) == "http://a.example:8080/r"
    assert ended(found, "a.example", port=443, tls=True) == "https://a.example/r"


def test_a_listener_must_be_a_port_of_the_service_that_it_names() -> None:
    objects = [api(listener("http", 9999)), route("r", to("a.example", rule("web")))]
    assert ended(mesh(*objects), "a.example", port=9999) == "closed"


def test_a_gateway_without_address_has_pods_of_its_own() -> None:
    found = mesh(api(listener("http", 80), address=""), route("r", to("a.example", rule("web"))))
    assert [str(each) for each in gateways.pods(found)] == ["gateway edge/ingress", "gateway edge/public-istio"]


def test_labels_of_infrastructure_stand_in_place_of_those_of_the_gateway() -> None:
    """Istio, pilot/pkg/config/kube/gateway/deploymentcontroller.go `extractInfrastructureMetadata`."""
    own = api(listener("http", 80), address="")
    own["metadata"]["labels"] = {"team": "shop"}
    assert dict(gateways.pods(mesh(own))[1].labels).keys() >= {"team"}
    own["spec"]["infrastructure"] = {"labels": {"cost": "shared", "gateway.networking.k8s.io/x": "y"}}
    found = dict(gateways.pods(mesh(own))[1].labels)
    assert found["cost"] == "shared"
    assert not found.keys() & {"team", "gateway.networking.k8s.io/x"}


def test_gateways_of_both_kinds_share_the_pods() -> None:
    found = mesh(
        gateway(server(80, "HTTP", "a.example"), name="old", age=1),
        api(listener("http", 80, hostname="b.example"), age=2),
        vs("v", http("a.example", WEB, gateway="edge/old")),
        route("r", to("b.example", rule("next"))),
    )
    assert ended(found, "a.example") == "web"
    assert ended(found, "b.example") == "next"
