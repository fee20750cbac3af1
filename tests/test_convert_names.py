"""What a conversion brings is named in its report: warnings of its end state, and settings that nobody carries out any more."""

from __future__ import annotations

import pytest

from tests.oracle import worlds
from tests.oracle.worlds import Tree, app, namespace, rule, thing, vs

MESH = [namespace("shop"), *app("web")]
FAULT = vs("held", worlds.http(rule("web", "fault: {abort: {httpStatus: 500, percentage: {value: 1}}}"), hosts="web"))
CALLER = [namespace("desk"), *app("desk", namespace="desk")]


def calling(host: str) -> list[Tree]:
    """The namespace of a caller whose pods name a host."""
    found = [*CALLER]
    spec = found[2]["spec"]["template"]["spec"]
    container = {**spec["containers"][0], "env": [{"name": "URL", "value": f"http://{host}"}]}
    template = {**found[2]["spec"]["template"], "spec": {"containers": [container]}}
    found[2] = {**found[2], "spec": {"template": template}}
    return found


def dr(text: str, name: str = "web") -> Tree:
    return thing("DestinationRule", name, f"{{host: {name}, trafficPolicy: {{{text}}}}}")


def notes(*objects: Tree) -> list[str]:
    return list(worlds.checked(worlds.read(objects)).notes)


def test_warnings_of_the_end_state_are_named_once_for_each_rule() -> None:
    places = ("desk", "mill", "port", "yard")
    timed = [vs("web", worlds.http(rule("web", "timeout: 1s"), hosts="web"), each) for each in places]
    apps = [each for place in places for each in (namespace(place), *app("web", namespace=place))]
    (said,) = [each for each in notes(*apps, *timed) if "GW007" in each]
    assert said.startswith("the scan of the end state warns of Deployment desk/web, Deployment mill/web, Deployment port/web")
    assert "and 1 more: GW007 no container of Deployment web has a preStop hook" in said


def test_what_was_found_before_is_no_news() -> None:
    assert notes(*MESH) == []


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("loadBalancer: {simple: RANDOM}", "DestinationRule shop/web: ztunnel balances connections to web in its own way"),
        ("loadBalancer: {simple: UNSPECIFIED}", ""),
        ("tls: {mode: ISTIO_MUTUAL}", ""),
    ],
)
def test_a_lost_choice_of_balancing_is_named(text: str, said: str) -> None:
    found = notes(*MESH, dr(text))
    assert (found[0].partition(", not by")[0] if found else "") == said


def test_settings_that_a_held_namespace_keeps_are_named_for_callers_that_move() -> None:
    found = notes(*MESH, FAULT, dr("connectionPool: {tcp: {maxConnections: 1}}"), *CALLER)
    (said,) = [each for each in found if each.startswith("DestinationRule")]
    assert said.startswith("DestinationRule shop/web: web: no waypoint serves web, so ambient callers lose connectionPool.")
    assert said.endswith("That holds for callers of desk once they are ambient.")


def test_callers_of_a_service_towards_which_sidecars_start_tls_wait_for_it() -> None:
    held = [*MESH, dr("tls: {mode: SIMPLE}"), vs("held", worlds.http(rule("other", "timeout: 1s"), hosts="other"))]
    found = worlds.checked(worlds.read([*held, *calling("web.shop:9080")]))
    reasons = {each.reason for each in found.held if each.ref.name == "desk"}
    assert reasons == {"it calls shop, as Deployment desk/desk shows; only sidecars follow DestinationRule web there"}


def test_warnings_about_who_stays_are_named_too() -> None:
    other = [namespace("desk"), *app("desk", namespace="desk")]
    timed = vs("desk", worlds.http(rule("desk", "timeout: 1s"), hosts="desk"), "desk")
    past = vs("past", worlds.http(rule("desk.desk.svc.cluster.local"), hosts="web"))
    (said,) = [each for each in notes(*MESH, FAULT, past, *other, timed) if "VS011" in each]
    assert said.startswith("the scan of the end state warns of VirtualService shop/past: VS011")
