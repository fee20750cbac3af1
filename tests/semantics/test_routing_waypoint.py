"""Routing at a waypoint: what the observed decisions do not show."""

from __future__ import annotations

import pytest

from tests.semantics.vectors import OBSERVED
from tests.semantics.world import OLDER, ROUTE, at_waypoint, ends, rules, thing, to


def test_a_waypoint_joins_routes_and_virtual_services() -> None:
    assert [ends(at_waypoint([OLDER, ROUTE], path)) for path in ("/a", "/b")] == ["v1", "v2"]
    assert [ends(at_waypoint([OLDER, ROUTE], path, "1.27.9")) for path in ("/a", "/b")] == ["404", "v2"]


def test_one_unsupported_filter_takes_away_the_whole_route() -> None:
    spec = rules("{filters: [{type: ExternalAuth}]}, {backendRefs: [{name: v2, port: 80}]}")
    assert ends(at_waypoint([thing("HTTPRoute", "route", spec)])) == "reviews"


@pytest.mark.parametrize(("version", "grpc", "http"), [("1.25.5", "v1", "v2"), ("1.29.6", "404", "v2"), ("1.30.3", "v1", "v2")])
def test_a_grpc_route_beside_an_http_route(version: str, grpc: str, http: str) -> None:
    spec = rules("{matches: [{method: {service: x.Y, method: Z}}], backendRefs: [{name: v1, port: 80}]}")
    objects = [ROUTE, thing("GRPCRoute", "grpc", spec)]
    assert [ends(at_waypoint(objects, path, version)) for path in ("/x.Y/Z", "/b")] == [grpc, http]


def test_a_missing_backend_is_500_and_a_missing_destination_503() -> None:
    spec = rules("{backendRefs: [{name: missing, port: 80}]}")
    assert ends(at_waypoint([thing("HTTPRoute", "route", spec)])) == "500"
    assert ends(at_waypoint([thing("VirtualService", "vs", to("missing"))])) == "503"


@pytest.mark.parametrize(
    ("version", "conditions"),
    [("1.30.2", {"reset-before-request"}), ("1.30.3", {"cancelled", "connect-failure", "refused-stream", "unavailable"})],
)
def test_the_default_route_of_a_waypoint(version: str, conditions: set[str]) -> None:
    found = at_waypoint([], version=version).retries
    assert found
    assert found.conditions == conditions


ORIGINS = "cors: {allowOrigins: ['https://*.b.example'], allowMethods: [GET]}"
CORS = rules(f"{{filters: [{{type: CORS, {ORIGINS}}}], backendRefs: [{{name: v1, port: 80}}]}}")


@pytest.mark.parametrize(
    ("origin", "version", "end", "allowed"),
    [
        ("https://x.b.example", OBSERVED, "200", True),
        ("https://evil.example", OBSERVED, "200", False),
        ("https://x.b.example", "1.28.5", "v1", False),
    ],
)
def test_preflights_at_a_waypoint(origin: str, version: str, end: str, *, allowed: bool) -> None:
    headers = (("origin", origin), ("access-control-request-method", "GET"))
    decision = at_waypoint([thing("HTTPRoute", "route", CORS)], version=version, method="OPTIONS", headers=headers)
    assert ends(decision) == end
    assert ("access-control-allow-origin", origin) in decision.outcomes[0][1].response or not allowed
