"""Roles of three widths on a real server: what may be read is read, what may not is told, and nothing else is asked."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from ambimigrate.sources.cluster_scope import roles, rules
from tests.live.apiserver import ApiServer

pytestmark = pytest.mark.xdist_group("live-rights")

NAMESPACES = [
    {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": {"istio-injection": "enabled"}}}
    for name in ("bank", "shop")
]
SERVICE = {
    "apiVersion": "v1",
    "kind": "Service",
    "metadata": {"name": "cart", "namespace": "shop"},
    "spec": {"ports": [{"port": 80}]},
}
ROOT = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "istio-system"}}
BY_TITLE = {part.title: list(found) for part, found in rules()}
NEEDED = [rule for part, found in rules() if part.decides for rule in found]


def scan(kubeconfig: Path, *arguments: str) -> tuple[int, Any]:
    """Exit code and report."""
    command = [sys.executable, "-m", "ambimigrate", "scan", "--kubeconfig", str(kubeconfig), "--format", "json", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)
    assert done.stdout, done.stderr
    return done.returncode, json.loads(done.stdout)


def refused(kubeconfig: Path, *arguments: str) -> str:
    """What is said where nothing can be read."""
    command = [sys.executable, "-m", "ambimigrate", "scan", "--kubeconfig", str(kubeconfig), *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)
    assert (done.returncode, done.stdout) == (2, "")
    return done.stderr


def verdicts(report: Any) -> dict[str, str]:
    return {each["name"]: each["verdict"] for each in report["namespaces"]}


@pytest.fixture(scope="module")
def mesh(cluster: ApiServer) -> ApiServer:
    cluster.apply(ROOT, *NAMESPACES, SERVICE)
    return cluster


def within(role: Any) -> dict[str, Any]:
    return {each["metadata"]["namespace"]: each["rules"] for each in role if each["kind"] == "Role"}


def test_the_printed_roles_suffice(mesh: ApiServer) -> None:
    printed = subprocess.run([sys.executable, "-m", "ambimigrate", "rbac"], capture_output=True, text=True, check=True).stdout
    objects = list(yaml.safe_load_all(printed))
    reader = mesh.reader("wide", objects[0]["rules"], within(objects))
    code, report = scan(reader)
    assert (code, report["problems"]) == (0, [])
    assert verdicts(report) == {"bank": "ready", "default": "not-in-mesh", "shop": "ready"}


def test_parts_that_were_left_out_are_told_and_change_no_verdict(mesh: ApiServer) -> None:
    code, report = scan(mesh.reader("needed", NEEDED, within(list(roles("istio-system")))))
    assert code == 2
    assert {each["message"].partition(" ")[0] for each in report["problems"]} >= {"Node", "PodDisruptionBudget", "APIService"}
    assert verdicts(report)["shop"] == "ready"


def test_a_role_of_one_namespace_leaves_the_others_unknown(mesh: ApiServer) -> None:
    names = [{"apiGroups": [""], "resources": ["namespaces"], "verbs": ["list"]}]
    own = {"shop": NEEDED, **within(list(roles("istio-system")))}
    own["istio-system"] = [*own["istio-system"], *NEEDED]
    code, report = scan(mesh.reader("narrow", names, own))
    assert code == 2
    assert verdicts(report).items() >= {"bank": "unknown", "shop": "ready"}.items()
    seen = {each["name"]: each["not_seen"] for each in report["namespaces"]}
    assert "Service" in seen["bank"]
    assert "Service" not in seen["shop"]
    assert [each for each in report["problems"] if each["file"] == "cluster/bank/Service"]


def test_what_one_kind_of_a_tool_hides_concerns_nobody_else(mesh: ApiServer) -> None:
    """Autoscalers and engines of policies decide about nothing; a policy of the network decides about all that it may hold."""
    everything = [rule for _, found in rules() for rule in found]
    own = within(list(roles("istio-system")))
    without = _less(everything, "horizontalpodautoscalers", "gatewayclasses", "validatingwebhookconfigurations")
    code, report = scan(mesh.reader("optional", without, own))
    assert code == 2
    assert sorted(each["message"].partition(" ")[0] for each in report["problems"]) == [
        "GatewayClass",
        "HorizontalPodAutoscaler",
        "ValidatingWebhookConfiguration",
    ]
    assert verdicts(report)["shop"] == "ready"
    _, report = scan(mesh.reader("blind", _less(everything, "networkpolicies"), own))
    assert verdicts(report)["shop"] == "unknown"
    assert {tuple(each["not_seen"]) for each in report["namespaces"] if each["verdict"] == "unknown"} == {("NetworkPolicy",)}


def _less(rules: list[Any], *plurals: str) -> list[Any]:
    """The rules without some kinds."""
    kept = ({**rule, "resources": [each for each in rule["resources"] if each not in plurals]} for rule in rules)
    return [rule for rule in kept if rule["resources"]]


def test_only_the_namespaces_that_were_asked_for(mesh: ApiServer) -> None:
    reader = mesh.reader("one", [], {"shop": NEEDED})
    _, report = scan(reader, "-n", "shop")
    assert report["input"]["objects"]["Service"] == 1
    assert [each["name"] for each in report["namespaces"]] == ["shop"]
    assert "-n reads one namespace" in refused(reader)
    _, report = scan(mesh.kubeconfig, "-n", "shop", "-n", "bank")
    assert [each["name"] for each in report["namespaces"]] == ["bank", "shop"]
    _, report = scan(mesh.kubeconfig, "--selector", "istio-injection=enabled")
    assert [each["name"] for each in report["namespaces"]] == ["bank", "shop"]


def test_nobody_and_a_stranger(mesh: ApiServer) -> None:
    assert "may list nothing: " in refused(mesh.reader("nothing", []))
    assert "the credentials gave no identity: " in refused(mesh.as_user("nobody", {}))
    assert "does not accept the credentials: Unauthorized" in refused(mesh.as_user("stranger", {"token": "wrong"}))
    plugin = {"apiVersion": "client.authentication.k8s.io/v1", "command": "false", "interactiveMode": "Never"}
    said = refused(mesh.as_user("plugin", {"exec": plugin}))
    assert "context plugin: running the credential plugin false\n" in said
    assert "the credential plugin 'false' failed" in said
