"""The requests that verify tries: made at the boundaries of conditions, recorded by users, or none for what nobody has."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from ambimigrate.model import Mesh
from ambimigrate.verify import Ask, Place, Settings, callers, examples, places, requests, verify
from ambimigrate.verify.recorded import recorded
from ambimigrate.verify.shapes import Shape
from tests.oracle import worlds
from tests.test_verify import CASES, SMALL, meshes


@pytest.mark.parametrize(
    "pattern",
    [
        "/v[0-9]+/.*",
        "(a|b)+",
        "^/api/(users|orders)/[^/]+$",
        r"\d{3}-\d{4}",
        "(?i)Mozilla.*",
        ".*",
        "a?b",
        "",
        r"/a\.b",
        "(?:x)y",
    ],
)
def test_examples_fit_their_pattern(pattern: str) -> None:
    found = examples.of_regex(pattern)
    assert found is not None
    assert examples._fits(pattern, found)


@given(st.text(max_size=20))
def test_examples_never_fail_and_never_lie(pattern: str) -> None:
    found = examples.of_regex(pattern)
    assert found is None or examples._fits(pattern, found)


def test_boundaries_of_a_literal() -> None:
    place = Place("a.b.svc.cluster.local", "b", 80, is_http=True)
    paths = {each.path for each in requests._around(place, Shape(path="/Api"))}
    assert {"/Api", "/Api/", "/Apix", "/Api/x", "/Ap", "/aPI"} <= paths
    lines = {each.headers for each in requests._around(place, Shape(headers=(("k", "v"),)))}
    assert {(), (("k", ""),), (("k", "v"),), (("k", "vx"),), (("k", "v"), ("k", "vx"))} <= lines


def test_requests_are_the_same_every_time_and_bounded() -> None:
    (mesh,) = meshes(CASES / "equal" / "before")
    place = next(each for each in places.places(mesh, mesh) if each.host.startswith("reviews."))
    first, second = (requests.asked(mesh, mesh, place, SMALL) for _ in range(2))
    assert first == second
    assert len([each for each in first if not each.direct]) <= SMALL.requests
    assert first != requests.asked(mesh, mesh, place, Settings(requests=80, seed=2))


# --- recorded -------------------------------------------------------------------------------------------------------

LOG = {
    "authority": "reviews.shop:9080",
    "method": "POST",
    "path": "/a?x=1",
    "user_agent": "c/8",
    "upstream_cluster": "in|1||",
}
TCP = {"authority": None, "method": None, "path": None, "upstream_cluster": "outbound|5432||db"}


def test_an_access_log_of_envoy_holds_requests_and_connections() -> None:
    found = recorded("log", "\n".join(json.dumps(each) for each in (LOG, LOG, TCP)) + "\nno json at all\n")
    assert found.asks == (Ask("POST", "/a?x=1", "reviews.shop:9080", (("user-agent", "c/8"),)),)
    assert found.connections == 1
    assert [each.line for each in found.problems] == [4]


def test_a_har_file_holds_requests_with_urls() -> None:
    headers = [{"name": "X-A", "value": "1"}, {"name": ":authority", "value": "x"}, {"name": "Host", "value": "x"}]
    request = {"method": "GET", "url": "http://reviews.shop.svc.cluster.local:9080/a/b?c=d", "headers": headers}
    found = recorded("browser.har", json.dumps({"log": {"entries": [{"request": request}, {"request": {}}]}}, indent=1))
    assert found.asks == (Ask("GET", "/a/b?c=d", "reviews.shop.svc.cluster.local:9080", (("x-a", "1"),)),)
    assert [each.message for each in found.problems] == ["entry 2 holds no request with a URL"]
    assert recorded("empty.har", '{"log": {}}').problems


def test_lines_and_lists_of_ones_own() -> None:
    lines = [{"host": "a.b", "path": "/"}, {"host": "a.b", "path": "/", "headers": [["K", "1"], ["k", "2"]]}]
    one, other = recorded("f", "\n".join(map(json.dumps, lines))), recorded("f", json.dumps(lines))
    assert one == other
    assert one.asks[1].headers == (("k", "1"), ("k", "2"))


def test_hosts_that_nobody_has_are_named() -> None:
    (mesh,) = meshes(CASES / "equal" / "before")
    own = tuple(Ask("GET", path, host) for path in ("/a", "/b") for host in ("shop.example", "reviews.shop:9080", "reviews"))
    found = verify((mesh,), (mesh,), Settings(requests=1, own=own))
    assert found.untried == (("shop.example", 2),)


def test_a_short_name_means_the_callers_own_namespace() -> None:
    (before,), (after,) = meshes(CASES / "path-prefix" / "before"), meshes(CASES / "path-prefix" / "after")
    own = (Ask("GET", "/apish", "reviews"),)
    found = [each for each in verify((before,), (after,), Settings(requests=1, own=own)).differences if each.kind == "routing"]
    assert {each.caller.namespace for each in found} == {"shop"}


# --- callers --------------------------------------------------------------------------------------------------------


def crowd(count: int) -> Mesh:
    accounts = ", ".join(f"cluster.local/ns/far{n}/sa/caller" for n in range(count))
    policy = {
        "apiVersion": "security.istio.io/v1",
        "kind": "AuthorizationPolicy",
        "metadata": {"name": "callers", "namespace": "shop"},
        "spec": {"rules": [{"from": [{"source": {"principals": accounts.split(", ")}}]}]},
    }
    return worlds.read([worlds.namespace("shop"), *worlds.app("web"), policy])


def test_callers_that_are_not_tried_are_said() -> None:
    few, many = crowd(10), crowd(50)
    assert verify((few,), (few,), SMALL).unchecked == ()
    (found,) = verify((many,), (replace(many, _memo={}),), SMALL).unchecked
    assert str(found.object) == "Service shop/web"
    assert found.because == f"only {callers.MOST} of its 53 callers were tried"
