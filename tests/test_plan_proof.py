"""The proof of a plan's order: what is open, refused or let in meanwhile, which other orders there are, and the way back."""

from __future__ import annotations

import json
import subprocess
import sys
from io import StringIO

from msgspec.structs import replace

from ambimigrate.analyse import analyse
from ambimigrate.changes import Stage
from ambimigrate.convert import Choice
from ambimigrate.converters.settings import Settings
from ambimigrate.kinds import CiliumNetworkPolicy
from ambimigrate.model import Mesh
from ambimigrate.plan import Plan, Wanted, plans
from ambimigrate.plan.proof import prove
from ambimigrate.plan.staged import Staged, staged
from ambimigrate.plan.values import Gap, Step, Wave, numbered
from ambimigrate.render import plan_gaps
from tests.conftest import FIXTURES
from tests.oracle import policies, worlds
from tests.oracle.test_policies_claims import MESH
from tests.oracle.worlds import Tree, namespace, service

SHOP = FIXTURES / "repos" / "shop"
NO_ADMIN = policies.security(
    "AuthorizationPolicy",
    "no-admin",
    {
        "selector": {"matchLabels": {"app": "reviews"}},
        "action": "DENY",
        "rules": [{"to": [{"operation": {"paths": ["/admin*"]}}]}],
    },
)
FROM_WEB = policies.security(
    "AuthorizationPolicy",
    "from-web",
    {"selector": {"matchLabels": {"app": "reviews"}}, "rules": [{"from": [{"source": {"namespaces": ["web"]}}]}]},
)
PORTS = [{"ports": [{"port": "8080", "protocol": "TCP"}]}]
FIRST = (Stage.prepare, Stage.waypoints, Stage.policies, Stage.bind)
LAST = (Stage.retire, Stage.tighten)


def world(*objects: Tree) -> Mesh:
    """Service reviews of namespace shop, called from namespace web."""
    caller = policies.pods("front", "web", "front")
    caller["spec"]["template"]["spec"]["containers"][0]["env"] = [
        {"name": "U", "value": "http://reviews.shop.svc.cluster.local"}
    ]
    ports = [{"name": "http", "port": 80, "targetPort": 8080}]
    own = [MESH, namespace(worlds.SHOP), namespace("web"), caller, policies.pods("reviews")]
    return worlds.read([*own, service("reviews") | {"spec": {"selector": {"app": "reviews"}, "ports": ports}}, *objects])


def converted(mesh: Mesh) -> Staged:
    return staged((mesh,), analyse((mesh,)), Choice(settings=Settings(close_direct_access=True)))


def planned(mesh: Mesh) -> Plan:
    return plans((mesh,), converted(mesh), Wanted((mesh.name,), "tree"))


def gaps(waves: tuple[Wave, ...] | Plan) -> list[Gap]:
    return [gap for wave in (waves.waves if isinstance(waves, Plan) else waves) for gap in wave.gaps]


class Maker:
    """Steps in any order, with the changes of the conversion."""

    def __init__(self, mesh: Mesh) -> None:
        self.changes = converted(mesh).changes

    def step(self, stage: Stage, *names: str) -> Step:
        changes = tuple(each for each in self.changes if each.stage is stage and each.namespace in names)
        enrolls = names if stage is Stage.enroll else ()
        return Step(f"{stage.name} {names}", stage, (), (), (), (), ("revert",), changes=changes, enrolls=enrolls)

    def wave(self, number: int, *wanted: tuple[tuple[Stage, ...], tuple[str, ...]]) -> Wave:
        made = (self.step(stage, *names) for stages, names in wanted for stage in stages)
        moved = tuple(name for stages, names in wanted if Stage.enroll in stages for name in names)
        return Wave(number, "", "", moved, tuple(numbered(made, number)))

    def window(self, names: tuple[str, ...]) -> Step:
        return self.step(Stage.enroll, *names)


def test_clients_first_opens_nothing() -> None:
    found = planned(world(NO_ADMIN))
    moved = [wave.namespaces for wave in found.waves if wave.namespaces]
    assert moved.index(("web",)) < moved.index(("shop",))
    assert not [gap for gap in gaps(found) if "web/front" in gap.callers or gap.kind == "unenforced"]


def servers_first(mesh: Mesh) -> tuple[Maker, tuple[Wave, ...]]:
    maker = Maker(mesh)
    moves = (Stage.swap, Stage.enroll)
    return maker, (
        maker.wave(1, (FIRST, ("shop", "web"))),
        maker.wave(2, (moves, ("shop",)), (LAST, ("shop",))),
        maker.wave(3, (moves, ("web",)), (LAST, ("web",))),
    )


def test_a_worse_order_is_replaced_by_a_better_one() -> None:
    """Sidecars call an ambient server past its waypoint, where its guard refuses them."""
    mesh = world(NO_ADMIN)
    maker, waves = servers_first(mesh)
    proof = prove(mesh, waves, maker.window)
    assert [wave.namespaces for wave in proof.waves] == [(), ("web",), ("shop",)]
    assert [step.id for step in proof.waves[1].steps] == ["2.1", "2.2", "2.3", "2.4"]
    assert not [gap for gap in proof.gaps if "web/front" in gap.callers]
    assert proof.orders


def test_without_copies_a_policy_is_not_enforced() -> None:
    """An invented plan: the pods move, and nothing protects them."""
    mesh = world(NO_ADMIN)
    maker = Maker(mesh)
    waves = (maker.wave(1, ((Stage.enroll,), ("web",))), maker.wave(2, ((Stage.enroll,), ("shop",))))
    found = prove(mesh, waves, maker.window).gaps
    assert {(gap.kind, gap.policy, gap.from_step, gap.to_step) for gap in found} == {
        ("unenforced", "AuthorizationPolicy shop/no-admin", "2.1", "2.1")
    }
    assert any("web/front" in gap.callers for gap in found)
    assert all("/admin" in gap.witness and "no step closes it" in gap.why for gap in found)


def test_what_comes_late_closes_the_gap() -> None:
    mesh = world(NO_ADMIN)
    maker = Maker(mesh)
    late = maker.wave(2, ((*FIRST, Stage.swap, *LAST), ("shop", "web")))
    waves = (maker.wave(1, ((Stage.enroll,), ("web", "shop"))), late)
    proof = prove(mesh, waves, maker.window)
    assert proof.waves != waves
    assert not [gap for gap in proof.gaps if gap.kind == "unenforced"]


def test_a_policy_of_l4_needs_no_order() -> None:
    mesh = world(FROM_WEB)
    maker, waves = servers_first(mesh)
    proof = prove(mesh, waves, maker.window)
    assert not proof.gaps
    assert proof.waves == waves
    assert len(proof.orders) == 1


def test_undo_names_what_is_undone_before() -> None:
    found = planned(world(NO_ADMIN))
    steps = {step.stage: step for wave in found.waves for step in wave.steps if "shop" in step.namespaces}
    enrolled = steps[Stage.enroll].id
    first = steps[Stage.policies].undo[0]
    assert first.startswith("# first undo ")
    assert enrolled in first
    assert "AuthorizationPolicy shop/no-admin" in first
    assert "revert" in " ".join(steps[Stage.policies].undo)


def test_undoing_the_move_in_one_go_leaves_pods_without_a_proxy() -> None:
    found = planned(world(FROM_WEB))
    step = next(step for wave in found.waves for step in wave.steps if "shop" in step.enrolls)
    assert any("has no proxy, and AuthorizationPolicy shop/from-web is not enforced" in line for line in step.undo)


def test_a_waypoint_goes_after_the_bindings() -> None:
    found = planned(world(NO_ADMIN))
    steps = [step for wave in found.waves for step in wave.steps]
    waypoints = next(step for step in steps if step.stage is Stage.waypoints)
    bind = next(step for step in steps if step.stage is Stage.bind)
    assert any(bind.id in line for line in waypoints.undo)


def test_callers_back_and_forth_move_in_turns() -> None:
    """Two namespaces that call each other: only one has rules about requests, so the other moves first."""
    back = policies.pods("reviews")
    back["spec"]["template"]["spec"]["containers"][0]["env"] = [{"name": "U", "value": "http://front.web.svc.cluster.local"}]
    front = service("front", 80, namespace="web")
    mesh = world(NO_ADMIN, back, front)
    maker = Maker(mesh)
    both = ("shop", "web")
    waves = (maker.wave(1, (FIRST, both)), maker.wave(2, ((Stage.swap, Stage.enroll), both), (LAST, both)))
    proof = prove(mesh, waves, maker.window)
    assert [step.enrolls for wave in proof.waves for step in wave.steps if step.enrolls] == [("web",), ("shop",)]
    assert not [gap for gap in proof.gaps if "web/front" in gap.callers]


def test_callers_within_the_namespace_are_refused_while_it_moves() -> None:
    """No order helps: pods with sidecars call pods without, past the waypoint."""
    other = policies.pods("ratings")
    found = planned(world(NO_ADMIN, other))
    own = [gap for gap in gaps(found) if "shop/ratings" in gap.callers]
    assert own
    assert {gap.kind for gap in own} == {"refused"}
    assert all(gap.from_step == gap.to_step and gap.why for gap in own)
    assert len(found.orders) > 1


# --- the command ----------------------------------------------------------------------------------------------------


def run(*arguments: str) -> tuple[int, str]:
    command = [sys.executable, "-m", "ambimigrate", "plan", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert "Traceback" not in done.stderr, done.stderr
    return done.returncode, done.stdout


def test_gaps_are_explained_in_80_columns() -> None:
    out = StringIO()
    plan_gaps.render(planned(world(NO_ADMIN, policies.pods("ratings"))), out, 80)
    text = out.getvalue()
    assert max(map(len, text.splitlines())) <= 80
    for words in ("shown by: ", "it stays: ", "shop/ratings", "as planned: ", "servers before clients: "):
        assert words in text


def test_each_step_says_what_the_proof_found_open_in_it() -> None:
    found = planned(world(NO_ADMIN, policies.pods("ratings")))
    ids = [step.id for wave in found.waves for step in wave.steps]
    open_ = [gap for gap in gaps(found) if gap.kind in {"unenforced", "refused"}]
    assert open_
    for step in (step for wave in found.waves for step in wave.steps if step.changes):
        own = [gap for gap in open_ if ids.index(gap.from_step) <= ids.index(step.id) <= ids.index(gap.to_step)]
        assert step.unenforced.startswith("nothing, as the proof shows") is not bool(own), step.title
        assert not own or own[0].policy in step.unenforced


def test_policies_of_the_network_count_whoever_carries_them_out() -> None:
    """A policy of Cilium that admits the Service's port only cuts off HBONE; one that is there all along is no change."""
    spec = {"endpointSelector": {"matchLabels": {"app": "reviews"}}, "ingress": [{"fromEndpoints": [{}], "toPorts": PORTS}]}
    only = policies.security("CiliumNetworkPolicy", "only", spec) | {"apiVersion": "cilium.io/v2"}
    mesh = world(NO_ADMIN)
    maker = Maker(mesh)
    mesh = replace(mesh, resources=(*mesh.resources, *world(only).of(CiliumNetworkPolicy)), _memo={})
    waves = (maker.wave(2, (FIRST, ("shop", "web")), ((Stage.enroll,), ("web",)), ((Stage.swap, Stage.enroll), ("shop",))),)
    found = prove(mesh, waves, lambda names: maker.step(Stage.enroll, *names)).gaps
    assert any(gap.kind == "refused" and gap.policy == "CiliumNetworkPolicy shop/only" for gap in found)


def test_the_demo_has_no_gap() -> None:
    code, out = run(str(SHOP), "--explain-gaps")
    assert code == 1
    assert out.startswith("No gap: ")
    assert "Orders that were compared" in out
    code, out = run(str(SHOP), "--format", "json")
    waves = json.loads(out)["waves"]
    assert not [gap for wave in waves for gap in wave["gaps"]]
    assert all(step["unenforced"].startswith("nothing") for wave in waves for step in wave["steps"])
    lines = [line for wave in waves for step in wave["steps"] if step["stage"] == "enroll" for line in step["undo"]]
    assert any("AuthorizationPolicy sessions/redis-clients is not enforced" in line for line in lines)
