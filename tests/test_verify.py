"""The proof: equal trees agree, each kind of change has a true witness, and what is minor sets no exit code."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from ambimigrate.analyse import analyse
from ambimigrate.changes import Stage
from ambimigrate.convert import Choice, after, convert
from ambimigrate.model import Mesh, Target
from ambimigrate.semantics import authz
from ambimigrate.sources.read import read_files
from ambimigrate.topology.workloads import behind
from ambimigrate.verify import Difference, Settings, Verification, callers, places, requests, trip, verify
from ambimigrate.versions import NEWEST, NEWEST_GATEWAY_API, parse
from tests.conftest import FIXTURES

CASES = FIXTURES / "verify"
SMALL = Settings(requests=80)


def meshes(folder: Path, istio: str = "") -> tuple[Mesh, ...]:
    target = Target(parse(istio) if istio else NEWEST, NEWEST_GATEWAY_API)
    return read_files((str(folder),), target).meshes


def verified(case: str, istio: str = "") -> Verification:
    return verify(meshes(CASES / case / "before", istio), meshes(CASES / case / "after", istio))


def weighty(case: str) -> list[Difference]:
    return [each for each in verified(case).differences if not each.minor]


def test_equal_trees_have_nothing_to_say() -> None:
    found = verified("equal")
    assert found.differences == ()
    assert found.unchecked == ()
    assert found.routing > 100
    assert found.authorization > 100


def test_a_rule_that_moved_up_has_a_request_that_meets_it() -> None:
    (found,) = weighty("reordered")
    assert found.kind == "routing"
    assert found.ask.path == "/api/v1"
    assert found.ask.headers == (("x-beta", "1"),)
    assert found.before.fields["backends"] == [[100.0, ["shop/reviews-v1:9080"]]]
    assert found.after.fields["status"] == [301]
    (old,), (new,) = found.before.sources, found.after.sources
    assert old.position.file.endswith("before/routes.yaml")
    assert new.position.file.endswith("after/routes.yaml")
    assert old.position.line == 7
    assert old.position.route == ("spec", "http", 0)


def test_an_exactly_equal_route_makes_no_difference() -> None:
    found = verified("exact-route")
    assert not found.differs
    assert "shop/reviews" not in {f"{each.object.namespace}/{each.object.name}" for each in found.differences}


def test_a_path_prefix_is_no_string_prefix() -> None:
    (found,) = weighty("path-prefix")
    assert found.ask.path == "/apix"
    assert found.before.fields["backends"] != found.after.fields["backends"]
    assert str(found.before.sources[0].ref) == "VirtualService shop/reviews"
    assert str(found.after.sources[0].ref) == "HTTPRoute shop/reviews"


def test_a_lost_policy_lets_everybody_in() -> None:
    (found,) = weighty("lost-policy")
    assert found.kind == "wider"
    assert "AuthorizationPolicy shop/callers is gone" in found.because
    assert str(found.before.sources[0].ref) == "AuthorizationPolicy shop/callers"
    assert "web/front" not in found.callers


def test_a_deny_on_paths_does_nothing_at_ztunnel() -> None:
    (found,) = weighty("l7-deny-on-selector")
    assert found.kind == "wider"
    assert found.ask.path.startswith("/admin")
    assert "AuthorizationPolicy shop/no-admin is there still" in found.because


def test_a_policy_of_the_waypoint_does_not_reach_who_goes_past_it() -> None:
    found = weighty("bypass")
    assert {each.kind for each in found} == {"wider"}
    assert all(each.ask.direct or each.caller.kind == "outside" for each in found)
    assert {each.ask.direct for each in found} == {True, False}


def test_a_guard_only_refuses_who_goes_past_the_waypoint() -> None:
    found = weighty("guarded")
    assert {each.kind for each in found} == {"narrower"}
    assert all(each.ask.direct or each.caller.kind == "outside" for each in found)


def test_a_versioned_service_is_a_front_door_without_policy() -> None:
    found = [each for each in weighty("front-door") if each.object.name == "reviews-v1"]
    assert "wider" in {each.kind for each in found}


def test_minor_differences_are_told_apart() -> None:
    found = verified("l4-only")
    assert {each.kind for each in found.differences} == {"routing", "status"}
    assert not found.differs


def test_the_verdict_is_for_a_version() -> None:
    """Up to 1.30.2 a waypoint's default route does not retry as the sidecar's does."""
    assert not [each for each in verified("guarded").differences if each.kind == "routing"]
    assert [each for each in verified("guarded", "1.30.1").differences if each.kind == "routing"]


def test_the_way_of_a_request_is_that_of_the_evaluators() -> None:
    """Without routes the verdicts are those of `authz.decide`, which agrees with observed decisions."""
    for case in sorted(CASES.iterdir()):
        for side in ("before", "after"):
            (mesh,) = meshes(case / side)
            for place in places.places(mesh, mesh):
                _compare_with_evaluator(mesh, place)


def _compare_with_evaluator(mesh: Mesh, place: Any) -> None:
    service = places.service(mesh, place)
    if service is None or places.routing(mesh, place):
        return
    for caller in callers.callers(mesh, mesh, place):
        for ask in requests.asked(mesh, mesh, place, SMALL):
            went = trip.travel(mesh, caller, place, ask, service)
            mode = callers.mode(mesh, caller, place)
            who = trip._identified(mesh, caller, mode, place)
            request = authz.Request(ask.method, ask.path, ask.host, ask.headers, signed=True)
            wanted = authz.decide(mesh, authz.Call(who, service, place.port, request, direct=ask.direct))
            assert {key: each.verdict for key, each in went.verdicts.items()} == {
                key: each.verdict for key, each in wanted.items()
            }
            assert len(wanted) == len(behind(mesh, service))


def test_routes_do_nothing_without_their_waypoint() -> None:
    (before,), (whole,) = meshes(CASES / "exact-route" / "before"), meshes(CASES / "exact-route" / "after")
    without = replace(whole, resources=tuple(each for each in whole.resources if each.kind != "Gateway"), _memo={})
    found = [each for each in verify((before,), (without,)).differences if not each.minor]
    assert {each.object.name for each in found} == {"reviews"}
    assert {each.kind for each in found} == {"routing"}


INPUTS = sorted((FIXTURES / "convert").glob("*/input"))


@pytest.mark.parametrize("folder", INPUTS, ids=lambda each: each.parent.name)
def test_what_convert_makes_differs_at_no_stage(folder: Path) -> None:
    name = folder.parent.name
    istio = name.partition("@")[2] or str(NEWEST)
    target = Target(parse(istio), NEWEST_GATEWAY_API, "experimental" if name.endswith("+experimental") else "standard")
    before = read_files((str(folder),), target).meshes
    findings = analyse(before)
    for stage in Stage:
        changes = convert(before, findings, Choice(stage=stage)).changes
        found = verify(before, tuple(after(mesh, changes) for mesh in before), Settings(requests=60, changes=changes))
        assert [each.because for each in found.differences if not each.minor and not each.named] == [], stage


def test_meshes_without_a_partner_are_named() -> None:
    (mesh,) = meshes(CASES / "equal" / "before")
    other = Mesh("prod", mesh.resources, mesh.target)
    found = verify((mesh, other), (other,))
    assert [(each.object.kind, each.because) for each in found.unchecked] == [("Mesh", "there is no mesh of this name after")]


# --- random trees ---------------------------------------------------------------------------------------------------

PATHS = st.sampled_from(["/", "/a", "/a/b", "/ab", "/A"])
MATCHES = st.one_of(
    st.builds(lambda kind, path: {"uri": {kind: path}}, st.sampled_from(["exact", "prefix"]), PATHS),
    st.builds(lambda value: {"headers": {"x-kind": {"exact": value}}}, st.sampled_from("ab")),
    st.builds(lambda path: {"uri": {"prefix": path}, "method": {"exact": "GET"}}, PATHS),
)
ACTIONS = st.sampled_from(
    [
        {"route": [{"destination": {"host": "reviews-v1"}}]},
        {"route": [{"destination": {"host": "reviews-v2"}}], "timeout": "3s"},
        {"redirect": {"uri": "/other"}},
        {"route": [{"destination": {"host": "reviews"}}], "rewrite": {"uri": "/new"}},
    ]
)
RULES = st.lists(
    st.builds(lambda match, action: {"match": match, **action}, st.lists(MATCHES, max_size=2), ACTIONS), max_size=4
)


def tree(folder: Path, rules: list[dict[str, Any]], case: str = "reordered") -> tuple[Mesh, ...]:
    folder.mkdir(exist_ok=True)
    (folder / "shop.yaml").write_text((CASES / case / "before" / "shop.yaml").read_text())
    spec = {"hosts": ["reviews"], "http": rules}
    metadata = {"name": "reviews", "namespace": "shop"}
    vs = {"apiVersion": "networking.istio.io/v1", "kind": "VirtualService", "metadata": metadata, "spec": spec}
    (folder / "routes.yaml").write_text(yaml.safe_dump(vs))
    return meshes(folder)


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(RULES)
def test_a_tree_never_differs_from_itself(tmp_path: Path, rules: list[dict[str, Any]]) -> None:
    found = verify(tree(tmp_path, rules), tree(tmp_path, rules), SMALL)
    assert found.differences == ()
    assert found.unchecked == ()


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(RULES, RULES)
def test_every_witness_is_true(tmp_path: Path, one: list[dict[str, Any]], other: list[dict[str, Any]]) -> None:
    old, new = tree(tmp_path / "before", one), tree(tmp_path / "after", other)
    for each in verify(old, new, SMALL).differences:
        decisions = [trip.routed(mesh, each.caller, each.place, each.ask) for mesh in (*old, *new)]
        assert decisions[0] != decisions[1]
