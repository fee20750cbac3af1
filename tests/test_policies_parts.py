"""The parts of the split: paths before rewrites, ports of Services, names and spread of waypoints, who moves with whom."""

from __future__ import annotations

from pathlib import Path
from textwrap import dedent

import pytest

from ambimigrate.analyse import analyse
from ambimigrate.changes import Create, Stage
from ambimigrate.convert import Choice, Conversion, convert
from ambimigrate.converters import policies, serving
from ambimigrate.converters.outcome import Refused
from ambimigrate.converters.policies import answers, classify, ports, rewrites, trust
from ambimigrate.converters.settings import Accepted, Settings
from ambimigrate.kinds import AuthorizationPolicy, Service
from ambimigrate.kinds.security import Condition, Operation, Rule, RuleFrom, RuleTo, Source
from ambimigrate.model import Mesh, Resource, Target
from ambimigrate.sources.read import read_files
from ambimigrate.versions import NEWEST, NEWEST_GATEWAY_API
from tests.conftest import FIXTURES

CLOSED = Settings(close_direct_access=True)
POLICIES = FIXTURES / "policies"
CALLER = """\
---
apiVersion: v1
kind: Namespace
metadata: {name: web, labels: {istio-injection: enabled}}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: web, namespace: web}
spec:
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec: {serviceAccountName: ops, containers: [{name: app, image: app, env: [{name: URL, value: http://web.shop.svc}]}]}
"""
APP = """\
apiVersion: v1
kind: Namespace
metadata: {name: shop, labels: {istio-injection: enabled}}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: web, namespace: shop}
spec:
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      containers: [{name: app, image: app, ports: [{name: main, containerPort: 8080}, {containerPort: 9090}]}]
---
apiVersion: v1
kind: Service
metadata: {name: web, namespace: shop}
spec:
  selector: {app: web}
  ports:
    - {name: http, port: 80, targetPort: main}
    - {name: http-2, port: 81, targetPort: 8080}
    - {name: http-3, port: 90, targetPort: 9090}
"""
ROUTES = """\
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: web, namespace: shop}
spec:
  hosts: [web]
  http:
"""


def mesh_of(folder: Path, text: str, domain: str | None = None) -> Mesh:
    (folder / "all.yaml").write_text(text, encoding="utf-8")
    return read_files([str(folder)], Target(NEWEST, NEWEST_GATEWAY_API, trust_domain=domain)).meshes[0]


def routed(folder: Path, http: str) -> tuple[Mesh, Resource[Service]]:
    mesh = mesh_of(folder, APP + ROUTES + "".join(f"    {line}\n" for line in dedent(http).strip().splitlines()))
    service = mesh.find(Service, "shop", "web")
    assert service is not None
    return mesh, service


def asking(*paths: str) -> Rule:
    return Rule(to=(RuleTo(operation=Operation(paths=paths)),))


# --- paths ------------------------------------------------------------------------------------------------------------


PREFIX = "- {match: [{uri: {prefix: /v1/}}], rewrite: {uri: /}, route: [{destination: {host: web}}]}\n"


@pytest.mark.parametrize(
    ("http", "paths", "wanted"),
    [
        (PREFIX, ["/admin*"], ("/admin*", "/v1/admin*")),  # A20
        (PREFIX, ["/admin"], ("/admin", "/v1/admin")),
        (PREFIX, ["/*"], ("/*", "/v1/*")),
        (PREFIX + "- {route: [{destination: {host: web}}]}", ["/admin*"], ("/admin*", "/v1/admin*")),
        (
            "- {match: [{uri: {exact: /old}}], rewrite: {uri: /new}, route: [{destination: {host: web}}]}",
            ["/new"],
            ("/new", "/old"),
        ),
        ("- {match: [{uri: {prefix: /a}}], timeout: 1s, route: [{destination: {host: web}}]}", ["*suffix"], ("*suffix",)),
    ],
)
def test_paths_are_those_of_callers(tmp_path: Path, http: str, paths: list[str], wanted: tuple[str, ...]) -> None:
    mesh, service = routed(tmp_path, http)
    found = rewrites.translated(mesh, asking(*paths), 0, service).to[0].operation
    assert found is not None
    assert found.paths == wanted


@pytest.mark.parametrize(
    ("http", "paths"),
    [
        (PREFIX, ["*.html"]),
        (PREFIX, ["/{*}/admin"]),
        ("- {match: [{uri: {regex: '/a.*'}}], rewrite: {uri: /}, route: [{destination: {host: web}}]}", ["/admin"]),
        (
            "- {match: [{uri: {prefix: /a}, port: 80}], rewrite: {uri: /}, route: [{destination: {host: web}}]}",
            ["/b"],
        ),
        ("- {match: [{uri: {prefix: /admin}}], rewrite: {uri: /public}, route: [{destination: {host: web}}]}", ["/adm*"]),
        ("- {rewrite: {uriRegexRewrite: {match: a, rewrite: b}}, route: [{destination: {host: web}}]}", ["/a"]),
    ],
)
def test_paths_that_cannot_be_undone_are_refused(tmp_path: Path, http: str, paths: list[str]) -> None:
    mesh, service = routed(tmp_path, http)
    with pytest.raises(Refused):
        rewrites.translated(mesh, asking(*paths), 0, service)


def test_hosts_and_headers_that_routes_change_are_refused(tmp_path: Path) -> None:
    http = "- {rewrite: {authority: other}, headers: {request: {set: {x-tier: gold}}}, route: [{destination: {host: web}}]}"
    mesh, service = routed(tmp_path, http)
    for rule in (
        Rule(to=(RuleTo(operation=Operation(hosts=("web",))),)),
        Rule(when=(Condition(key="request.headers[X-Tier]", values=("gold",)),)),
    ):
        with pytest.raises(Refused):
            rewrites.translated(mesh, rule, 0, service)


def test_what_routes_answer_is_admitted_but_not_what_they_pass_on(tmp_path: Path) -> None:
    mesh, service = routed(
        tmp_path, "- {match: [{uri: {exact: /old}}], redirect: {uri: /new}}\n- {route: [{destination: {host: web}}]}"
    )
    assert answers.admitted(mesh, service) == asking("/old")  # A26
    first = "- {match: [{uri: {exact: /old/x}}], route: [{destination: {host: web}}]}\n"
    mesh, service = routed(tmp_path, first + "- {match: [{uri: {prefix: /old}}], redirect: {uri: /new}}")
    with pytest.raises(Refused):
        answers.admitted(mesh, service)


# --- ports ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("operation", "wanted"),
    [
        (Operation(ports=("8080",)), (RuleTo(operation=Operation(ports=("80", "81"))),)),  # A21
        (Operation(ports=("9090", "7")), (RuleTo(operation=Operation(ports=("90",))),)),
        (Operation(ports=("7",)), None),
        (Operation(not_ports=("7",)), ()),
        (
            Operation(not_ports=("7", "9090"), methods=("GET",)),
            (RuleTo(operation=Operation(not_ports=("90",), methods=("GET",))),),
        ),
    ],
)
def test_ports_are_those_of_the_service(tmp_path: Path, operation: Operation, wanted: tuple[RuleTo, ...] | None) -> None:
    mesh, service = routed(tmp_path, "- {route: [{destination: {host: web}}]}")
    found = ports.translated(mesh, Rule(to=(RuleTo(operation=operation),)), 0, (service,))
    assert (found.to if found else None) == wanted
    values, excepted = operation.ports, operation.not_ports
    when = Rule(when=(Condition(key="destination.port", values=values, not_values=excepted),))
    assert (ports.translated(mesh, when, 0, (service,)) is None) is (wanted is None)


# --- identities -------------------------------------------------------------------------------------------------------

WAYPOINT = "cluster.local/ns/shop/sa/waypoint"


@pytest.mark.parametrize(
    ("source", "met"),
    [
        (Source(namespaces=("shop",)), True),
        (Source(namespaces=("web",)), False),
        (Source(not_namespaces=("web",)), True),
        (Source(principals=("*/sa/waypoint",)), True),
        (Source(principals=("*",), not_principals=(WAYPOINT,)), False),
        (Source(service_accounts=("shop/waypoint",)), True),
        (Source(request_principals=("*",)), True),
    ],
)
def test_whom_a_source_means(source: Source, met: bool) -> None:
    assert classify.meets(Rule(from_=(RuleFrom(source=source),)), WAYPOINT) is met


def test_the_trust_domain_is_told_configured_agreed_or_assumed(tmp_path: Path) -> None:
    policy = "---\napiVersion: security.istio.io/v1\nkind: AuthorizationPolicy\nmetadata: {name: a, namespace: shop}\nspec:\n"
    rules = "  rules: [{from: [{source: {principals: [cluster.local/ns/a/sa/a, one.example/ns/b/sa/b]}}]}]\n"
    assert trust.domain(mesh_of(tmp_path, APP)) == trust.Domain("cluster.local", assumed=True)
    assert trust.domain(mesh_of(tmp_path, APP + policy + rules)) == trust.Domain("one.example")
    assert trust.domain(mesh_of(tmp_path, APP + policy + rules, "told.example")) == trust.Domain("told.example")


# --- waypoints --------------------------------------------------------------------------------------------------------


def conversion(case: str, choice: Choice) -> Conversion:
    meshes = read_files([str(POLICIES / case / "input")], Target(NEWEST, NEWEST_GATEWAY_API)).meshes
    return convert(meshes, analyse(meshes), choice)


def gateways(found: Conversion) -> dict[tuple[str, str], object]:
    return {
        (each.ref.namespace, each.ref.name): each.action.value["spec"]["listeners"][0]["allowedRoutes"]["namespaces"]["from"]
        for each in found.changes
        if each.ref.kind == "Gateway" and isinstance(each.action, Create)
    }


def test_waypoints_are_spread_as_asked() -> None:
    spread = {
        name: conversion("mesh-wide", Choice(settings=Settings(close_direct_access=True, spread=name)))
        for name in ("namespace", "service", "shared")
    }
    assert not any(each.held for each in spread.values())
    assert gateways(spread["namespace"]) == {("app", "waypoint"): "Same", ("web", "waypoint"): "Same"}
    assert sorted(gateways(spread["service"])) == [
        ("app", "ratings-waypoint"),
        ("app", "reviews-waypoint"),
        ("web", "ops-waypoint"),
        ("web", "web-waypoint"),
    ]
    assert gateways(spread["shared"]) == {("app", "waypoint"): "Selector"}


def test_a_name_that_istiod_would_take_is_passed_over(tmp_path: Path) -> None:
    taken = APP + "---\napiVersion: v1\nkind: ServiceAccount\nmetadata: {name: waypoint, namespace: shop}\n"
    mesh = mesh_of(tmp_path, taken)
    assert serving.plan(mesh, "shop", ["web"], CLOSED).by_service["shop", "web"].name == "waypoint-2"


def test_callers_with_sidecars_that_do_not_move_hold_the_policy() -> None:
    alone = conversion("allow-by-request", Choice(("app",), settings=CLOSED))
    assert {each.ref.name for each in alone.held if each.because == ("AP906",)} == {"a04", "a05"}
    assert not conversion("allow-by-request", Choice(("app",), Stage.bind, settings=CLOSED)).held
    assert not conversion("allow-by-request", Choice(settings=CLOSED)).held


def test_closing_is_agreed_to_by_name() -> None:
    held = conversion("deny-by-request", Choice())
    assert {each.ref.name for each in held.held if each.because == ("AP905",)} == {"a01", "a03"}
    agreed = conversion("deny-by-request", Choice(settings=Settings(accepted=(Accepted("AP905", "app", "*"),))))
    assert not agreed.held
    assert {each.verdict for each in agreed.changes if each.because == ("AP905",)} == {"differs"}


def test_policies_by_identity_without_a_waypoint_stay() -> None:
    found = conversion("identities-behind-waypoint", Choice(settings=CLOSED))
    assert not [each for each in found.changes if each.ref.kind == "AuthorizationPolicy" and each.namespace == "web"]


def test_policies_of_no_pods_are_named(tmp_path: Path) -> None:
    lost = "---\napiVersion: security.istio.io/v1\nkind: AuthorizationPolicy\nmetadata: {name: lost, namespace: shop}\n"
    mesh = mesh_of(tmp_path, APP + lost + "spec: {selector: {matchLabels: {app: gone}}, rules: [{}]}\n")
    assert [each.name for each, _ in policies.untouched(mesh)] == ["lost"]
    assert mesh.of(AuthorizationPolicy)
