"""Connections that carry no HTTP, at a client's sidecar and at a waypoint."""

from __future__ import annotations

from typing import Any

import pytest
import yaml

from ambimigrate.semantics import sidecar_connections, waypoint_connections
from ambimigrate.semantics.connections import Connection
from ambimigrate.semantics.decision import Client, Decision
from tests.semantics.vectors import OBSERVED, mesh
from tests.semantics.world import GATEWAY, PODS, at_sidecar, at_waypoint, service, thing

FULL_NAME = "reviews.default.svc.cluster.local"
OTHERS = [service(name, 80, 81, port_name="tcp") for name in ("v1", "v2", "shadow")]
DATABASE = (
    "{hosts: [reviews], tcp: [{match: [{port: 80, sourceLabels: {app: batch}}], route: [{destination: {host: shadow}}]},"
    " {match: [{port: 80}], route: [{destination: {host: v1}, weight: 80}, {destination: {host: v2}, weight: 20}]}]}"
)
NAMES = (
    "{hosts: [reviews, '*.default.svc.cluster.local'], tls:"
    " [{match: [{port: 80, sniHosts: [a.example]}], route: [{destination: {host: v1}}]},"
    " {match: [{port: 80, sniHosts: [reviews.default.svc.cluster.local]}], route: [{destination: {host: v2}}]}]}"
)


def shares(decision: Decision) -> dict[str, int]:
    pods = (
        (",".join(each.split("/")[-1].split(":")[0] for each in outcome.backends), share)
        for share, outcome in decision.outcomes
    )
    return {pod: round(share) for pod, share in pods}


def at_both(
    objects: list[dict[str, Any]],
    port: int = 80,
    sni: str = "",
    labels: tuple[tuple[str, str], ...] = (),
    version: str = OBSERVED,
) -> tuple[dict[str, int], dict[str, int]]:
    name = "tls" if sni else "tcp"
    made = [service("reviews", 80, 81, port_name=name), *OTHERS, yaml.safe_load(GATEWAY), *objects]
    world = mesh({"id": "", "objects": made, "pods": PODS}, version)
    connection = Connection(FULL_NAME, port, sni)
    client = Client("default", labels)
    return (
        shares(sidecar_connections.decide(world, client, connection)),
        shares(waypoint_connections.decide(world, connection)),
    )


@pytest.mark.parametrize(
    ("port", "app", "sidecar", "waypoint"),
    [
        (80, "batch", {"shadow": 100}, {"v1": 80, "v2": 20}),
        (80, "web", {"v1": 80, "v2": 20}, {"v1": 80, "v2": 20}),
        (81, "web", {"reviews": 100}, {"reviews": 100}),
    ],
)
def test_tcp_rules(port: int, app: str, sidecar: dict[str, int], waypoint: dict[str, int]) -> None:
    objects = [thing("VirtualService", "db", DATABASE)]
    assert at_both(objects, port, labels=(("app", app),)) == (sidecar, waypoint)


def test_a_waypoint_reads_no_tcp_rules_before_1_26() -> None:
    assert at_both([thing("VirtualService", "db", DATABASE)], version="1.25.5")[1] == {"reviews": 100}


@pytest.mark.parametrize(("sni", "sidecar"), [("a.example", "v1"), (FULL_NAME, "v2"), ("b.example", "reviews")])
def test_a_waypoint_does_not_look_at_the_server_name(sni: str, sidecar: str) -> None:
    assert at_both([thing("VirtualService", "tls", NAMES)], sni=sni) == ({sidecar: 100}, {"v2": 100})


@pytest.mark.parametrize(("version", "end"), [("1.30.3", "reviews"), (OBSERVED, "v1")])
def test_tcp_routes(version: str, end: str) -> None:
    spec = "{parentRefs: [{group: '', kind: Service, name: reviews}], rules: [{backendRefs: [{name: v1, port: 80}]}]}"
    assert at_both([thing("TCPRoute", "route", spec)], version=version)[1] == {end: 100}


def test_a_subnet_that_is_not_dialled() -> None:
    spec = (
        "{hosts: [reviews], tcp: [{match: [{destinationSubnets: [10.0.0.0/8]}], route: [{destination: {host: v1}}]},"
        " {route: [{destination: {host: v2}}]}]}"
    )
    assert at_both([thing("VirtualService", "db", spec)]) == ({"v2": 100}, {"v1": 100})


def test_a_request_on_such_a_port_is_a_connection() -> None:
    objects = [service("reviews", 80, port_name="tcp"), thing("VirtualService", "db", DATABASE)]
    assert shares(at_sidecar(objects)) == shares(at_waypoint(objects)) == {"v1": 80, "v2": 20}
