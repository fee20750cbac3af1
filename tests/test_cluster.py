"""Reading a cluster: pages, refusals, repetitions, odd objects, and the same findings as from files."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from ambimigrate.analyse import analyse
from ambimigrate.decode import Reading
from ambimigrate.kinds import KINDS, ConfigMap, Namespace, Pod, ReplicaSet, Service, StatefulSet, VirtualService
from ambimigrate.model import Mesh, Problem, Resource, Target
from ambimigrate.report import report
from ambimigrate.sources.cluster import ClusterError, Patience, Where, read_cluster
from ambimigrate.sources.cluster_scope import is_istio, roles
from ambimigrate.sources.read import read_files
from ambimigrate.versions import NEWEST, NEWEST_GATEWAY_API, Version
from tests.conftest import FIXTURES
from tests.fakecluster import Answer, FakeCluster, Manifest, always, forbidden, manifest, names, once, serving, status

TARGET = Target(NEWEST, NEWEST_GATEWAY_API)
ISTIO = "networking.istio.io"
QUICK = Patience(connect=2, read=2, pause=0.01)
SERVICES = [manifest("Service", f"svc-{number}", "shop", spec={"ports": [{"port": 80}]}) for number in range(7)]
SHOP = manifest("Namespace", "shop", metadata={"labels": {"istio-injection": "enabled"}})
ROUTE = manifest("VirtualService", "route", "shop", ISTIO, spec={"hosts": ["svc-1"]})
ISTIOD = manifest(
    "Deployment",
    "istiod",
    "istio-system",
    "apps",
    metadata={"labels": {"app": "istiod"}},
    spec={"template": {"spec": {"containers": [{"name": "discovery", "image": "r:5000/istio/pilot:1.27.3-distroless"}]}}},
)


@pytest.fixture
def cluster() -> Iterator[FakeCluster]:
    with serving(FakeCluster([SHOP, *SERVICES, ROUTE, ISTIOD])) as served:
        yield served


def reading(cluster: FakeCluster, folder: Path, *namespaces: str, patience: Patience = QUICK, given: bool = False) -> Reading:
    where = Where(kubeconfig=cluster.kubeconfig(folder), namespaces=namespaces)
    return read_cluster(where, TARGET, istio_given=given, patience=patience)


def problems(found: Reading) -> list[tuple[str | None, str | None, str]]:
    return [(each.kind, each.namespace, each.message) for each in found.problems]


def test_a_cluster_is_one_mesh_named_after_its_context(cluster: FakeCluster, tmp_path: Path) -> None:
    found = reading(cluster, tmp_path)
    mesh = found.meshes[0]
    assert (mesh.name, mesh.source, found.problems) == ("test", "cluster", ())
    assert found.counts.objects == {"Namespace": 1, "Service": 7, "VirtualService": 1, "Deployment": 1}
    position = mesh.of(VirtualService)[0].at("spec", "hosts", 0)
    assert position == ("cluster/shop/VirtualService/route", None, None, ("spec", "hosts", 0))
    assert mesh.of(Namespace)[0].file == "cluster//Namespace/shop"
    assert mesh.target.istio == Version(1, 27, 3)


@pytest.mark.parametrize("aggregated", [True, False])
def test_lists_are_read_page_by_page(cluster: FakeCluster, tmp_path: Path, aggregated: bool) -> None:
    cluster.page, cluster.aggregated = 2, aggregated
    found = reading(cluster, tmp_path)
    assert names(found.meshes[0].of(Service)) == [f"shop/svc-{number}" for number in range(7)]
    assert len(found.meshes[0].of(VirtualService)) == 1
    asked = [url for _, url in cluster.requests if url.startswith("/api/v1/services?")]
    assert asked == [f"/api/v1/services?limit=500{rest}" for rest in ("", *(f"&continue={n}" for n in (2, 4, 6)))]


def test_a_refused_kind_is_one_problem_with_the_reason_of_the_server(cluster: FakeCluster, tmp_path: Path) -> None:
    refused = forbidden("virtualservices")
    cluster.tricks["virtualservices"] = always(refused)
    found = reading(cluster, tmp_path)
    assert isinstance(refused.body, dict)
    assert problems(found) == [("VirtualService", None, f"VirtualService cannot be listed: {refused.body['message']}")]
    assert len(found.meshes[0].of(Service)) == 7
    standing = next(each for each in report(found).namespaces if each.name == "shop")
    assert (standing.verdict, standing.not_seen) == ("unknown", ("VirtualService",))


def test_kinds_that_are_not_served_are_counted_and_no_problem(cluster: FakeCluster, tmp_path: Path) -> None:
    cluster.missing = frozenset({"TCPRoute", "Rollout"})
    found = reading(cluster, tmp_path)
    assert found.problems == ()
    assert [key for key in found.counts.skipped if "not served" in key] == ["not served: TCPRoute", "not served: Rollout"] or (
        {key for key in found.counts.skipped if "not served" in key} == {"not served: TCPRoute", "not served: Rollout"}
    )
    assert not [url for _, url in cluster.requests if "tcproutes" in url]


@pytest.mark.parametrize("code", [429, 500, 503])
def test_a_busy_server_is_asked_again(cluster: FakeCluster, tmp_path: Path, code: int) -> None:
    cluster.tricks["services"] = once(Answer(code, "Too many requests", {"Retry-After": "0"}), times=3)
    found = reading(cluster, tmp_path)
    assert (len(found.meshes[0].of(Service)), found.problems) == (7, ())


def test_patience_ends(cluster: FakeCluster, tmp_path: Path) -> None:
    cluster.tricks["services"] = lambda query: Answer(503, "<html>") if query.get("continue") == "4" else None
    cluster.page = 4
    found = reading(cluster, tmp_path)
    assert problems(found) == [("Service", None, "Service ended after 4 objects: answer 503")]
    assert len(found.meshes[0].of(Service)) == 4


@pytest.mark.parametrize("times", [1, 2])
def test_an_expired_list_begins_anew_once_and_then_goes_on(cluster: FakeCluster, tmp_path: Path, times: int) -> None:
    cluster.page = 3
    expired = status(410, "The provided continue parameter is too old", "6")
    cluster.tricks["services"] = once(expired, lambda query: query.get("continue") == "6", times)
    found = reading(cluster, tmp_path)
    assert names(found.meshes[0].of(Service)) == [f"shop/svc-{number}" for number in range(7)]
    assert found.problems == ()
    assert [note for note in found.notes if "snapshot" in note] == (
        ["The list of Service is not one snapshot: it expired twice while it was read."] if times == 2 else []
    )


def test_one_odd_object_is_one_problem_and_costs_no_other(cluster: FakeCluster, tmp_path: Path) -> None:
    odd = manifest("VirtualService", "odd", "shop", ISTIO, spec={"hosts": "svc-2"})
    nothing = manifest("VirtualService", "null", "shop", ISTIO, spec={"hosts": ["svc-3"], "http": None})
    cluster.objects += [odd, nothing]
    found = reading(cluster, tmp_path)
    message = "VirtualService: expected `array`, got `str` at spec.hosts"
    assert found.problems == (Problem(message, "cluster/shop/VirtualService/odd", None, "shop", "VirtualService"),)
    assert names(found.meshes[0].of(VirtualService)) == ["shop/route", "shop/null"]


def test_an_answer_that_is_no_list_is_a_problem(cluster: FakeCluster, tmp_path: Path) -> None:
    cluster.tricks["services"] = always(Answer(200, "<html>Please log in</html>"))
    [(kind, _, message)] = problems(reading(cluster, tmp_path))
    assert kind == "Service" and message.startswith("Service cannot be listed: the answer is no list")


def test_a_hanging_list_is_a_problem_after_its_time(cluster: FakeCluster, tmp_path: Path) -> None:
    cluster.tricks["services"] = always(Answer(200, {}, pause=1.5))
    found = reading(cluster, tmp_path, patience=Patience(read=0.2, pause=0.01))
    assert problems(found) == [("Service", None, "Service cannot be listed: no answer after 0.2 s")]


def test_a_server_that_stops_answering_is_not_asked_for_long(cluster: FakeCluster, tmp_path: Path) -> None:
    hanging = always(Answer(200, {}, pause=1.5))
    cluster.tricks |= {view.PLURAL: hanging for view in KINDS.values()}
    found = reading(cluster, tmp_path, patience=Patience(read=0.2, pause=0.01))
    assert len(cluster.requests) < 20
    assert len(found.problems) > 30


def test_what_workloads_make_is_left_out(cluster: FakeCluster, tmp_path: Path) -> None:
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
    assert names(found.meshes[0].of(Pod)) == ["shop/kafka-0", "shop/alone"]
    assert found.meshes[0].of(ReplicaSet) == ()
    assert names(found.meshes[0].of(StatefulSet)) == ["shop/prometheus"]
    assert found.counts.skipped["made by another object"] == 2


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
        cluster.objects.append(manifest("ConfigMap", name, namespace, data={"mesh": "trustDomain: a.b"}))
    found = reading(cluster, tmp_path)
    wanted = ["istio-system/istio", "istio-system/istio-canary", "kube-system/cilium-config"]
    assert names(found.meshes[0].of(ConfigMap)) == wanted


def test_only_the_namespaces_asked_for_are_listed(cluster: FakeCluster, tmp_path: Path) -> None:
    cluster.objects.append(manifest("Service", "elsewhere", "other"))
    cluster.tricks["gatewayclasses"] = always(forbidden("gatewayclasses"))
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


@pytest.mark.parametrize(
    ("images", "labels", "given", "version"),
    [
        (["docker.io/istio/pilot:1.24.2"], {}, True, NEWEST),
        (["istio/pilot:1.24.2", "istio/pilot:1.26.1"], {}, False, Version(1, 24, 2)),
        (["istio/pilot@sha256:0123"], {"app.kubernetes.io/version": "1.25.3"}, False, Version(1, 25, 3)),
        (["registry:5000/pilot"], {}, False, NEWEST),
        ([], {}, False, NEWEST),
    ],
)
def test_the_version_is_that_of_istiod(
    cluster: FakeCluster, tmp_path: Path, images: list[str], labels: dict[str, str], given: bool, version: Version
) -> None:
    def istiod(number: int, image: str) -> Manifest:
        template = {"spec": {"containers": [{"name": "discovery", "image": image}]}}
        metadata = {"labels": {"app": "istiod", **labels}}
        return manifest("Deployment", f"istiod-{number}", "istio", "apps", metadata=metadata, spec={"template": template})

    cluster.objects = [SHOP, *(istiod(number, image) for number, image in enumerate(images))]
    found = reading(cluster, tmp_path, given=given)
    assert found.meshes[0].target.istio == version
    assert bool(found.notes) == (not given and (version == NEWEST or len(images) > 1))


def test_nothing_but_get_is_asked_and_never_secrets(cluster: FakeCluster, tmp_path: Path) -> None:
    reading(cluster, tmp_path)
    reading(cluster, tmp_path, "shop")
    assert {method for method, _ in cluster.requests} == {"GET"}
    assert not [url for _, url in cluster.requests if "secret" in url.lower()]


def test_the_roles_name_exactly_the_kinds_that_are_listed(cluster: FakeCluster, tmp_path: Path) -> None:
    reading(cluster, tmp_path)
    asked = {
        (path.split("/")[2] if path.startswith("/apis/") else "", path.split("/")[-1])
        for path in (url.partition("?")[0] for _, url in cluster.requests)
        if path != "/apis"
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
