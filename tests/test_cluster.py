"""Reading a cluster: pages, refusals, repetitions, odd objects, servers that hang."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from ambimigrate.kinds import KINDS, Namespace, Service, VirtualService
from ambimigrate.model import Problem
from ambimigrate.report import report
from ambimigrate.sources.cluster import Patience
from ambimigrate.versions import Version
from tests.clusters import ISTIO, ISTIOD, ROUTE, SERVICES, SHOP, problems, reading
from tests.fakecluster import Answer, FakeCluster, always, forbidden, manifest, names, once, serving, status


@pytest.fixture
def cluster() -> Iterator[FakeCluster]:
    with serving(FakeCluster([SHOP, *SERVICES, ROUTE, ISTIOD])) as served:
        yield served


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
    cluster.tricks["virtualservices.networking.istio.io"] = always(refused)
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
    assert found.counts.skipped == {"not served: TCPRoute": 1, "kinds that are not installed": 1}
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
    cluster.tricks |= {f"{view.PLURAL}.{view.GROUP}".rstrip("."): hanging for view in KINDS.values()}
    found = reading(cluster, tmp_path, patience=Patience(read=0.2, pause=0.01))
    assert len(cluster.requests) < 20
    assert len(found.problems) > 30
