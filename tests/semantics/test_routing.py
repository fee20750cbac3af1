"""Routing: what the observed decisions do not show (names, visibility, several objects, ports, mesh-wide settings)."""

from __future__ import annotations

from typing import Any

import pytest

from ambimigrate.semantics.decision import Client
from ambimigrate.semantics.paths import normalize
from ambimigrate.versions import parse
from tests.semantics.world import OLDER, ROUTE, YOUNGER, at_sidecar, at_waypoint, ends, mesh_config, service, thing, to


def test_of_several_virtual_services_a_sidecar_takes_the_oldest_and_a_waypoint_all() -> None:
    both = [YOUNGER, OLDER]
    assert [ends(at_sidecar(both, path)) for path in ("/a", "/b")] == ["v1", "404"]
    assert [ends(at_waypoint(both, path)) for path in ("/a", "/b")] == ["v1", "v2"]
    assert [ends(at_waypoint(both, path, "1.28.5")) for path in ("/a", "/b")] == ["v1", "404"]


def test_an_exact_host_wins_over_a_wildcard_at_a_sidecar_alone() -> None:
    wild = thing("VirtualService", "all", to("v1", "/x").replace("[reviews]", "['*.default.svc.cluster.local']"))
    assert ends(at_sidecar([wild], "/x")) == "v1"
    assert ends(at_sidecar([wild, YOUNGER], "/x")) == "404"
    assert ends(at_waypoint([wild, YOUNGER], "/x")) == "v1"


def test_a_host_with_a_dot_is_taken_as_a_full_name() -> None:
    dotted = thing("VirtualService", "dotted", to("v1").replace("[reviews]", "[reviews.default]"))
    assert ends(at_sidecar([dotted])) == "reviews"
    assert ends(at_sidecar([dotted], host="reviews.default:80")) == "reviews"


@pytest.mark.parametrize(
    ("export_to", "own", "other"),
    [("'.'", "v1", "reviews"), ("other", "reviews", "v1"), ("'*'", "v1", "v1"), ("'~'", "reviews", "reviews")],
)
def test_export_to(export_to: str, own: str, other: str) -> None:
    made = [thing("VirtualService", "vs", to("v1", extra=f", exportTo: [{export_to}]"))]
    assert ends(at_sidecar(made)) == own
    assert ends(at_sidecar(made, client=Client("other"))) == other


def test_the_private_virtual_service_of_a_caller_comes_first() -> None:
    spec = to("v2.default.svc.cluster.local", extra=", exportTo: ['.']").replace(
        "[reviews]", "[reviews.default.svc.cluster.local]"
    )
    objects = [thing("VirtualService", "old", to("v1")), thing("VirtualService", "own", spec, namespace="other", created=3)]
    assert ends(at_sidecar(objects)) == "v1"
    assert ends(at_sidecar(objects, client=Client("other"))) == "v2"
    assert ends(at_waypoint(objects)) == "v1"


def test_short_names_are_those_of_the_callers_namespace() -> None:
    objects = [thing("VirtualService", "vs", to("v1"))]
    assert ends(at_sidecar(objects, host="reviews")) == "v1"
    assert ends(at_sidecar(objects, host="reviews.default", client=Client("other"))) == "v1"
    unknown = at_sidecar(objects, host="reviews", client=Client("other"))
    assert (ends(unknown), unknown.retries) == ("reviews", None)


def test_a_sidecar_object_hides_what_it_does_not_import() -> None:
    hidden = thing("Sidecar", "default", "{egress: [{hosts: [istio-system/*]}], outboundTrafficPolicy: {mode: REGISTRY_ONLY}}")
    assert ends(at_sidecar([OLDER, hidden], "/a")) == "502"
    shown = thing("Sidecar", "default", "{egress: [{hosts: [./*]}]}")
    assert ends(at_sidecar([OLDER, shown], "/a")) == "v1"


def test_a_name_outside_the_registry_has_a_virtual_host_on_port_80_alone() -> None:
    foreign = thing("VirtualService", "foreign", to("v1").replace("[reviews]", "[shop.example]"))
    assert ends(at_sidecar([foreign], host="shop.example")) == "v1"
    assert ends(at_sidecar([foreign], host="shop.example:8080", port=8080)) == "reviews.default.svc.cluster.local"


def test_a_missing_delegate_removes_its_rule_and_a_conflict_the_delegates() -> None:
    root = thing(
        "VirtualService",
        "root",
        "{hosts: [reviews], http: [{match: [{uri: {prefix: /api}, headers: {x-a: {exact: '1'}}}], delegate: {name: leaf}},"
        " {match: [{uri: {prefix: /m}}], delegate: {name: missing}}, {route: [{destination: {host: v1}}]}]}",
    )
    leaf = thing(
        "VirtualService",
        "leaf",
        "{http: [{match: [{uri: {prefix: /api/v2}}], route: [{destination: {host: v2}}]},"
        " {match: [{uri: {prefix: /other}}], route: [{destination: {host: shadow}}]},"
        " {match: [{uri: {regex: /api/.*}}], route: [{destination: {host: shadow}}]}]}",
    )
    marked = (("x-a", "1"),)
    decided = [ends(at_sidecar([root, leaf], path, headers=marked)) for path in ("/api/v2", "/other", "/api/v1", "/m")]
    assert decided == ["v2", "v1", "v1", "v1"]
    assert ends(at_sidecar([root, leaf], "/api/v2")) == "v1"


def test_a_destination_without_port_means_the_listener_or_at_a_waypoint_the_only_port() -> None:
    objects = [service("reviews", 80, 81), thing("VirtualService", "vs", to("v1"))]
    assert ends(at_sidecar(objects, port=81)) == "503"
    assert at_sidecar(objects, port=81).errors == ("81||v1.default.svc.cluster.local",)
    assert ends(at_waypoint(objects, port=81)) == "v1"


def test_a_sidecar_of_the_routes_namespace_takes_the_route_before_the_virtual_service() -> None:
    assert [ends(at_sidecar([OLDER, ROUTE], path)) for path in ("/a", "/b")] == ["404", "v2"]
    assert [ends(at_sidecar([OLDER, ROUTE], path, Client("other"))) for path in ("/a", "/b")] == ["v1", "404"]


def test_the_retries_of_the_mesh() -> None:
    config = mesh_config("defaultHttpRetryPolicy: {attempts: 5, retryOn: '5xx,503'}")
    found = at_sidecar([config]).retries
    assert found
    assert (found.attempts, found.codes) == (5, (503,))
    assert found.conditions == {"5xx", "retriable-status-codes"}
    assert at_sidecar([mesh_config("defaultHttpRetryPolicy: {attempts: 0}")]).retries is None


HASH = "{host: reviews, trafficPolicy: {loadBalancer: {consistentHash: {httpHeaderName: X-User}}}}"


def test_hash_policies_come_with_the_rule_that_a_proxy_sees() -> None:
    own = thing("DestinationRule", "reviews", HASH)
    foreign = thing(
        "DestinationRule", "reviews", HASH.replace("reviews", "reviews.default.svc.cluster.local"), namespace="other"
    )
    assert at_sidecar([own]).hash == at_waypoint([own]).hash == ("header x-user",)
    assert at_sidecar([foreign]).hash == at_waypoint([foreign]).hash == ()
    assert at_sidecar([foreign], client=Client("other")).hash == ("header x-user",)
    assert at_waypoint([own], version="1.30.3").hash == ()


def test_a_port_without_http_is_not_routed_as_http() -> None:
    objects = [service("reviews", 80, port_name="tcp"), thing("VirtualService", "vs", to("v1"))]
    assert ends(at_sidecar(objects)) == ends(at_waypoint(objects)) == "reviews"


def test_a_service_entry_is_reached_by_its_name() -> None:
    entry = thing(
        "ServiceEntry", "api", "{hosts: [api.example], ports: [{number: 80, name: http, protocol: HTTP}], resolution: DNS}"
    )
    routed = thing("VirtualService", "vs", to("api.example"))
    assert at_sidecar([entry, routed]).outcomes[0][1].backends == ("api.example:80",)


@pytest.mark.parametrize(
    ("path", "normal"),
    [
        ("/a/../b", "/b"),
        ("/a//../b", "/a/b"),
        ("//../b", "/b"),
        ("/a/..", "/"),
        ("/a/.", "/a/"),
        ("/%61%2Fb", "/a%2Fb"),
        ("/a\\b?x=/../y", "/a/b?x=/../y"),
        ("/%2e%2e/a#b", "/a"),
    ],
)
def test_paths_are_normalized(path: str, normal: str) -> None:
    assert normalize(path) == normal


def test_paths_are_normalized_as_the_mesh_says() -> None:
    assert normalize("/a//b/../c", "NONE") == "/a//b/../c"
    assert normalize("/a//b", "MERGE_SLASHES") == "/a/b"
    assert normalize("/a%2f%5Cb", "DECODE_AND_MERGE_SLASHES") == "/a/b"


@pytest.mark.parametrize(
    ("root", "leaf", "end"),
    [
        ("exact: ok", "exact: ok", "v2"),
        ("prefix: o", "exact: ok", "v2"),
        ("prefix: o", "prefix: ok", "v2"),
        ("prefix: ok", "prefix: o", "v1"),
        ("exact: ok", "prefix: ok", "v1"),
        ("", "", "v1"),
        ("", "exact: ok", "v1"),
        ("exact: ok", "", "v1"),
        ("regex: ok", "exact: ok", "v1"),
    ],
)
def test_a_condition_of_root_and_delegate_on_one_header(root: str, leaf: str, end: str) -> None:
    outer = thing(
        "VirtualService",
        "root",
        f"{{hosts: [reviews], http: [{{match: [{{headers: {{x-a: {{{root}}}}}}}], delegate: {{name: leaf}}}},"
        " {route: [{destination: {host: v1}}]}]}",
    )
    inner = f"{{http: [{{match: [{{headers: {{x-a: {{{leaf}}}}}}}], route: [{{destination: {{host: v2}}}}]}}]}}"
    assert ends(at_sidecar([outer, thing("VirtualService", "leaf", inner)], headers=(("x-a", "ok"),))) == end


REPEATED = (("x-v", "1"), ("x-v", "2"))


@pytest.mark.parametrize(
    ("test", "release", "end"),
    [
        ("exact: '2'", "1.31.0", "v1"),
        ("exact: '2'", "1.30.3", "404"),
        ("exact: '1,2'", "1.31.0", "404"),
        ("exact: '1,2'", "1.30.3", "v1"),
        ("prefix: '1'", "1.30.3", "v1"),
        ("prefix: '2'", "1.30.3", "404"),
    ],
)
def test_lines_of_one_header_are_compared_one_by_one_or_joined(test: str, release: str, end: str) -> None:
    spec = to("v1").replace("uri: {prefix: /}", f"headers: {{x-v: {{{test}}}}}")
    asked: dict[str, Any] = {"headers": REPEATED, "release": parse(release)}
    objects = [thing("VirtualService", "vs", spec)]
    assert ends(at_sidecar(objects, **asked)) == ends(at_waypoint(objects, **asked)) == end


def test_lines_that_were_compared_joined_are_sent_as_they_came() -> None:
    objects = [thing("VirtualService", "vs", to("v1"))]
    ((_, outcome),) = at_sidecar(objects, headers=REPEATED, release=parse("1.30.3")).outcomes
    assert outcome.request is not None
    assert outcome.request.headers == REPEATED
