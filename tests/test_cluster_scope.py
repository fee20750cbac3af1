"""What of a cluster is read and what is not, and that its objects mean the same as in files."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
import pytest

from ambimigrate.analyse import analyse
from ambimigrate.kinds import KINDS, ConfigMap, Namespace, Pod, ReplicaSet, Service, StatefulSet
from ambimigrate.model import Mesh, Resource
from ambimigrate.sources.cluster import ClusterError
from ambimigrate.sources.cluster_private import forget
from ambimigrate.sources.cluster_scope import is_istio, roles
from ambimigrate.sources.read import read_files
from ambimigrate.versions import NEWEST, Version
from tests.clusters import ISTIOD, REVIEW, ROUTE, SERVICES, SHOP, TARGET, assert_only_reads, reading
from tests.conftest import FIXTURES
from tests.fakecluster import FakeCluster, Manifest, always, forbidden, manifest, names, serving


@pytest.fixture
def cluster() -> Iterator[FakeCluster]:
    with serving(FakeCluster([SHOP, *SERVICES, ROUTE, ISTIOD])) as served:
        yield served


def test_of_what_workloads_make_only_pods_are_kept(cluster: FakeCluster, tmp_path: Path) -> None:
    def owned(kind: str, name: str, group: str, owner: Manifest) -> Manifest:
        reference = {"kind": owner["kind"], "apiVersion": owner["apiVersion"], "name": owner["metadata"]["name"]}
        return manifest(kind, name, "shop", group, metadata={"ownerReferences": [reference]}, spec={})

    replicas = owned("ReplicaSet", "istiod-1", "apps", ISTIOD)
    operator = {"kind": "StrimziPodSet", "apiVersion": "core.strimzi.io/v1", "metadata": {"name": "kafka"}}
    cluster.objects += [
        replicas,
        owned("Pod", "istiod-1-x", "", replicas),
        owned("Pod", "kafka-0", "", operator),
        owned("StatefulSet", "prometheus", "apps", {**operator, "kind": "Prometheus"}),
        manifest("Pod", "alone", "shop", spec={"containers": [{"name": "app"}]}),
    ]
    found = reading(cluster, tmp_path)
    assert names(found.meshes[0].of(Pod)) == ["shop/istiod-1-x", "shop/kafka-0", "shop/alone"]
    assert found.meshes[0].of(ReplicaSet) == ()
    assert names(found.meshes[0].of(StatefulSet)) == ["shop/prometheus"]
    assert found.counts.skipped["made by another object"] == 1


def test_config_maps_are_those_of_istio_and_of_the_network(cluster: FakeCluster, tmp_path: Path) -> None:
    for namespace, name in (
        ("istio-system", "istio"),
        ("istio-system", "istio-canary"),
        ("istio-system", "istio-ca-root-cert"),
        ("istio-system", "passwords"),
        ("kube-system", "cilium-config"),
        ("kube-system", "coredns"),
        ("shop", "istio"),
    ):
        labels = {"istio.io/rev": "canary"} if name == "istio-canary" else {}
        cluster.objects.append(
            manifest("ConfigMap", name, namespace, data={"mesh": "trustDomain: a.b"}, metadata={"labels": labels})
        )
    board = manifest("ConfigMap", "board", "shop", data={"a.json": "{}"}, metadata={"labels": {"grafana_dashboard": "1"}})
    cluster.objects.append(board)
    found = reading(cluster, tmp_path)
    wanted = ["istio-system/istio", "istio-system/istio-canary", "kube-system/cilium-config", "shop/board"]
    assert sorted(names(found.meshes[0].of(ConfigMap))) == wanted


def test_only_the_namespaces_asked_for_are_listed(cluster: FakeCluster, tmp_path: Path) -> None:
    cluster.objects.append(manifest("Service", "elsewhere", "other"))
    cluster.tricks["gatewayclasses.gateway.networking.k8s.io"] = always(forbidden("gatewayclasses"))
    cluster.tricks["configmaps"] = always(forbidden("configmaps"))
    found = reading(cluster, tmp_path, "shop")
    assert names(found.meshes[0].of(Service)) == [f"shop/svc-{number}" for number in range(7)]
    assert names(found.meshes[0].of(Namespace)) == ["/shop"]
    assert [(each.kind, each.namespace) for each in found.problems] == [("GatewayClass", "")]
    assert [note for note in found.notes if note.startswith("Only shop was read")]
    assert [note for note in found.notes if note.startswith("Settings in istio-system were not seen")]


def test_a_namespace_may_be_got_by_those_who_may_not_list(cluster: FakeCluster, tmp_path: Path) -> None:
    cluster.tricks["namespaces"] = always(forbidden("namespaces"))
    found = reading(cluster, tmp_path, "shop")
    assert names(found.meshes[0].of(Namespace)) == ["/shop"]


def test_a_namespace_that_is_not_there_is_an_error(cluster: FakeCluster, tmp_path: Path) -> None:
    with pytest.raises(ClusterError, match="has no namespace 'shopp'"):
        reading(cluster, tmp_path, "shopp")


@dataclass(frozen=True)
class Istiods:
    """The images of istiod that a cluster runs, and the version that comes of them."""

    images: tuple[str, ...]
    version: Version
    given: bool = False
    label: str = ""
    noted: bool = False


@pytest.mark.parametrize(
    "case",
    [
        Istiods(("docker.io/istio/pilot:1.24.2",), NEWEST, given=True),
        Istiods(("docker.io/istio/pilot:1.24.2",), Version(1, 24, 2)),
        Istiods(("istio/pilot:1.26.1", "istio/pilot:1.24.2"), Version(1, 24, 2), noted=True),
        Istiods(("istio/pilot@sha256:0123",), Version(1, 25, 3), label="1.25.3"),
        Istiods(("registry:5000/pilot",), NEWEST, noted=True),
        Istiods((), NEWEST, noted=True),
    ],
)
def test_the_version_is_that_of_istiod(cluster: FakeCluster, tmp_path: Path, case: Istiods) -> None:
    cluster.objects = [SHOP]
    for number, image in enumerate(case.images):
        template = {"spec": {"containers": [{"name": "discovery", "image": image}]}}
        labels = {"app": "istiod", "app.kubernetes.io/version": case.label}
        spec = {"template": template}
        cluster.objects.append(
            manifest("Deployment", f"istiod-{number}", "istio", "apps", metadata={"labels": labels}, spec=spec)
        )
    found = reading(cluster, tmp_path, given=case.given)
    assert found.meshes[0].target.istio == case.version
    assert bool(found.notes) == case.noted


def test_nothing_but_get_is_asked_and_never_secrets(cluster: FakeCluster, tmp_path: Path) -> None:
    reading(cluster, tmp_path)
    reading(cluster, tmp_path, "shop")
    assert_only_reads(cluster.requests)


def test_the_roles_name_exactly_the_kinds_that_are_listed(cluster: FakeCluster, tmp_path: Path) -> None:
    reading(cluster, tmp_path)
    asked = {
        (path.split("/")[2] if path.startswith("/apis/") else "", path.split("/")[-1])
        for path in (url.partition("?")[0] for _, url in cluster.requests)
        if path != "/apis" and not REVIEW.search(path)
    }
    # What Calico's API server shows is not asked for a second time below its other name.
    asked |= {(view.GROUP, view.PLURAL) for view in KINDS.values() if view.GROUP == "crd.projectcalico.org"}
    granted = {
        (group, plural)
        for role in roles("istio-system")
        for rule in role["rules"]
        for group in rule["apiGroups"]
        for plural in rule["resources"]
    }
    assert granted == asked == {(view.GROUP, view.PLURAL) for view in KINDS.values()}
    assert all(rule["verbs"] == ["list"] for role in roles("istio-system") for rule in role["rules"])
    assert "secrets" not in {plural for _, plural in granted}


def test_the_same_objects_give_the_same_findings_as_from_files(cluster: FakeCluster, tmp_path: Path) -> None:
    tree = next(mesh for mesh in read_files([str(FIXTURES / "repos/shop")], TARGET).meshes if mesh.name == "prod")
    once_each = {each.ref: each for each in tree.resources if is_read(each)}
    cluster.objects = [written(each) for each in once_each.values()]
    cluster.page = 3
    forget(once_each.values())
    found = reading(cluster, tmp_path, given=True)
    assert found.problems == ()
    live, files = found.meshes[0], Mesh("test", tuple(once_each.values()), TARGET, source="cluster")
    assert {each.ref: each.body for each in live.resources} == {each.ref: each.body for each in files.resources}
    assert told(live) == told(files) != []


def is_read(resource: Resource[Any]) -> bool:
    return not isinstance(resource.body, ConfigMap) or (resource.namespace == "istio-system" and is_istio(resource.name))


def written(resource: Resource[Any]) -> Manifest:
    ref, body = resource.ref, msgspec.to_builtins(resource.body)
    metadata = {**body.pop("metadata", {}), "name": ref.name, **({"namespace": ref.namespace} if ref.namespace else {})}
    return manifest(ref.kind, ref.name, ref.namespace, ref.group, **body, metadata=metadata)


def told(mesh: Mesh) -> list[Any]:
    return sorted((each.rule, each.hit.case, each.ref, each.hit.message, each.fingerprint) for each in analyse([mesh]))
