"""The topology vectors R12 to R16: TLS and TCP, parents and filters of routes, gRPC."""

from __future__ import annotations

import pytest
import yaml

from ambimigrate.model import Mesh
from ambimigrate.semantics import sidecar_connections, waypoint_connections
from ambimigrate.semantics.connections import Connection
from ambimigrate.semantics.decision import Client
from tests.oracle import worlds
from tests.oracle.test_topology_hosts import SIDECARS
from tests.oracle.worlds import app, at_waypoint, bound, by_waypoint, converted, ends, request, thing, vs

OWN = Client("shop")
TO_V2 = "{backendRefs: [{name: reviews-v2, port: 9080}]}"
REVIEWS = [*app("reviews"), *app("reviews-v2")]


def to_v2(path: str) -> str:
    return f"{{matches: [{{path: {{value: {path}}}}}], {TO_V2[1:]}"


def connected(mesh: Mesh, name: str, port: int, sni: str = "", client: Client = OWN) -> tuple[str, str]:
    """Where a connection ends, by a sidecar of this mesh and by its waypoint."""
    asked = Connection(worlds.full(name), port, sni)
    return ends(sidecar_connections.decide(mesh, client, asked)), ends(waypoint_connections.decide(mesh, asked))


def stays(mesh: Mesh) -> bool:
    """Whether nothing becomes a route, and what stays is said."""
    return not [each for each in converted(mesh).changes if each.ref.kind.endswith("Route")] and bool(converted(mesh).held)


R12 = [
    vs(
        "tls",
        "{hosts: [secure.shop.svc.cluster.local, '*.secure.shop.svc.cluster.local'], tls:"
        " [{match: [{port: 443, sniHosts: [a.secure.shop.svc.cluster.local]}], route: [{destination: {host: a}}]},"
        " {match: [{port: 443, sniHosts: [secure.shop.svc.cluster.local]}], route: [{destination: {host: b}}]}]}",
    ),
    *(each for name in ("secure", "a", "b") for each in app(name, 443, protocol="tls")),
]


@pytest.mark.parametrize(("sni", "end"), [("secure.shop.svc.cluster.local", "b"), ("a.secure.shop.svc.cluster.local", "a")])
def test_r12_a_waypoint_does_not_look_at_the_server_name(sni: str, end: str) -> None:
    mesh = worlds.read([SIDECARS, *R12])
    assert connected(mesh, "secure", 443, sni)[0] == end
    spec = yaml.safe_load(bound("{backendRefs: [{name: b, port: 443}]}", to="secure"))
    spec["hostnames"] = ["secure.shop.svc.cluster.local"]
    routed = worlds.read([*at_waypoint(), thing("TLSRoute", "secure", spec), *R12[1:]])
    assert connected(routed, "secure", 443, sni)[1] == "b"
    assert stays(mesh)


R13 = [
    vs(
        "db",
        "{hosts: [db], tcp: [{match: [{port: 5432, sourceLabels: {app: batch}}], route: [{destination: {host: db-batch}}]},"
        " {match: [{port: 5432}], route: [{destination: {host: db-a}, weight: 80}, {destination: {host: db-b}, weight: 20}]}]}",
    ),
    *(each for name in ("db", "db-batch", "db-a", "db-b") for each in app(name, 5432, 9999, protocol="tcp")),
]


@pytest.mark.parametrize(
    ("port", "app_label", "sidecar", "waypoint"),
    [
        (5432, "batch", "db-batch", "db-a:80 db-b:20"),
        (5432, "web", "db-a:80 db-b:20", "db-a:80 db-b:20"),
        (9999, "web", "db", "db"),
    ],
)
def test_r13_connections_of_callers_that_differ(port: int, app_label: str, sidecar: str, waypoint: str) -> None:
    mesh = worlds.read([SIDECARS, *R13])
    assert connected(mesh, "db", port, client=Client("shop", (("app", app_label),)))[0] == sidecar
    assert connected(worlds.read([*at_waypoint(), *R13]), "db", port)[1] == waypoint
    backends = "{backendRefs: [{name: db-a, port: 5432, weight: 80}, {name: db-b, port: 5432, weight: 20}]}"
    routed = worlds.read([*at_waypoint(), thing("TCPRoute", "db", bound(backends, to="db, port: 5432")), *R13[1:]])
    assert connected(routed, "db", port)[1] == waypoint
    assert stays(mesh)


def test_r13_weights_for_all_callers_alike() -> None:
    shares = "{destination: {host: db-a}, weight: 80}, {destination: {host: db-b}, weight: 20}"
    plain = vs("db", f"{{hosts: [db], tcp: [{{match: [{{port: 5432}}], route: [{shares}]}}]}}")
    mesh = worlds.read([SIDECARS, plain, *R13[1:]])
    conversion = converted(mesh)
    assert connected(mesh, "db", 5432)[0] == "db-a:80 db-b:20"
    if not conversion.held:
        for end in worlds.at_stages(mesh, conversion).values():
            assert [connected(end, "db", port)[1] for port in (5432, 9999)] == ["db-a:80 db-b:20", "db"]


def test_r14_the_waypoint_as_parent_is_ignored() -> None:
    spec = yaml.safe_load(bound(TO_V2))
    spec["parentRefs"] = [{"group": "gateway.networking.k8s.io", "kind": "Gateway", "name": "waypoint"}]
    mesh = worlds.read([*at_waypoint(), thing("HTTPRoute", "reviews", spec), *REVIEWS])
    assert ends(by_waypoint(mesh, request("reviews"))) == "reviews"


def test_r15_one_unsupported_filter_takes_the_whole_route_away() -> None:
    admin = "{matches: [{path: {value: /admin}}], filters: [{type: ExternalAuth}], backendRefs: [{name: reviews, port: 9080}]}"
    spec = bound(admin, to_v2("/v2"))
    mesh = worlds.read([*at_waypoint(), thing("HTTPRoute", "reviews", spec), *REVIEWS])
    assert [ends(by_waypoint(mesh, request("reviews", path))) for path in ("/admin", "/v2")] == ["reviews", "reviews"]


@pytest.mark.parametrize(
    ("version", "grpc"), [("", "reviews-v2"), ("1.30.1", "reviews-v2"), ("1.29.6", "404"), ("1.28.10", "404")]
)
def test_r16_a_grpc_route_beside_an_http_route(version: str, grpc: str) -> None:
    http = "{matches: [{path: {value: /h}}], backendRefs: [{name: reviews, port: 9080}]}"
    called = "{matches: [{method: {service: x.Y, method: Z}}], backendRefs: [{name: reviews-v2, port: 9080}]}"
    both = thing("HTTPRoute", "http", bound(http), age=1), thing("GRPCRoute", "grpc", bound(called), age=2)
    mesh = worlds.read([*at_waypoint(), *both, *REVIEWS], version)
    assert ends(by_waypoint(mesh, request("reviews", "/x.Y/Z", method="POST"))) == grpc
    assert ends(by_waypoint(mesh, request("reviews", "/h"))) == "reviews"
