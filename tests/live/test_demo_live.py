"""The demo on a real server: its cluster and its files give the same findings, and snapshots the same as the cluster."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from ambimigrate.analyse import analyse
from ambimigrate.kinds import KINDS, ConfigMap, CustomResourceDefinition
from ambimigrate.model import Mesh, Resource
from ambimigrate.sources.cluster import Where, read_cluster
from ambimigrate.sources.cluster_private import forget
from ambimigrate.sources.cluster_scope import is_istio
from ambimigrate.sources.read import read_files
from ambimigrate.yamlio import values
from tests.clusters import TARGET
from tests.conftest import FIXTURES
from tests.live.apiserver import ApiServer, Manifest

pytestmark = pytest.mark.xdist_group("live-demo")
SHOP = FIXTURES / "repos" / "shop"
_DEFINED = (".k8s.io", "networking.istio.io", "security.istio.io", "telemetry.istio.io", "extensions.istio.io")


def in_files() -> tuple[Resource[Any], ...]:
    """The objects of production, each once, without what only files have."""
    mesh = next(each for each in read_files([str(SHOP)], TARGET).meshes if each.name == "prod")
    return tuple({each.ref: each for each in mesh.resources if is_object(each)}.values())


def is_object(resource: Resource[Any]) -> bool:
    if resource.kind == "HelmValues":
        return False
    return not isinstance(resource.body, ConfigMap) or (resource.namespace == "istio-system" and is_istio(resource.name))


def manifest(resource: Resource[Any]) -> Manifest:
    """The whole object: its text, under the name and namespace that its place gives it."""
    document: Any = resource.origin
    tree = values(document).value
    for step in resource.base:
        tree = tree[step]
    typed = msgspec.to_builtins(resource.body)
    metadata = {**tree["metadata"], **typed["metadata"], "name": resource.name}
    if resource.namespace:
        metadata["namespace"] = resource.namespace
    return {**tree, "metadata": metadata}


@pytest.fixture(scope="module")
def demo(cluster: ApiServer) -> ApiServer:
    objects = [manifest(each) for each in in_files()]
    namespaces = {each["metadata"]["namespace"] for each in objects if "namespace" in each["metadata"]}
    named = {each["metadata"]["name"] for each in objects if each["kind"] == "Namespace"}
    cluster.apply(*_definitions(objects))
    cluster.apply(*(each for each in objects if each["kind"] == "Namespace"))
    missing = sorted(namespaces - named)
    cluster.apply(*({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}} for name in missing))
    cluster.apply(*(each for each in objects if each["kind"] != "Namespace"))
    return cluster


def _definitions(objects: list[Manifest]) -> Iterator[Manifest]:
    """For kinds of others, which the demo has a few of: definitions that take anything."""
    kinds = {(each["apiVersion"], each["kind"]) for each in objects}
    for version, kind in sorted(kinds):
        view = KINDS[version.rpartition("/")[0], kind]
        if "." in view.GROUP and not view.GROUP.endswith(_DEFINED):
            schema = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
            served = {
                "name": version.rpartition("/")[2],
                "served": True,
                "storage": True,
                "schema": {"openAPIV3Schema": schema},
            }
            names = {"kind": kind, "plural": view.PLURAL}
            spec = {
                "group": view.GROUP,
                "names": names,
                "scope": "Namespaced" if view.NAMESPACED else "Cluster",
                "versions": [served],
            }
            metadata = {"name": f"{view.PLURAL}.{view.GROUP}"}
            yield {
                "apiVersion": "apiextensions.k8s.io/v1",
                "kind": "CustomResourceDefinition",
                "metadata": metadata,
                "spec": spec,
            }


def told(mesh: Mesh) -> set[Any]:
    return {(each.rule, each.hit.case, each.ref, each.hit.message) for each in analyse([mesh])}


def live(server: ApiServer) -> Mesh:
    found = read_cluster(Where(kubeconfig=str(server.kubeconfig)), TARGET, given={"istio", "gateway_api", "channel"})
    assert found.problems == ()
    return found.meshes[0]


def test_cluster_and_files_give_the_same_findings(demo: ApiServer) -> None:
    resources = in_files()
    forget(resources)
    own = live(demo)
    files = Mesh("test", (*resources, *_of_the_server(own, resources)), TARGET, source="cluster")
    assert told(own) == told(files) != set()


def _of_the_server(mesh: Mesh, resources: tuple[Resource[Any], ...]) -> Iterator[Resource[Any]]:
    """What the server has beside the demo: its own namespaces and Services, the definitions of kinds."""
    known = {each.ref for each in resources}
    for each in mesh.resources:
        if each.ref not in known:
            assert isinstance(each.body, CustomResourceDefinition) or each.kind in {"Namespace", "Service", "APIService"}, (
                each.ref
            )
            yield each


def run(*arguments: str) -> tuple[int, Any]:
    command = [sys.executable, "-m", "ambimigrate", *arguments, "--format", "json"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=180)
    assert done.stdout, done.stderr
    return done.returncode, json.loads(done.stdout)


def test_plan_and_estimate_work_on_the_cluster(demo: ApiServer) -> None:
    code, plan = run("plan", "--kubeconfig", str(demo.kubeconfig))
    assert code in {0, 1}
    assert plan["waves"]
    code, estimate = run("estimate", "--kubeconfig", str(demo.kubeconfig))
    assert (code, bool(estimate["before"])) == (0, True)


@pytest.mark.parametrize("command", ["scan", "plan", "estimate"])
def test_a_snapshot_says_what_the_cluster_says(demo: ApiServer, tmp_path: Path, command: str) -> None:
    file = tmp_path / "shop.snapshot"
    live = run(command, "--kubeconfig", str(demo.kubeconfig), "--save", str(file))
    assert file.stat().st_mode & 0o077 == 0
    assert _without_files(run(command, str(file))) == _without_files(live)


def _without_files(answer: tuple[int, Any]) -> str:
    return json.dumps(answer).replace(str(Path.cwd()), "")


def test_files_laid_over_the_cluster(demo: ApiServer, tmp_path: Path) -> None:
    service = {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "cart", "namespace": "cart"}}
    service["spec"] = {"ports": [{"name": "http", "port": 8081}], "selector": {"app": "cart"}}
    new = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "later", "labels": {"istio-injection": "enabled"}}}
    (tmp_path / "change.json").write_text(json.dumps({"apiVersion": "v1", "kind": "List", "items": [service, new]}))
    _, report = run("scan", str(tmp_path), "--context", "test", "--kubeconfig", str(demo.kubeconfig))
    assert report["input"]["source"] == "both"
    assert "later" in {each["name"] for each in report["namespaces"]}
    notes = " ".join(report["input"]["notes"])
    assert "Will change, or drifted: Service cart/cart (spec.ports[0].port" in notes
    assert "Not in the cluster yet: Namespace later." in notes
    assert "live objects are in no file" in notes


def told_by(report: Any) -> set[tuple[str, ...]]:
    """The findings, apart from where they stand."""
    objects = ((each["id"], each["case"], each["object"]) for each in report["findings"])
    return {(id, case, each["kind"], each["namespace"], each["name"]) for id, case, each in objects}


def test_scan_of_files_and_of_the_cluster_say_the_same(demo: ApiServer) -> None:
    """But for ConfigMaps that are not Istio's own, which are read of a cluster only if somebody asks for them."""
    _, files = run("scan", str(SHOP), "--mesh", "prod")
    _, cluster = run("scan", "--kubeconfig", str(demo.kubeconfig), "--istio-version", files["target"]["istio"])
    of_files = {each for each in told_by(files) if each[2] != "ConfigMap"}
    assert of_files == {each for each in told_by(cluster) if each[2] != "ConfigMap"}
    assert len(of_files) > 50
    assert verdicts(files).items() <= verdicts(cluster).items()
    assert verdicts(cluster).keys() - verdicts(files).keys() == {"default"}


def verdicts(report: Any) -> dict[str, Any]:
    return {each["name"]: (each["mode"], each["verdict"], each["not_seen"], each["waypoint"]) for each in report["namespaces"]}
