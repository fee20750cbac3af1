"""Faults of other converters of AuthorizationPolicies that ours must not have: what they lose, invent and repeat.

The vendor's tool and the one proposed upstream drop `action` (a DENY becomes an ALLOW), aim policies at waypoints that
nobody declares, compare a policy's selector with the labels of Services instead of what these select, and write a copy
of a policy for every Service.
"""

from __future__ import annotations

import pytest

from ambimigrate.changes import Create
from ambimigrate.convert import after
from ambimigrate.kinds import AuthorizationPolicy, Gateway, RequestAuthentication, Service, TargetRef
from ambimigrate.model import Mesh
from ambimigrate.topology import waypoints
from tests.oracle import worlds
from tests.oracle.policies import pods, security
from tests.oracle.test_policies_claims import ASKED, CLOSED, at, policy, settled, through, world
from tests.oracle.worlds import Tree, service

BY_ACTION = {
    "ALLOW": "{selector: {matchLabels: {app: reviews}}, action: ALLOW, rules: [{to: [{operation: {methods: [GET]}}]}]}",
    "no action": "{selector: {matchLabels: {app: reviews}}, rules: [{to: [{operation: {methods: [GET]}}]}]}",
    "DENY": "{selector: {matchLabels: {app: reviews}}, action: DENY, rules: [{to: [{operation: {methods: [POST]}}]}]}",
    "AUDIT": "{selector: {matchLabels: {app: reviews}}, action: AUDIT, rules: [{to: [{operation: {methods: [POST]}}]}]}",
    "CUSTOM": ASKED,
}


def created(mesh: Mesh) -> list[Tree]:
    """The AuthorizationPolicies with targetRefs that convert makes."""
    values = [each.action.value for each in at(mesh, CLOSED).changes if isinstance(each.action, Create)]
    return [dict(each) for each in values if each["kind"] == "AuthorizationPolicy" and "targetRefs" in each["spec"]]


@pytest.mark.parametrize("name", BY_ACTION)
def test_a_copy_keeps_its_action(name: str) -> None:
    (copy,) = created(world(policy(BY_ACTION[name])))
    assert copy["spec"]["action"] == name.replace("no action", "ALLOW")
    assert copy["spec"].get("provider") == ({"name": "oauth"} if name == "CUSTOM" else None)
    assert len(copy["spec"]["rules"]) == 1


def test_a_deny_stays_a_deny_for_its_callers() -> None:
    end = settled(world(policy(BY_ACTION["DENY"])), CLOSED)
    assert end is not None
    assert [through(end, "/", method=method) for method in ("POST", "GET")] == ["deny", "allow"]


@pytest.mark.parametrize("spec", BY_ACTION.values(), ids=BY_ACTION)
@pytest.mark.parametrize("place", ["istio-system", worlds.SHOP])
def test_every_target_is_there(spec: str, place: str) -> None:
    mesh = world(
        policy(spec, place=place), policy("{action: DENY, rules: [{to: [{operation: {ports: ['9']}}]}]}", "wide", place)
    )
    end = after(mesh, at(mesh, CLOSED).changes)
    for each in end.of(AuthorizationPolicy):
        for ref in each.body.spec.target_refs:
            assert _is_there(end, each.namespace, ref)


def _is_there(mesh: Mesh, place: str, ref: TargetRef) -> bool:
    if ref.kind == "GatewayClass":
        return ref.name == waypoints.CLASS
    return (mesh.find(Service if ref.kind == "Service" else Gateway, place, ref.name)) is not None


def test_no_waypoint_is_declared_that_nobody_uses() -> None:
    mesh = world(policy(BY_ACTION["ALLOW"]), service("other", 80, selector={"app": "other"}), pods("other"))
    end = after(mesh, at(mesh, CLOSED).changes)
    made = {(each.namespace, each.name) for each in waypoints.waypoints(end)}
    bound = [found for each in end.of(Service) if (found := waypoints.binding(end, each)) and found.fault is None]
    assert made == {(each.namespace, each.name) for each in bound}


def test_a_selector_means_pods_and_not_labels_of_services() -> None:
    """One Service has the label itself and selects others, the other has none and selects the pods."""
    labelled = service("labelled", 80, selector={"app": "other"})
    labelled["metadata"]["labels"] = {"app": "reviews"}
    mesh = world(policy(BY_ACTION["DENY"]), labelled, pods("other"))
    (copy,) = created(mesh)
    assert [each["name"] for each in copy["spec"]["targetRefs"]] == ["reviews"]
    end = settled(mesh, CLOSED)
    assert end is not None
    assert [through(end, "/", method="POST", to=to) for to in ("labelled", "reviews")] == ["allow", "deny"]


def test_services_share_one_copy() -> None:
    more = [service(f"more-{number}", 80, selector={"app": "reviews"}) for number in range(20)]
    found = created(world(policy(BY_ACTION["DENY"]), *more))
    names = [each["name"] for copy in found for each in copy["spec"]["targetRefs"]]
    assert len(found) == 2  # at most 16 targets each
    assert sorted(names) == sorted({"reviews", *(each["metadata"]["name"] for each in more)})


def test_pure_identities_without_a_waypoint_stay_as_they_are() -> None:
    mesh = world(policy("{selector: {matchLabels: {app: reviews}}, rules: [{from: [{source: {namespaces: [web]}}]}]}"))
    assert {each.ref.kind for each in at(mesh, CLOSED).changes} == {"Namespace"}


def test_tokens_stay_validated_where_a_policy_asks_for_them() -> None:
    rules = {"jwtRules": [{"issuer": "https://issuer.example", "jwksUri": "https://issuer.example/keys"}]}
    tokens = security("RequestAuthentication", "jwt", {"selector": {"matchLabels": {"app": "reviews"}}, **rules})
    asking = policy('{selector: {matchLabels: {app: reviews}}, rules: [{from: [{source: {requestPrincipals: ["*"]}}]}]}')
    end = settled(world(tokens, asking), CLOSED)
    assert end is not None
    assert through(end, "/") == "deny"
    assert any(each.body.spec.target_refs for each in end.of(RequestAuthentication))
