"""The topology vectors R01 to R11: which object decides for which caller, what it means, and what convert makes of it."""

from __future__ import annotations

import pytest

from ambimigrate.model import Mesh
from ambimigrate.semantics.decision import Client, Request
from tests.oracle import worlds
from tests.oracle.worlds import (
    app,
    at_waypoint,
    bound,
    by_sidecar,
    by_waypoint,
    converted,
    deployment,
    ends,
    http,
    namespace,
    request,
    rule,
    service,
    thing,
    vs,
)

SIDECARS = namespace("shop")
WEB, OTHER = Client("web"), Client("other")


def carried(mesh: Mesh, *asked: Request, client: Client = Client("shop")) -> bool:  # noqa: B008
    """Whether convert writes routes; if so the waypoint decides all of it as the sidecar did, at every stage."""
    conversion = converted(mesh)
    if conversion.held:
        assert not [each for each in conversion.changes if each.ref.kind in {"HTTPRoute", "VirtualService"}]
        return False
    for end in worlds.at_stages(mesh, conversion).values():
        for each in asked:
            assert worlds.plain(by_waypoint(end, each)) == worlds.plain(by_sidecar(mesh, each, client)), each
    return True


def routes(mesh: Mesh) -> set[str]:
    return {each.ref.name for each in converted(mesh).changes if each.ref.kind == "HTTPRoute"}


R01 = [
    vs("reviews-a", "{hosts: [reviews], http: [{match: [{uri: {prefix: /a}}], route: [{destination: {host: a}}]}]}", age=1),
    vs("reviews-b", "{hosts: [reviews], http: [{match: [{uri: {prefix: /b}}], route: [{destination: {host: b}}]}]}", age=2),
    *app("reviews"),
    *app("a"),
    *app("b"),
]


@pytest.mark.parametrize(
    ("version", "joined"), [("", "b"), ("1.28.6", "b"), ("1.29.2", "b"), ("1.28.5", "404"), ("1.29.1", "404")]
)
def test_r01_the_oldest_of_two_virtual_services_alone(version: str, joined: str) -> None:
    assert ends(by_sidecar(worlds.read([SIDECARS, *R01], version), request("reviews", "/b"))) == "404"
    assert ends(by_waypoint(worlds.read([*at_waypoint(), *R01], version), request("reviews", "/b"))) == joined


def test_r01_the_two_are_never_merged() -> None:
    mesh = worlds.read([SIDECARS, *R01])
    conversion = converted(mesh)
    end = worlds.at_stages(mesh, conversion)["retired"]
    if conversion.held:
        assert {each.ref.name for each in conversion.held} == {"reviews-a", "reviews-b"}
    else:
        assert [ends(by_waypoint(end, request("reviews", path))) for path in ("/a", "/b")] == ["a", "404"]


def test_r02_a_sidecar_routes_by_host_and_a_waypoint_by_address() -> None:
    ratings = vs("ratings", "{hosts: [ratings], http: [{route: [{destination: {host: ratings-v2}}]}]}")
    objects = [ratings, *app("ratings"), *app("ratings-v2"), *app("reviews")]
    mesh, bound = worlds.read([SIDECARS, *objects]), worlds.read([*at_waypoint(), *objects])
    other = request("reviews", host="ratings:9080")
    public = request("ratings", host="ratings.public.example")
    assert [ends(by_sidecar(mesh, each)) for each in (other, public)] == ["ratings-v2", "ratings"]
    assert [ends(by_waypoint(bound, each)) for each in (other, public)] == ["reviews", "ratings-v2"]
    assert carried(mesh, request("ratings"), request("ratings", "/x", host="ratings:9080"))


R03 = [
    vs(
        "all",
        "{hosts: ['*.shop.svc.cluster.local'], http: [{match: [{uri: {prefix: /x}}], route: [{destination: {host: x}}]}]}",
    ),
    vs("reviews", "{hosts: [reviews], http: [{match: [{uri: {prefix: /r}}], route: [{destination: {host: r}}]}]}"),
    *(each for name in ("reviews", "x", "r", "plain") for each in app(name)),
]


def test_r03_an_exact_host_before_a_wildcard() -> None:
    mesh, bound = worlds.read([SIDECARS, *R03]), worlds.read([*at_waypoint(), *R03])
    asked = request("reviews", "/x", host="reviews.shop:9080")
    assert ends(by_sidecar(mesh, asked)) == "404"
    assert ends(by_waypoint(bound, asked)) == "x"
    assert ends(by_sidecar(mesh, request("plain", "/x"))) == "x"
    conversion = converted(mesh)
    end = worlds.at_stages(mesh, conversion)["retired"]
    if not conversion.held:
        for name in ("reviews", "plain", "x", "r"):
            for path in ("/x", "/r", "/"):
                assert ends(by_waypoint(end, request(name, path))) == ends(by_sidecar(mesh, request(name, path)))


def test_r04_a_virtual_service_of_a_consumer() -> None:
    own = vs(
        "reviews",
        "{hosts: [reviews.shop.svc.cluster.local], exportTo: ['.'],"
        " http: [{route: [{destination: {host: reviews-v2.shop.svc.cluster.local}}]}]}",
        "web",
    )
    objects = [own, *app("reviews"), *app("reviews-v2")]
    mesh = worlds.read([SIDECARS, namespace("web"), namespace("other"), *objects])
    assert [ends(by_sidecar(mesh, request("reviews"), each)) for each in (WEB, OTHER)] == ["reviews-v2", "reviews"]
    assert ends(by_waypoint(worlds.read([*at_waypoint(), *objects]), request("reviews"))) == "reviews"
    assert not routes(mesh)
    assert {each.namespace for each in converted(mesh).held} >= {"web"}


def test_r04_a_consumer_route_is_ignored_by_the_waypoint() -> None:
    spec = bound("{backendRefs: [{name: reviews-v2, namespace: shop, port: 9080}]}", to="reviews, namespace: shop")
    mesh = worlds.read([*at_waypoint(), thing("HTTPRoute", "reviews", spec, "web"), *app("reviews"), *app("reviews-v2")])
    assert ends(by_waypoint(mesh, request("reviews"))) == "reviews"


def test_r05_a_short_name_with_a_dot_names_nothing() -> None:
    dotted = vs("v", "{hosts: [reviews.shop], http: [{route: [{destination: {host: reviews-v2}}]}]}")
    mesh = worlds.read([SIDECARS, dotted, *app("reviews"), *app("reviews-v2")])
    assert ends(by_sidecar(mesh, request("reviews", host="reviews.shop:9080"))) == "reviews"
    assert not routes(mesh)


R06 = [
    vs(
        "root",
        "{hosts: [reviews], http: [{name: r, match: [{uri: {prefix: /api}, headers: {x-a: {exact: '1'}}}],"
        " delegate: {name: leaf}}, {route: [{destination: {host: v1}}]}]}",
    ),
    vs(
        "leaf",
        "{http: [{match: [{uri: {prefix: /api/v2}}], route: [{destination: {host: v2}}]},"
        " {match: [{uri: {prefix: /other}}], route: [{destination: {host: v3}}]},"
        " {match: [{uri: {regex: '/api/.*'}}], route: [{destination: {host: v4}}]}]}",
    ),
    *(each for name in ("reviews", "v1", "v2", "v3", "v4") for each in app(name)),
]


@pytest.mark.parametrize(
    ("path", "value", "end"), [("/api/v2", "1", "v2"), ("/api/v2", "", "v1"), ("/other", "1", "v1"), ("/api/v1", "1", "v1")]
)
def test_r06_what_a_delegate_merges_to(path: str, value: str, end: str) -> None:
    asked = request("reviews", path, headers=(("x-a", value),) if value else ())
    mesh = worlds.read([SIDECARS, *R06])
    assert ends(by_sidecar(mesh, asked)) == end
    assert ends(by_waypoint(worlds.read([*at_waypoint(), *R06]), asked)) == end
    assert carried(mesh, asked)


def test_r07_a_missing_delegate_takes_its_rule_away() -> None:
    missing = "{match: [{uri: {prefix: /api}}], delegate: {name: missing}}"
    root = vs("root", http(missing, rule("v1")))
    mesh = worlds.read([SIDECARS, root, *app("reviews"), *app("v1")])
    assert ends(by_sidecar(mesh, request("reviews", "/api/x"))) == "v1"
    carried(mesh, request("reviews", "/api/x"), request("reviews", "/"))


def test_the_short_names_of_a_delegate_are_of_its_own_namespace() -> None:
    root = vs("root", "{hosts: [reviews], http: [{delegate: {name: leaf, namespace: other}}]}")
    leaf = vs("leaf", "{http: [{route: [{destination: {host: v1}}]}]}", "other")
    named = [*app("reviews"), *app("v1"), service("v1", namespace="other")]
    mesh = worlds.read([SIDECARS, namespace("other"), root, leaf, *named, deployment("v1", "other")])
    decision = by_sidecar(mesh, request("reviews", "/"))
    assert [backend for _, outcome in decision.outcomes for backend in outcome.backends] == ["other/v1:9080"]
    carried(mesh, request("reviews", "/"))


R08 = [
    vs(
        "reviews",
        "{hosts: [reviews], http: [{route: [{destination: {host: reviews, subset: v1}, weight: 90},"
        " {destination: {host: reviews, subset: v2}, weight: 10}]}]}",
    ),
    thing(
        "DestinationRule",
        "reviews",
        "{host: reviews, subsets: [{name: v1, labels: {version: v1}}, {name: v2, labels: {version: v2},"
        " trafficPolicy: {loadBalancer: {simple: RANDOM}}}],"
        " trafficPolicy: {connectionPool: {http: {http1MaxPendingRequests: 10}}}}",
    ),
    service("reviews"),
    deployment("reviews", version="v1"),
    deployment("reviews", version="v2"),
]


def test_r08_subsets_become_versioned_services() -> None:
    mesh = worlds.read([SIDECARS, *R08])
    assert ends(by_sidecar(mesh, request("reviews"))) == "reviews-v1:90 reviews-v2:10"
    assert carried(mesh, request("reviews"))


def test_r09_what_does_not_exist() -> None:
    rules = rule("reviews, subset: nope", "match: [{uri: {exact: /u}}]"), rule("missing", "match: [{uri: {exact: /m}}]")
    mesh = worlds.read([SIDECARS, vs("reviews", http(*rules, rule("reviews"))), *app("reviews")])
    assert [ends(by_sidecar(mesh, request("reviews", path))) for path in ("/u", "/m", "/")] == ["503", "503", "reviews"]
    spec = bound("{backendRefs: [{name: missing, port: 9080}]}")
    broken = worlds.read([*at_waypoint(), thing("HTTPRoute", "reviews", spec), *app("reviews")])
    assert ends(by_waypoint(broken, request("reviews"))) == "500"
    if routes(mesh):
        end = worlds.at_stages(mesh, converted(mesh))["retired"]
        assert ends(by_waypoint(end, request("reviews", "/u"))) in {"500", "503"}


NEXT = vs("reviews", "{hosts: [reviews], http: [{route: [{destination: {host: reviews-next}}]}]}")


def test_r10_a_destination_without_port_means_the_listeners() -> None:
    mesh = worlds.read([SIDECARS, NEXT, *app("reviews", 80, 8080), *app("reviews-next", 80, 8080)])
    asked = [request("reviews", port=port) for port in (80, 8080)]
    backends = [by_sidecar(mesh, each).outcomes[0][1].backends for each in asked]
    assert backends == [("shop/reviews-next:80",), ("shop/reviews-next:8080",)]
    assert carried(mesh, *asked)


def test_r10_a_port_that_the_destination_lacks_is_dead_at_a_sidecar_alone() -> None:
    objects = [NEXT, *app("reviews", 80, 8080), *app("reviews-next", 80)]
    asked = request("reviews", port=8080)
    assert ends(by_sidecar(worlds.read([SIDECARS, *objects]), asked)) == "503"
    assert ends(by_waypoint(worlds.read([*at_waypoint(), *objects]), asked)) == "reviews-next"


def test_r10_a_backend_without_port_takes_the_whole_route_away() -> None:
    spec = bound("{backendRefs: [{name: reviews-next}]}")
    mesh = worlds.read([*at_waypoint(), thing("HTTPRoute", "reviews", spec), *app("reviews"), *app("reviews-next")])
    assert ends(by_waypoint(mesh, request("reviews"))) == "reviews"


def test_r11_a_headless_service_has_no_waypoint() -> None:
    timed = vs("db", "{hosts: [db-headless], http: [{route: [{destination: {host: db-headless}}], timeout: 1s}]}")
    objects = [timed, service("db-headless", 8080, clusterIP="None"), deployment("db-headless")]
    mesh = worlds.read([SIDECARS, *objects])
    asked = request("db-headless", port=8080)
    assert by_sidecar(mesh, asked).timeout == 1
    assert by_waypoint(worlds.read([*at_waypoint(), *objects]), asked).timeout is None
    assert not routes(mesh)
