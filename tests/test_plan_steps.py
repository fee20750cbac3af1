"""What each step of a plan says: commands that can be run, gates and checks for what is there, and ways back."""

from __future__ import annotations

import shlex
import shutil
import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from ambimigrate.changes import Change, Delete, Set, Stage
from ambimigrate.kinds import AuthorizationPolicy, PeerAuthentication, Service
from ambimigrate.model import Mesh
from ambimigrate.plan import install, lines, live, outcomes, restarts, showing, stages, trials, triggers, undoing
from ambimigrate.plan.outcomes import Around
from ambimigrate.plan.steps import Source, Work
from ambimigrate.plan.values import Step
from ambimigrate.versions import NEWEST
from tests.plan_meshes import AGENT, GATEWAY, ISTIOD, NAMESPACE, OTHERS, POLICY, TARGET, WORKLOADS, live_mesh, mesh, twin

NAMES = st.text(st.characters(codec="utf-8"), min_size=1, max_size=12)


@given(st.lists(NAMES, min_size=1, max_size=5), NAMES)
def test_every_name_stays_one_word(names: list[str], said: str) -> None:
    command = lines.kubectl("shop", "get", *names)
    assert shlex.split(command) == ["kubectl", "-n", "shop", "get", *names]
    found, remark = lines.parts(lines.told(command, "prints nothing"))
    assert (found, remark) == (command, "prints nothing")
    assert [shlex.split(each) for each in lines.words(command)] == [[each] for each in shlex.split(command)]
    assert lines.parts(lines.remark(f"a {said}"))[0] == ""


def test_sentences_are_no_commands() -> None:
    assert lines.parts("git revert the commit of this step and let it be applied")[0] == ""
    assert lines.parts(lines.REVERT)[0] == ""
    assert lines.parts("the change is applied # really") == ("", "the change is applied # really")
    assert lines.parts("git revert --no-edit HEAD")[0] == "git revert --no-edit HEAD"


def test_state_comes_last_and_nothing_is_left_out(tmp_path: Path) -> None:
    found = mesh(tmp_path, NAMESPACE, WORKLOADS, OTHERS, GATEWAY)
    commands = list(restarts.commands(found, "shop"))
    web = commands.index("kubectl -n shop rollout restart deployment/web")
    assert web < commands.index("kubectl -n shop rollout restart statefulset/db")
    assert not any("edge" in each for each in commands)
    deleted = [each for each in commands if " delete " in each]
    assert any("OnDelete" in each and "app=agent" in each for each in deleted)
    assert any("pod/lonely" in each for each in deleted)
    assert "cronjob/report" in next(restarts.before(found, "shop"))
    assert "cronjob/report" in commands[-1] and "false" in commands[-1]
    assert "PodDisruptionBudget web" in next(restarts.warnings(found, "shop"))


def test_gates_of_enrolling_name_each_workload(tmp_path: Path) -> None:
    found = mesh(tmp_path, NAMESPACE, WORKLOADS, GATEWAY)
    gates = list(restarts.gates(found, "shop"))
    assert any("app=web,security.istio.io/tlsMode=istio" in each for each in gates)
    assert any("rollout status statefulset/db" in each for each in gates)
    captured = next(each for each in gates if "ambient.istio.io/redirection" in each)
    assert "istio!=edge" in captured
    assert "istio!=edge" in restarts.hbone_gate(found)


@pytest.mark.skipif(shutil.which("kubectl") is None, reason="kubectl is not on PATH")
def test_the_template_names_pods_that_are_not_captured(tmp_path: Path) -> None:
    pods = "---".join(
        f"""
apiVersion: v1
kind: Pod
metadata: {{name: {name}{given}}}
spec: {{hostNetwork: {host}, containers: [{{name: a, image: a}}]}}
"""
        for name, given, host in (
            ("in", ", annotations: {ambient.istio.io/redirection: enabled}", "false"),
            ("out", "", "false"),
            ("other", ", annotations: {a: b}", "false"),
            ("host", "", "true"),
        )
    )
    (tmp_path / "pods.yaml").write_text(pods)
    template = restarts._MISSED.replace("{{range .items}}", "").removesuffix("{{end}}")
    command = ["kubectl", "label", "--local", "-f", str(tmp_path / "pods.yaml"), "a=b", "-o", template]
    run = subprocess.run(command, capture_output=True, text=True, check=False)
    assert run.stdout.split() == ["out", "other"], run.stderr


def titles(found: Mesh) -> list[str]:
    return [step.title for step in install.steps(found)]


def all_lines(step: Step) -> list[str]:
    return [*step.commands, *step.gate, *step.verify, *step.undo]


def test_helm_installs_for_platform_and_revision(tmp_path: Path) -> None:
    found = mesh(
        tmp_path,
        NAMESPACE.replace("istio-injection: enabled", "istio.io/rev: blue"),
        WORKLOADS,
        target=replace(TARGET, platform="gke"),
    )
    (step,) = [each for each in install.steps(found) if "ambient mode on" in each.title]
    helm = [each for each in step.commands if each.startswith("helm upgrade")]
    assert [each.split(" -n ")[0].rsplit("/", 1)[1] for each in helm] == ["istiod", "cni", "ztunnel"]
    assert all("global.platform=gke" in each and f"--version {NEWEST}" in each for each in helm)


def test_an_operator_keeps_its_profile(tmp_path: Path) -> None:
    operator = """
apiVersion: install.istio.io/v1alpha1
kind: IstioOperator
metadata: {name: control, namespace: istio-system}
spec: {profile: default, revision: blue}
"""
    (step,) = [
        each for each in install.steps(mesh(tmp_path, NAMESPACE, WORKLOADS, operator)) if "ambient mode on" in each.title
    ]
    command = next(each for each in step.commands if each.startswith("istioctl upgrade"))
    assert "components.ztunnel.enabled=true" in command
    assert "profile=ambient" not in command
    assert any("deployment/istiod-blue" in each for each in step.gate)


def test_what_a_cluster_has_is_not_installed_again(tmp_path: Path) -> None:
    ready = (AGENT.format(name="ztunnel", ready=3), AGENT.format(name="istio-cni-node", ready=3))
    assert titles(live_mesh(tmp_path, NAMESPACE, WORKLOADS, ISTIOD, *ready)) == []
    waiting = (AGENT.format(name="ztunnel", ready=2), AGENT.format(name="istio-cni-node", ready=3))
    assert titles(live_mesh(tmp_path, NAMESPACE, WORKLOADS, ISTIOD, *waiting)) == ["Wait for ztunnel on every node"]
    assert len(titles(live_mesh(tmp_path, NAMESPACE, WORKLOADS, ISTIOD))) == 2


def test_each_step_says_all_that_the_contract_asks_for(tmp_path: Path) -> None:
    found = mesh(tmp_path, NAMESPACE, WORKLOADS, POLICY)
    change = twin(found, {"targetRefs": []})
    work = Work(found, (change,), Source("tree; rm -rf /"))
    for step in (*install.steps(found), work.step(Stage.policies, ("shop",)), work.enroll(("shop",))):
        assert step.gate and step.verify and step.undo and step.commands, step.title
        assert step.triggers, step.title
        assert all(each.query and each.stop_if for each in step.triggers)
    command = work.step(Stage.policies, ("shop",)).commands[0]
    assert shlex.split(command)[:3] == ["ambimigrate", "convert", "tree; rm -rf /"]


def test_a_policy_has_calls_that_pass_and_calls_that_do_not(tmp_path: Path) -> None:
    found = mesh(tmp_path, NAMESPACE, WORKLOADS, GATEWAY, POLICY)
    readers, strict = (
        found.of(AuthorizationPolicy)[0],
        found.of(PeerAuthentication)[0],
    )
    around = Around(found, found, frozenset({"shop"}))
    calls = trials.of_policy(around, readers)
    kinds = {(each.kind, each.allowed) for each in calls}
    for kind in (outcomes.AMBIENT, outcomes.SIDECAR, outcomes.ADDRESS, outcomes.INGRESS):
        assert {(kind, True), (kind, False)} <= kinds
    assert all(each.ask.path.startswith("/items/") for each in calls if each.allowed)
    assert {each.entrance for each in calls if each.kind == outcomes.INGRESS} == {"edge.shop.svc.cluster.local:443"}
    assert any(each.kind == outcomes.NOBODY and not each.allowed for each in trials.of_policy(around, strict))
    verify = list(stages.checks(around, (readers,)))
    assert any(each.endswith("prints 403: AuthorizationPolicy shop/readers") for each in verify)
    assert all("deployment/web" in each for each in verify if each.startswith("kubectl"))


def test_calls_that_change_are_no_trials(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    before = mesh(tmp_path / "a", NAMESPACE, WORKLOADS, POLICY)
    after = mesh(tmp_path / "b", NAMESPACE, WORKLOADS)
    readers = before.of(AuthorizationPolicy)[0]
    assert all(each.allowed for each in trials.of_policy(Around(before, after), readers))


def test_showing_is_exact_for_scalars(tmp_path: Path) -> None:
    found = mesh(tmp_path, NAMESPACE, WORKLOADS)
    service = found.of(Service)[0]
    route = ("metadata", "labels", "istio.io/use-waypoint")
    edit = Change(Stage.bind, "shop", found.name, service.ref, (Set(route, "waypoint"),), service)
    (line,) = showing.objects((edit,))
    assert line.endswith(r"'jsonpath={.metadata.labels.istio\.io/use-waypoint}'    # prints waypoint")
    gone = replace(edit, action=(Delete(route),))
    assert next(showing.objects((gone,))).endswith("# prints nothing")
    assert next(stages.gates(Stage.bind, found, (edit,), (edit,))).startswith("kubectl -n shop wait --for=condition=istio.io/W")


def test_a_cluster_gets_patches_and_the_patches_that_undo_them(tmp_path: Path) -> None:
    found = live_mesh(tmp_path, NAMESPACE, WORKLOADS)
    service = found.of(Service)[0]
    edit = Change(Stage.bind, "shop", found.name, service.ref, (Set(("metadata", "labels", "a/b"), "it's"),), service)
    gone = Change(Stage.retire, "shop", found.name, service.ref, None, service)
    (command,) = live.commands(edit)
    assert shlex.split(command)[-1] == '{"metadata":{"labels":{"a/b":"it\'s"}}}'
    back = list(undoing.lines(found, (edit, gone), live=True))
    assert back[0].startswith("kubectl create -f shop-service-web.yaml")
    assert shlex.split(back[1])[-1] == '{"metadata":{"labels":{"a/b":null}}}'
    assert list(undoing.backups((gone,))) == ["kubectl -n shop get service/web -o yaml > shop-service-web.yaml"]


def test_names_cannot_leave_a_query() -> None:
    for stage in Stage:
        for each in triggers.of_stage(stage, ('a"} or up{b="', "x-y"), strict=True):
            assert 'a"}' not in each.query
    assert "x-y" in triggers.of_stage(Stage.bind, ("x-y",), strict=False)[0].query
