"""The authorization vectors A01 to A28: convert makes of each what decides as before at every stage, or holds it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pytest
import yaml

from ambimigrate.changes import Stage
from ambimigrate.convert import Choice, Conversion, after, convert
from ambimigrate.converters.settings import Accepted, Settings
from ambimigrate.kinds import AuthorizationPolicy, Service
from ambimigrate.model import Mesh
from ambimigrate.semantics import authz
from tests.oracle import letting, policies, worlds
from tests.oracle.worlds import Tree, app, namespace, rule, service, vs
from tests.semantics.test_authz import CLAIMS

BY_ID = {each["id"]: each for each in yaml.safe_load_all(CLAIMS.read_text(encoding="utf-8"))}
CLOSED, OPEN = Settings(close_direct_access=True), Settings()
MESH = {
    "apiVersion": "v1",
    "kind": "ConfigMap",
    "metadata": {"name": "istio", "namespace": "istio-system"},
    "data": {
        "mesh": "trustDomain: cluster.local\n"
        "extensionProviders: [{name: oauth, envoyExtAuthzHttp: {service: oauth.web.svc.cluster.local, port: 80}},"
        " {name: asked, envoyExtAuthzGrpc: {service: asked.web.svc.cluster.local, port: 81}}]\n"
    },
}
WEB = "cluster.local/ns/web/sa/web"
SELECTOR: Tree = {"selector": {"matchLabels": {"app": "reviews"}}}


def policy(spec: Tree | str, name: str = "p", place: str = worlds.SHOP) -> Tree:
    return policies.security("AuthorizationPolicy", name, yaml.safe_load(spec) if isinstance(spec, str) else spec, place)


def world(*objects: Tree, ports: tuple[tuple[int, int], ...] = ((80, 8080),)) -> Mesh:
    """Service reviews with its pods, a caller in another namespace, and these objects."""
    listed = [{"name": f"http-{port}", "port": port, "targetPort": target} for port, target in ports]
    caller = policies.pods("web", "web", "web")
    own = [MESH, namespace(worlds.SHOP), namespace("web"), caller, policies.pods("reviews")]
    given = {each["metadata"]["name"] for each in objects if each["kind"] == "Service"}
    own += [] if "reviews" in given else [service("reviews", selector={"app": "reviews"}) | {"spec": _spec(listed)}]
    return worlds.read([*own, *objects])


def _spec(ports: list[Tree]) -> Tree:
    return {"selector": {"app": "reviews"}, "ports": ports}


def at(mesh: Mesh, settings: Settings, stage: Stage = Stage.tighten) -> Conversion:
    return convert((mesh,), (), Choice(stage=stage, settings=settings), check=worlds.nothing)


def settled(mesh: Mesh, settings: Settings) -> Mesh | None:
    """The end state, None if the namespace is held; at no stage anybody is judged otherwise without a word."""
    first = next(letting.unnamed(mesh, lambda stage: at(mesh, settings, stage)), None)
    assert first is None, str(first)
    conversion = at(mesh, settings)
    if any(each.namespace == worlds.SHOP for each in conversion.held):
        return None
    return after(mesh, conversion.changes)


def through(mesh: Mesh, path: str, port: int = 80, method: str = "GET", **more: str) -> str:
    """The verdict about an ambient caller that calls the Service; `more`: its principal, and the Service `to` which."""
    to, principal = more.get("to", "reviews"), more.get("principal", WEB)
    found = mesh.find(Service, worlds.SHOP, to)
    assert found is not None
    call = authz.Call(authz.Caller(principal, "10.244.0.9", captured=True), found, port, authz.Request(method, path, to))
    return next(iter(authz.decide(mesh, call).values())).verdict.value


def copies(mesh: Mesh) -> list[Any]:
    """The rules of the copies for waypoints."""
    found = [each for each in mesh.of(AuthorizationPolicy) if each.body.spec.target_refs]
    return [each.body.spec for each in sorted(found, key=lambda each: (each.namespace, each.name))]


# --- one proxy: A01 to A12 ------------------------------------------------------------------------------------------

NEED_CLOSING = {"A01", "A02", "A03", "A04", "A05", "A10"}  # policies about requests
IMPOSSIBLE = {"A06", "A07"}  # trust domains, which ztunnel leaves out: principals have to be written


@pytest.mark.parametrize("settings", [OPEN, CLOSED], ids=["open", "closed"])
@pytest.mark.parametrize("name", sorted(BY_ID))
def test_one_policy_decides_as_before_or_is_held(name: str, settings: Settings) -> None:
    objects = [policy({**SELECTOR, **each}, f"p{number}") for number, each in enumerate(BY_ID[name]["policies"])]
    for each in (objects, [policy({**one["spec"], "selector": None}, one["metadata"]["name"]) for one in objects]):
        mesh = world(*each, ports=((80, 8080), (90, 9090)))
        end = settled(mesh, settings)
        is_held = name in IMPOSSIBLE or (name in NEED_CLOSING and settings is OPEN)
        assert (end is None) is is_held
        if end is not None:
            _same(BY_ID[name]["cases"], mesh, end)


def _same(cases: Iterable[Tree], before: Mesh, end: Mesh) -> None:
    for case in cases:
        if case["principal"] == "cluster.local/ns/app/sa/waypoint":
            continue  # what the waypoint opens is part of every call through it
        port = {8080: 80, 9090: 90}[case["port"]]
        assert through(before, case["path"], port, case["method"], principal=case["principal"]) == case["sidecar"]
        assert through(end, case["path"], port, case["method"], principal=case["principal"]) == case["sidecar"]


# --- several proxies: A20 to A28 ------------------------------------------------------------------------------------

NO_ADMIN = '{selector: {matchLabels: {app: reviews}}, action: DENY, rules: [{to: [{operation: {paths: ["/admin*"]}}]}]}'


def reviews_vs(*rules: str) -> Tree:
    return vs("reviews", f"{{hosts: [reviews], http: [{', '.join(rules)}]}}")


def test_a20_paths_before_the_rewrite() -> None:
    rewriting = rule("reviews", "match: [{uri: {prefix: /v1/}}]", "rewrite: {uri: /}")
    mesh = world(reviews_vs(rewriting, rule("reviews")), policy(NO_ADMIN))
    end = settled(mesh, CLOSED)
    assert end is not None
    assert [through(end, path) for path in ("/v1/admin/x", "/admin", "/v1/x", "/x")] == ["deny", "deny", "allow", "allow"]
    assert {path for spec in copies(end) for one in spec.rules for to in one.to for path in to.operation.paths} == {
        "/admin*",
        "/v1/admin*",
    }


def test_a21_ports_of_the_service() -> None:
    closed = policy(
        "{selector: {matchLabels: {app: reviews}}, action: DENY,"
        ' rules: [{to: [{operation: {ports: ["8080"], methods: [POST]}}]}]}'
    )
    end = settled(world(closed, ports=((80, 8080), (81, 8080), (90, 9090))), CLOSED)
    assert end is not None
    assert [through(end, "/", port, "POST") for port in (80, 81, 90)] == ["deny", "deny", "allow"]
    assert through(end, "/", 80) == "allow"


def test_a22_the_way_past_the_waypoint_is_closed() -> None:
    mesh = world(policy(NO_ADMIN))
    assert settled(mesh, OPEN) is None
    end = settled(mesh, CLOSED)
    assert end is not None
    found = end.find(Service, worlds.SHOP, "reviews")
    assert found is not None
    for caller in (authz.Caller(WEB, "10.244.0.9"), authz.Caller(None, "10.9.0.9")):
        verdicts = authz.decide(end, authz.Call(caller, found, 80, authz.Request("GET", "/x", "reviews"))).values()
        assert {each.verdict for each in verdicts} == {authz.Verdict.DENY}


VERSIONED = [policies.pods("reviews", labels={"version": "v1"}), policies.pods("reviews", labels={"version": "v2"})]
OF_V2 = "{selector: {matchLabels: {version: v2}}, action: DENY, rules: [{to: [{operation: {methods: [POST]}}]}]}"


def test_all_rules_about_requests_go_and_the_guard_stays() -> None:
    rules = [{"to": [{"operation": {"paths": [path]}}]} for path in ("/a*", "/b*", "/c*")]
    l4 = {"from": [{"source": {"namespaces": ["ops"]}}]}
    for order in ([*rules, l4], [l4, *rules], [rules[0], l4, *rules[1:]]):
        end = settled(world(policy({**SELECTOR, "action": "DENY", "rules": order})), CLOSED)
        assert end is not None
        left = [each.body.spec for each in end.of(AuthorizationPolicy) if not each.body.spec.target_refs]
        assert [sum(bool(one.to) for one in spec.rules or ()) for spec in left] == [0]
        assert [len(spec.rules or ()) for spec in left] == [2]


def test_a23_a_policy_for_some_pods_of_a_service_is_held() -> None:
    assert settled(world(*VERSIONED, policy(OF_V2)), CLOSED) is None


def test_a23_a_policy_for_all_pods_of_several_services_holds_for_each() -> None:
    more = service("more", 80, selector={"app": "reviews"})
    end = settled(world(more, policy(NO_ADMIN)), CLOSED)
    assert end is not None
    assert [through(end, "/admin", to=to) for to in ("reviews", "more")] == ["deny", "deny"]


def test_a24_versioned_services_are_no_open_doors() -> None:
    """The versioned Services that convert makes for subsets carry the policies of their Service, or nothing moves."""
    subsets = worlds.thing(
        "DestinationRule",
        "reviews",
        "{host: reviews, subsets: [{name: v1, labels: {version: v1}}, {name: v2, labels: {version: v2}}]}",
    )
    to_v2 = "{route: [{destination: {host: reviews, subset: v2}}]}"
    reading = policy("{selector: {matchLabels: {app: reviews}}, rules: [{to: [{operation: {methods: [GET]}}]}]}")
    mesh = world(*VERSIONED, subsets, reviews_vs(to_v2), reading)
    end = settled(mesh, CLOSED)
    assert end is None or all(
        through(end, "/", method="POST", to=each.name) == "deny" for each in end.within(Service, worlds.SHOP)
    )


def test_a25_routes_to_another_service_are_held() -> None:
    onward = rule("ratings", "match: [{uri: {prefix: /ratings}}]")
    closed = policy(
        "{selector: {matchLabels: {app: ratings}}, action: DENY, rules: [{to: [{operation: {methods: [DELETE]}}]}]}"
    )
    mesh = world(*app("ratings", 80), reviews_vs(onward, rule("reviews")), closed)
    assert settled(mesh, CLOSED) is None


def test_a26_what_routes_answer_is_admitted() -> None:
    answering = "{match: [{uri: {exact: /old}}], redirect: {uri: /new}}"
    only_new = policy('{selector: {matchLabels: {app: reviews}}, rules: [{to: [{operation: {paths: ["/new"]}}]}]}')
    end = settled(world(reviews_vs(answering, rule("reviews")), only_new), CLOSED)
    assert end is not None
    assert [through(end, path) for path in ("/new", "/old", "/x")] == ["allow", "allow", "deny"]


ASKED = (
    "{selector: {matchLabels: {app: reviews}}, action: CUSTOM, provider: {name: oauth},"
    ' rules: [{to: [{operation: {paths: ["/app*"]}}]}]}'
)


def test_a27_external_authorizers_are_asked_at_the_waypoint() -> None:
    mesh = world(policy(ASKED))
    assert settled(mesh, OPEN) is None
    end = settled(mesh, CLOSED)
    assert end is not None
    assert [through(end, path) for path in ("/app/x", "/x")] == ["ask", "allow"]


def test_a27_an_authorizer_that_is_not_configured_is_named() -> None:
    found = at(world(policy(ASKED.replace("name: oauth", "name: other"))), CLOSED).held
    assert ("AP908",) in {each.because for each in found}


@pytest.mark.parametrize("place", ["istio-system", worlds.SHOP])
def test_a28_policies_of_a_namespace_or_of_all(place: str) -> None:
    mesh = world(policy('{action: DENY, rules: [{to: [{operation: {paths: ["/debug*"]}}]}]}', place=place))
    assert settled(mesh, OPEN) is None
    end = settled(mesh, CLOSED)
    assert end is not None
    assert [through(end, path) for path in ("/debug", "/x")] == ["deny", "allow"]
    assert all(any(ref.kind in {"GatewayClass", "Gateway", "Service"} for ref in spec.target_refs) for spec in copies(end))


# --- the oracle itself ----------------------------------------------------------------------------------------------


def test_the_oracle_sees_what_is_open() -> None:
    """Without its guard the conversion of A01 lets in who calls a pod by its address."""
    mesh = world(policy(NO_ADMIN))
    changes = tuple(each for each in at(mesh, CLOSED, Stage.enroll).changes if "AP905" not in each.because)
    found = next(letting.differing("enroll", mesh, after(mesh, changes), changes, 30), None)
    assert found is not None
    assert found.found.kind == "wider"


# --- policies that begin to judge -----------------------------------------------------------------------------------

BOUND = [
    namespace(worlds.SHOP, **{"istio-injection": "enabled", "istio.io/use-waypoint": "gate"}),
    worlds.thing("Gateway", "gate", worlds.WAYPOINT),
]
ON_SERVICE = "targetRefs: [{group: '', kind: Service, name: reviews}]"
BEGINNING = {
    "an ALLOW": f"{{{ON_SERVICE}, rules: [{{to: [{{operation: {{methods: [GET]}}}}]}}]}}",
    "an authorizer": f"{{{ON_SERVICE}, action: CUSTOM, provider: {{name: oauth}}, rules: [{{}}]}}",
}


@pytest.mark.parametrize("name", BEGINNING)
def test_a_policy_of_a_waypoint_begins_to_judge_only_if_that_was_agreed_to(name: str) -> None:
    mesh = world(*BOUND, policy(BEGINNING[name]))
    assert settled(mesh, OPEN) is None
    assert settled(mesh, Settings((Accepted("NS910", worlds.SHOP, "p"),))) is not None


def test_a_guard_for_sidecars_on_a_tcp_port_refuses_nobody() -> None:
    database = service("reviews", selector={"app": "reviews"}, ports=[{"name": "tcp-db", "port": 5432}])
    deny = "{from: [{source: {namespaces: [web]}}], to: [{operation: {hosts: [x]}}]}"
    mesh = world(database, policy(f"{{selector: {{matchLabels: {{app: reviews}}}}, action: DENY, rules: [{deny}]}}"))
    for settings in (OPEN, CLOSED):
        settled(mesh, settings)


ANSWERING = reviews_vs("{match: [{uri: {exact: /old}}], redirect: {uri: /new}}", rule("reviews"))
JUDGING = {
    "a DENY": "{action: DENY, rules: [{}]}",
    "a DENY of one path": "{action: DENY, rules: [{to: [{operation: {paths: [/old]}}]}]}",
    "a DENY elsewhere": "{action: DENY, rules: [{to: [{operation: {paths: [/admin]}}]}]}",
    "a DENY of callers": "{action: DENY, rules: [{from: [{source: {namespaces: [web]}}]}]}",
    "an authorizer": "{action: CUSTOM, provider: {name: oauth}, rules: [{}]}",
}


@pytest.mark.parametrize("name", JUDGING)
def test_a26_what_routes_answer_is_judged_by_no_copy(name: str) -> None:
    mesh = world(ANSWERING, policy({**SELECTOR, **yaml.safe_load(JUDGING[name])}))
    for settings in (OPEN, CLOSED):
        settled(mesh, settings)
    (copy,) = copies(after(mesh, at(mesh, CLOSED, Stage.policies).changes))
    operations = [each.operation for one in copy.rules or () for each in one.to]
    assert all(each and "/old" in each.not_paths for each in operations) is (name != "a DENY elsewhere")


@pytest.mark.parametrize(("methods", "holds"), [("", True), ("methods: [GET]", False), ("notMethods: [OPTIONS]", False)])
def test_a26_preflights_that_a_deny_would_judge_hold_it(methods: str, holds: bool) -> None:
    cors = "corsPolicy: {allowOrigins: [{exact: 'https://a.example'}], unmatchedPreflights: IGNORE}"
    answering = reviews_vs(rule("reviews", cors))
    deny = f"{{paths: [/admin]{', ' + methods if methods else ''}}}"
    mesh = world(answering, policy(f"{{{_selected()}, action: DENY, rules: [{{to: [{{operation: {deny}}}]}}]}}"))
    settled(mesh, CLOSED)
    assert any(each.because == ("AP901",) for each in at(mesh, CLOSED).held) is holds


def _selected() -> str:
    return "selector: {matchLabels: {app: reviews}}"


def test_token_checks_get_a_guard_of_their_own_where_that_of_a_policy_means_some_callers_only() -> None:
    deny = "{action: DENY, rules: [{from: [{source: {namespaces: [web]}}], to: [{operation: {hosts: [reviews]}}]}]}"
    tokens = policies.security(
        "RequestAuthentication",
        "jwt",
        {**SELECTOR, "jwtRules": [{"issuer": "https://a.example", "jwksUri": "https://a.example/k"}]},
    )
    mesh = world(policy({**SELECTOR, **yaml.safe_load(deny)}), tokens)
    assert settled(mesh, OPEN) is None
    guards = {each.ref.name for each in at(mesh, CLOSED).changes if each.ref.name.endswith("-direct")}
    assert guards == {"jwt-direct"}
    assert settled(mesh, CLOSED) is not None
    assert settled(world(policy({**SELECTOR, **yaml.safe_load(NO_ADMIN)}), tokens), CLOSED) is not None


def test_connections_that_sidecars_refuse_before_their_pods_are_ambient_are_named() -> None:
    database = service("reviews", selector={"app": "reviews"}, ports=[{"name": "tcp-db", "port": 5432}])
    asking = policy({**SELECTOR, "action": "CUSTOM", "provider": {"name": "asked"}, "rules": [{}]})
    assert settled(world(database, asking), CLOSED) is not None
    (held,) = (each for each in at(world(database, asking), OPEN).held if each.because == ("AP905",))
    assert "from `swap` until its pods are ambient, connections to 5432 are refused" in held.reason
