"""What verify compares besides requests to Services: settings of DestinationRules, names outside, connections, and more."""

from __future__ import annotations

import pytest

from ambimigrate.verify import Difference, Settings, verify
from tests.oracle import worlds
from tests.oracle.worlds import Tree, app, at_waypoint, deployment, namespace, rule, service, thing, vs

SIDECARS = [namespace("shop")]
POOL = "connectionPool: {http: {http1MaxPendingRequests: 10}}"
SUBSET = "subsets: [{name: v1, labels: {version: v1}, trafficPolicy: {loadBalancer: {simple: RANDOM}}}]"


def differing(before: list[Tree], after: list[Tree], version: str = "") -> list[Difference]:
    found = verify((worlds.read(before, version),), (worlds.read(after, version),), Settings(requests=30)).differences
    return [each for each in found if not each.minor]


def rules(host: str, text: str) -> Tree:
    return thing("DestinationRule", host, f"{{host: {host}, {text}}}")


def test_a_lost_policy_is_a_difference() -> None:
    kept = [*app("web"), rules("web", f"trafficPolicy: {{{POOL}}}")]
    assert differing([*SIDECARS, *kept], [*at_waypoint(), *kept]) == []
    (found,) = differing([*SIDECARS, *kept], [*at_waypoint(), *kept[:-1]])
    assert found.because.startswith("other settings of a DestinationRule: DestinationRule shop/web decides before")
    assert found.before.fields["policy"] == ['{"connectionPool": {"http": {"http1MaxPendingRequests": 10}}}']
    assert found.after.fields["policy"] == [""]


VERSIONED = [service("web"), deployment("web", version="v1"), deployment("web", version="v2")]
BY_SUBSET = [vs("web", worlds.http(rule("web, subset: v1"), hosts="web")), rules("web", f"trafficPolicy: {{{POOL}}}, {SUBSET}")]
OWN = thing("Service", "web-v1", "{selector: {app: web, version: v1}, ports: [{name: http-9080, port: 9080}]}")
ROUTE = thing("HTTPRoute", "web", worlds.bound("{backendRefs: [{name: web-v1, port: 9080}]}", to="web"))


@pytest.mark.parametrize(
    ("policy", "same"),
    [
        (f"{{{POOL}, loadBalancer: {{simple: RANDOM}}}}", True),
        (f"{{{POOL}}}", False),
        ("{loadBalancer: {simple: RANDOM}}", False),
        (f"{{portLevelSettings: [{{port: {{number: 9080}}, {POOL}, loadBalancer: {{simple: RANDOM}}}}]}}", True),
    ],
)
def test_a_versioned_service_needs_the_effective_policy_of_its_subset(policy: str, *, same: bool) -> None:
    before = [*SIDECARS, *VERSIONED, *BY_SUBSET]
    policies = rules("web", f"trafficPolicy: {{{POOL}}}"), rules("web-v1", f"trafficPolicy: {policy}")
    assert bool(differing(before, [*at_waypoint(), *VERSIONED, OWN, ROUTE, *policies])) is not same


def test_tls_between_sidecars_needs_no_counterpart() -> None:
    mutual = [*app("web"), rules("web", "trafficPolicy: {tls: {mode: ISTIO_MUTUAL}}")]
    assert differing([*SIDECARS, *mutual], [*at_waypoint(), *app("web")]) == []
    simple = [*app("web"), rules("web", "trafficPolicy: {tls: {mode: SIMPLE, sni: web}}")]
    assert differing([*SIDECARS, *simple], [*at_waypoint(), *app("web")])


ENTRY = thing("ServiceEntry", "api", "{hosts: [api.example], ports: [{number: 80, name: http, protocol: HTTP}]}")
AMBIENT = namespace("shop", **{"istio.io/dataplane-mode": "ambient"})


def test_names_outside_are_places_too() -> None:
    timed = vs("api", worlds.http(rule("api.example", "timeout: 1s"), hosts="api.example"))
    assert differing([*SIDECARS, ENTRY, timed], [*SIDECARS, ENTRY, timed]) == []
    (found,) = differing([*SIDECARS, ENTRY, timed], [AMBIENT, ENTRY, timed])
    assert found.place.host == "api.example"
    assert "another timeout" in found.because


DATABASES = [*app("db", 5432, protocol="tcp"), *app("db-next", 5432, protocol="tcp")]
TCP = vs("db", "{hosts: [db], tcp: [{route: [{destination: {host: db-next}}]}]}")
TLS = vs("db", "{hosts: [db], tls: [{match: [{sniHosts: [a.example]}], route: [{destination: {host: db-next}}]}]}")


@pytest.mark.parametrize(("rule_", "server"), [(TCP, "db.shop.svc.cluster.local"), (TLS, "a.example")])
def test_connections_are_compared(rule_: Tree, server: str) -> None:
    (found,) = differing([*SIDECARS, *DATABASES, rule_], [*SIDECARS, *DATABASES])
    assert not found.place.is_http
    assert found.ask.host == server
    assert found.before.fields["backends"] == [[100.0, ["shop/db-next:5432"]]]


def test_a_headless_service_loses_its_rules() -> None:
    headless = [service("db", clusterIP="None"), deployment("db"), vs("db", worlds.http(rule("db", "timeout: 1s"), hosts="db"))]
    (found,) = differing([*SIDECARS, *headless], [*at_waypoint(), *headless])
    assert "another timeout" in found.because


GRPC = [*app("greeter", protocol="grpc"), *app("next", protocol="grpc")]


def test_what_is_no_grpc_call_is_minor_on_ports_of_grpc() -> None:
    called = rule("next", "match: [{uri: {prefix: /p.S/}}]"), rule("greeter")
    before = [*SIDECARS, *GRPC, vs("g", worlds.http(*called, hosts="greeter"))]
    some = "{matches: [{method: {service: p.S}}], backendRefs: [{name: next, port: 9080}]}"
    rest = "{backendRefs: [{name: greeter, port: 9080}]}"
    after = [*at_waypoint(), *GRPC, thing("GRPCRoute", "g", worlds.bound(some, rest, to="greeter"))]
    assert differing(before, after) == []
    whole = verify((worlds.read(before),), (worlds.read(after),), Settings(requests=60)).differences
    assert "other backends for what is no gRPC call" in {each.because.partition(":")[0] for each in whole}


@pytest.mark.parametrize(("balancer", "minor"), [("RANDOM", True), ("PASSTHROUGH", False)])
def test_ztunnel_balances_in_its_own_way(balancer: str, *, minor: bool) -> None:
    trees = [*app("web"), rules("web", f"trafficPolicy: {{loadBalancer: {{simple: {balancer}}}}}")]
    assert bool(differing([*SIDECARS, *trees], [AMBIENT, *trees])) is not minor
    whole = verify((worlds.read([*SIDECARS, *trees]),), (worlds.read([AMBIENT, *trees]),), Settings(requests=30)).differences
    assert any("balances connections in its own way" in each.because for each in whole) is minor


HIDING = thing("Sidecar", "default", "{egress: [{hosts: ['other/*']}]}")
NEVER = vs("web", worlds.http(rule("web", "retries: {attempts: 0}"), hosts="web"))


@pytest.mark.parametrize(("own", "minor"), [(HIDING, True), (NEVER, False)])
def test_only_callers_that_did_not_know_the_host_gain_retries(own: Tree, *, minor: bool) -> None:
    before, end = [*SIDECARS, *app("web"), own], [*at_waypoint(), *app("web")]
    assert bool(differing(before, end)) is not minor
    whole = verify((worlds.read(before),), (worlds.read(end),), Settings(requests=30)).differences
    assert any("does not know the host" in each.because for each in whole) is minor
