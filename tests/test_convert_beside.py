"""`convert` on a repository that has routes and policies, beside the cluster that has namespaces, Services and workloads."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.fakecluster import FakeCluster, Manifest, manifest, serving

FILES = """\
# routes of the shop
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: cart, namespace: shop}
spec:
  hosts: [cart]
  http: [{timeout: 3s, route: [{destination: {host: cart}}]}]
---
apiVersion: security.istio.io/v1
kind: AuthorizationPolicy
metadata: {name: readers, namespace: shop}
spec:
  selector: {matchLabels: {app: cart}}
  rules: [{from: [{source: {principals: [cluster.local/ns/web/sa/front]}}], to: [{operation: {methods: [GET]}}]}]
"""
AMBIENT = {"profile": "ambient", "values": {"cni": {"istioOwnedCNIConfig": True}}}


def workload(name: str, namespace: str, labels: dict[str, str] | None = None) -> Manifest:
    container = {"name": name, "ports": [{"containerPort": 8080}], "lifecycle": {"preStop": {"sleep": {"seconds": 5}}}}
    template = {
        "metadata": {"labels": {"app": name, **(labels or {})}},
        "spec": {"serviceAccountName": name, "containers": [container]},
    }
    spec = {"replicas": 2, "selector": {"matchLabels": {"app": name}}, "template": template}
    return manifest("Deployment", name, namespace, "apps", spec=spec)


def injected(name: str) -> Manifest:
    return manifest("Namespace", name, metadata={"labels": {"istio-injection": "enabled"}})


CLUSTER = [
    injected("shop"),
    injected("web"),
    manifest("Service", "cart", "shop", spec={"selector": {"app": "cart"}, "ports": [{"name": "http", "port": 80}]}),
    workload("front", "web"),
    manifest("IstioOperator", "control-plane", "istio-system", "install.istio.io", spec=AMBIENT),
]


def run(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-m", "ambimigrate", *words], capture_output=True, text=True, check=False)


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    folder = tmp_path / "repository"
    folder.mkdir()
    (folder / "cart.yaml").write_text(FILES)
    return folder


def beside(tmp_path: Path, *objects: Manifest) -> Iterator[list[str]]:
    with serving(FakeCluster([*CLUSTER, *objects])) as cluster:
        yield ["--context", "test", "--kubeconfig", cluster.kubeconfig(tmp_path)]


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[list[str]]:
    yield from beside(tmp_path, workload("cart", "shop"))


@pytest.fixture
def outspoken(tmp_path: Path) -> Iterator[list[str]]:
    """A cluster in which the workload asks for its sidecar itself, in no file."""
    yield from beside(tmp_path, workload("cart", "shop", {"sidecar.istio.io/inject": "true"}))


def converted(repository: Path, *words: str) -> dict[str, Any]:
    found = run("convert", str(repository), "--close-direct-access", "--format", "json", *words)
    return json.loads(found.stdout)  # type: ignore[no-any-return]


def test_without_the_cluster_nothing_moves(repository: Path) -> None:
    found = converted(repository)
    assert found["changes"] == []
    assert {each["because"][0] for each in found["held"]} >= {"NS903"}


def test_what_is_in_files_is_written_and_labels_of_the_rest_are_commands(repository: Path, cluster: list[str]) -> None:
    found = converted(repository, *cluster)
    assert not found["held"]
    files = {each["file"] for each in found["changes"] if "command" not in each}
    assert files == {str(repository / "cart.yaml")}
    commands = [(each["stage"], each["command"]) for each in found["changes"] if "command" in each]
    off = "istio.io/dataplane-mode=ambient istio-injection- --overwrite"
    assert commands == [
        ("bind", "kubectl label namespace shop istio.io/use-waypoint=waypoint --overwrite"),
        ("enroll", f"kubectl label namespace shop {off}"),
        ("enroll", f"kubectl label namespace web {off}"),
    ]


def test_the_tree_is_written_and_the_commands_are_shown(repository: Path, cluster: list[str], tmp_path: Path) -> None:
    out = tmp_path / "out"
    found = run("convert", str(repository), "--close-direct-access", "--out", str(out), *cluster)
    assert found.returncode == 0
    assert [each.name for each in out.iterdir()] == ["cart.yaml"]
    kinds = re.findall(r"^kind: (\w+)", (out / "cart.yaml").read_text(), re.MULTILINE)
    assert sorted(kinds) == ["AuthorizationPolicy", "AuthorizationPolicy", "ConfigMap", "Gateway", "HTTPRoute"]
    assert "\n    kubectl label namespace shop istio.io/use-waypoint=waypoint --overwrite\n" in found.stderr
    assert f"--context test --kubeconfig {cluster[-1]} --stage waypoints" in found.stderr


def test_a_stage_waits_for_the_commands_of_the_one_before(repository: Path, cluster: list[str]) -> None:
    for stage in ("waypoints", "policies", "bind"):
        words = ["--close-direct-access", "--stage", stage, "-A", "--write", "--force", *cluster]
        assert run("convert", str(repository), *words).returncode == 0
    again = run("convert", str(repository), "--close-direct-access", "--stage", "enroll", "-A", "--write", "--force", *cluster)
    assert again.returncode == 2
    assert "bind is not in the cluster yet" in again.stderr


def test_what_only_the_cluster_can_change_holds_its_namespace(repository: Path, outspoken: list[str]) -> None:
    found = converted(repository, *outspoken)
    reasons = {(each["object"]["kind"], each["because"][0]): each["reason"] for each in found["held"]}
    assert reasons["Deployment", "NS907"] == "the cluster has it and no file of the tree: change it where it comes from"
    assert {each["namespace"] for each in found["changes"]} <= {"web"}


def test_a_snapshot_stands_for_the_cluster(repository: Path, cluster: list[str], tmp_path: Path) -> None:
    kept = tmp_path / "test.snapshot"
    assert run("scan", "--save", str(kept), "--quiet", "--fail-on", "never", *cluster).returncode == 0
    assert converted(repository, "--snapshot", str(kept))["changes"] == converted(repository, *cluster)["changes"]


def test_one_mesh_of_several_is_laid_over_the_cluster(repository: Path, cluster: list[str]) -> None:
    for name in ("blue", "green"):
        folder = repository / "clusters" / name
        folder.mkdir(parents=True)
        (folder / "cart.yaml").write_text(FILES)
    (repository / "cart.yaml").unlink()
    refused = run("convert", str(repository), "--close-direct-access", *cluster)
    assert refused.returncode == 2
    assert "choose by --mesh" in refused.stderr
    found = converted(repository, "--mesh", "blue", *cluster)
    assert {each["mesh"] for each in found["changes"]} == {"blue"}
    assert {each["file"] for each in found["changes"] if "command" not in each} == {str(repository / "clusters/blue/cart.yaml")}


def test_what_convert_makes_of_it_is_verified_beside_the_cluster(repository: Path, cluster: list[str]) -> None:
    (repository / ".ambimigrate.yaml").write_text("closeDirectAccess: true\n")
    found = run("verify", str(repository), "--stage", "retire", "--format", "json", *cluster)
    record = json.loads(found.stdout)
    alone = json.loads(run("verify", str(repository), "--stage", "retire", "--format", "json").stdout)
    assert record["checked"]["routing"] >= alone["checked"]["routing"]
    assert record["checked"]["authorization"] > alone["checked"]["authorization"]
    assert [each for each in record["differences"] if not each["minor"] and not each.get("named")] == []


def test_the_plan_is_of_files_and_of_commands(repository: Path, cluster: list[str]) -> None:
    found = json.loads(run("plan", str(repository), "--close-direct-access", "--format", "json", *cluster).stdout)
    steps = {each["id"]: each for wave in found["waves"] for each in wave["steps"]}
    bind = next(each for each in steps.values() if each["stage"] == "bind")
    assert bind["files"] == []
    assert bind["commands"] == ["kubectl label namespace shop istio.io/use-waypoint=waypoint --overwrite"]
    assert not any("git revert" in line for line in bind["undo"])
    enroll = next(each for each in steps.values() if each["stage"] == "enroll" and "shop" in each["title"])
    assert enroll["commands"][0].startswith("kubectl label namespace shop istio.io/dataplane-mode=ambient")
    retire = next(each for each in steps.values() if each["stage"] == "retire")
    assert f"ambimigrate convert {repository} --context test" in retire["commands"][0]
