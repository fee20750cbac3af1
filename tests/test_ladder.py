"""The order of rules: the forms of the reference's vectors, when there are patterns, and lists too long for one object."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest
import re2
import yaml

from ambimigrate.changes import Create
from ambimigrate.convert import Conversion, after, convert
from ambimigrate.converters.routing import distribute
from ambimigrate.decode import Decoder
from ambimigrate.layout import lay_out
from ambimigrate.model import Finding, Mesh, Target
from ambimigrate.semantics import sidecar, waypoint
from ambimigrate.semantics.decision import Client, Request
from ambimigrate.versions import NEWEST, NEWEST_GATEWAY_API, Version, parse

HOST = "web.shop.svc.cluster.local"
CLAIMS = Path(__file__).resolve().parents[1] / "fixtures" / "vectors" / "routing-claims.yaml"
HELD = {"V15", "V17", "V22", "V23"}
Rule = dict[str, Any]


def nothing(_meshes: tuple[Mesh, ...]) -> tuple[Finding, ...]:
    return ()


def route(to: str, **match: Any) -> Rule:
    return {"match": [match] if match else [], "route": [{"destination": {"host": to}}]}


def world(rules: Iterable[Rule], host: str = "web", others: Iterable[str] = ("a", "b", "c"), istio: Version = NEWEST) -> Mesh:
    """A namespace with one VirtualService and its Services; `reviews:2` has the second port that claims are about."""
    meta: dict[str, Any] = {"name": "shop", "labels": {"istio-injection": "enabled"}}
    found: list[dict[str, Any]] = [{"apiVersion": "v1", "kind": "Namespace", "metadata": meta}]
    template = {"metadata": {"labels": {"app": "web"}}, "spec": {"containers": [{"name": "web"}]}}
    own = {"name": "web", "namespace": "shop"}
    found.append({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": own, "spec": {"template": template}})
    for name in dict.fromkeys((host, *others)):
        ports = [{"name": "http", "port": 9080}, *([{"name": "http-b", "port": 9090}] if name == "reviews:2" else [])]
        spec: dict[str, Any] = {"selector": {"app": name.partition(":")[0]}, "ports": ports}
        meta = {"name": name.partition(":")[0], "namespace": "shop"}
        found.append({"apiVersion": "v1", "kind": "Service", "metadata": meta, "spec": spec})
    spec = {"hosts": [host.partition(":")[0]], "http": [*rules]}
    found.append({"apiVersion": "networking.istio.io/v1", "kind": "VirtualService", "metadata": own, "spec": spec})
    decoder = Decoder(lay_out(["all.json"], ()), "")
    decoder.add("all.json", "---\n".join(json.dumps(each) + "\n" for each in found))
    return decoder.reading(Target(istio, NEWEST_GATEWAY_API)).meshes[0]


def routes(conversion: Conversion) -> list[dict[str, Any]]:
    return [
        dict(each.action.value)
        for each in conversion.changes
        if each.ref.kind == "HTTPRoute" and isinstance(each.action, Create)
    ]


def made(rules: Iterable[Rule], istio: Version = NEWEST) -> list[tuple[str, str, str]]:
    """Type and text of each path with the first backend."""
    conversion = convert((world(rules, istio=istio),), (), check=nothing)
    assert not conversion.held
    return [
        (match["path"]["type"], match["path"]["value"], rule["backendRefs"][0]["name"])
        for each in routes(conversion)
        for rule in each["spec"]["rules"]
        for match in rule["matches"]
    ]


# --- the vectors of the reference -----------------------------------------------------------------------------------


def claims() -> list[Any]:
    found = yaml.safe_load_all(CLAIMS.read_text(encoding="utf-8"))
    return [pytest.param(each, id=each["id"]) for each in found if each["id"] <= "V28" and each["id"] not in HELD]


@pytest.mark.parametrize("claim", claims())
def test_vectors_are_converted_to_the_form_of_the_reference(claim: dict[str, Any]) -> None:
    others = {each["destination"]["host"] for rule in claim["vs"] for each in rule["route"]}
    host = "reviews:2" if "routes" in claim else "reviews"
    conversion = convert((world(claim["vs"], host, others),), (), check=nothing)
    assert not conversion.held
    got = {each["spec"]["parentRefs"][0]["port"]: each["spec"]["rules"] for each in routes(conversion)}
    wanted = claim.get("routes") or {9080: claim["exact"]}
    for port, rules in wanted.items():
        assert plain(got[port]) == plain(rules)


def plain(rules: list[Rule]) -> list[str]:
    """The matches with their backends, defaults filled in; equal paths keep their order."""
    found = []
    for rule in rules:
        for match in rule.get("matches", [{}]):
            path = {"type": "PathPrefix", "value": "/"} | match.get("path", {})
            named = [(each["name"], each.get("type", "Exact"), each["value"]) for each in match.get("headers", ())]
            query = [(each["name"], each.get("type", "Exact"), each["value"]) for each in match.get("queryParams", ())]
            backends = [each["name"] for each in rule["backendRefs"]]
            found.append((path["type"], path["value"], repr((named, query, match.get("method"), backends))))
    return [repr(each) for each in sorted(found, key=lambda each: each[:2])]


@pytest.mark.parametrize("name", sorted(HELD))
def test_vectors_without_exact_form_are_held(name: str) -> None:
    claim = next(each for each in yaml.safe_load_all(CLAIMS.read_text(encoding="utf-8")) if each["id"] == name)
    others = {each["destination"]["host"] for rule in claim["vs"] for each in rule["route"]}
    conversion = convert((world(claim["vs"], "reviews", others),), (), check=nothing)
    assert conversion.held
    assert not routes(conversion)


# --- forms ----------------------------------------------------------------------------------------------------------


def test_exact_paths_stay_exact_beside_patterns_that_they_do_not_overtake() -> None:
    found = made(
        [route("a", uri={"exact": "/x"}), route("b", uri={"prefix": "/y"}), route("c", uri={"exact": "/yz"}), route("web")]
    )
    assert ("Exact", "/x", "a") in found
    assert ("RegularExpression", "/y.*", "b") in found
    assert not any(backend == "c" for *_, backend in found)  # dead: the prefix takes it


def test_an_exact_path_that_would_overtake_a_pattern_becomes_one() -> None:
    rules = [route("a", uri={"prefix": "/y"}, headers={"x": {"exact": "1"}}), route("b", uri={"exact": "/yz"}), route("web")]
    assert made(rules) == [
        ("RegularExpression", "/y.*(?:)", "a"),
        ("RegularExpression", "/yz(?:)", "b"),
        ("RegularExpression", "/.*", "web"),
    ]


def test_a_replaced_prefix_stays_a_prefix_beside_patterns() -> None:
    rules = [
        route("a", uri={"prefix": "/y"}, headers={"x": {"exact": "1"}}),
        {**route("b", uri={"prefix": "/yz/"}), "rewrite": {"uri": "/"}},
        route("web"),
    ]
    assert made(rules) == [
        ("Exact", "/yz", "a"),
        ("PathPrefix", "/yz/", "a"),
        ("RegularExpression", "/y.*", "a"),
        ("PathPrefix", "/yz/", "b"),
        ("Exact", "/yz", "web"),
        ("RegularExpression", "/.*", "web"),
    ]


def test_what_repeats_itself_for_a_path_rewrites_that_path() -> None:
    """The rewrite of a prefix depends on the path: the copy for another path writes what becomes of it."""
    rules = [
        {**route("a", uri={"prefix": "/y/"}, headers={"x": {"exact": "1"}}), "rewrite": {"uri": "/z/"}},
        route("b", uri={"exact": "/y/one"}),
        route("web"),
    ]
    mesh = world(rules)
    conversion = convert((mesh,), (), check=nothing)
    end = after(mesh, conversion.changes)
    for path in ("/y/one", "/y/two", "/y"):
        for headers in ((), (("x", "1"),)):
            request = Request(HOST, 9080, "GET", path, HOST, headers)
            assert sidecar.decide(mesh, Client("shop"), request).outcomes == waypoint.decide(end, request).outcomes


def test_different_values_of_one_header_exclude_nothing_on_any_release() -> None:
    """Lines are joined up to 1.30, but a proxy may be newer than the target: what is written is right for both readings."""
    rules = [
        route("a", headers={"x": {"exact": "1"}}),
        route("b", uri={"exact": "/p"}, headers={"x": {"exact": "2"}}),
        route("web"),
    ]
    assert len(made(rules)) == 4
    assert made(rules, parse("1.30.4")) == made(rules)


# --- long lists -----------------------------------------------------------------------------------------------------


def test_long_lists_are_parted_within_the_limits() -> None:
    rules: list[Rule] = [
        {"matches": [{"n": n} for n in range(count)], "n": number} for number, count in enumerate([100, 1, 60, 64, 64, 1] * 5)
    ]
    found = distribute.parts(rules)
    for part in found:
        assert len(part) <= 16
        assert all(len(rule["matches"]) <= 64 for rule in part)
        assert sum(len(rule["matches"]) for rule in part) <= 128
    assert [(rule["n"], match) for part in found for rule in part for match in rule["matches"]] == [
        (rule["n"], match) for rule in rules for match in rule["matches"]
    ]
    names = distribute.names(120)
    assert names == sorted(names)
    assert distribute.names(1) == [""]


def test_rules_that_do_the_same_come_together_where_one_object_then_holds_them() -> None:
    """Forty headers at `/`: patterns give each a rank of its own, so that only two backends make two rules and the rest."""
    rules = [*(route("ab"[n % 2], headers={f"x-{n}": {"exact": "1"}}) for n in range(40)), route("web")]
    (found,) = routes(convert((world(rules),), (), check=nothing))
    assert [len(rule["matches"]) for rule in found["spec"]["rules"]] == [20, 20, 1]


def test_equal_ranks_never_stand_in_several_objects() -> None:
    """Forty headers at `/`, each with a time-out of its own: as prefixes their age would decide, so patterns do."""
    timed = [route("a", headers={f"x-{n}": {"exact": "1"}}) | {"timeout": f"{n + 1}s"} for n in range(40)]
    mesh = world([*timed, route("web")])
    conversion = convert((mesh,), (), check=nothing)
    found = routes(conversion)
    assert [each["metadata"]["name"] for each in found] == ["web-01", "web-02", "web-03"]
    lengths = [len(match["path"]["value"]) for each in found for rule in each["spec"]["rules"] for match in rule["matches"]]
    assert lengths == sorted(set(lengths), reverse=True)
    end = after(mesh, conversion.changes)
    for first, second in ((3, 30), (10, 11), (0, 39)):
        request = Request(HOST, 9080, "GET", "/", HOST, ((f"x-{second}", "1"), (f"x-{first}", "1")))
        assert sidecar.decide(mesh, Client("shop"), request) == waypoint.decide(end, request)


def test_every_pattern_compiles_and_fits() -> None:
    rules = [route("ab"[n % 2], uri={"prefix": "/a" * (1 + n % 9)}, headers={f"x-{n}": {"prefix": "("}}) for n in range(128)]
    found: list[Rule] = [
        text
        for each in routes(convert((world(rules),), (), check=nothing))
        for rule in each["spec"]["rules"]
        for match in rule["matches"]
        for text in (match["path"], *match["headers"])
    ]
    assert len(found) > 128
    for text in found:
        assert len(text["value"]) <= 1024
        re2.compile(text["value"])
