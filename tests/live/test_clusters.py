"""Two real servers read together: a part for each in one report, and what shows only between them."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.live.apiserver import Manifest, gateway_definitions, istio_definitions, running

pytestmark = pytest.mark.xdist_group("live-clusters")


def mesh(cluster: str, **more: str) -> list[Manifest]:
    """What istiod's charts leave in a cluster of the mesh `shop`, on a network of its own."""
    config = {"trustDomain": f"{cluster}.example", "defaultConfig": {"meshId": "shop"}}
    values = {"global": {"meshID": "shop", "network": cluster, "multiCluster": {"clusterName": cluster}}}
    system = {"namespace": "istio-system"}
    ports = [{"name": "http", "port": 80}]
    return [
        {
            "apiVersion": "v1",
            "kind": "Namespace",
            "metadata": {"name": "istio-system", "labels": {"topology.istio.io/network": cluster}},
        },
        {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "cart", "labels": {"istio-injection": "enabled"}}},
        {
            "apiVersion": "v1",
            "kind": "ConfigMap",
            "metadata": {"name": "istio", **system},
            "data": {"mesh": json.dumps(config)},
        },
        {
            "apiVersion": "v1",
            "kind": "ConfigMap",
            "metadata": {"name": "istio-sidecar-injector", **system},
            "data": {"values": json.dumps(values)},
        },
        {
            "apiVersion": "v1",
            "kind": "Service",
            "metadata": {"name": "cart", "namespace": "cart", "labels": dict(more)},
            "spec": {"ports": ports},
        },
    ]


EAST_WEST: Manifest = {
    "apiVersion": "gateway.networking.k8s.io/v1",
    "kind": "Gateway",
    "metadata": {"name": "eastwest", "namespace": "istio-system"},
    "spec": {"gatewayClassName": "istio-east-west", "listeners": [{"name": "mesh", "port": 15008, "protocol": "HBONE"}]},
}


@pytest.fixture(scope="module")
def both(apiserver: None) -> Iterator[Path]:
    """The kubeconfig of two clusters of one mesh, east and west."""
    with running() as east, running() as west:
        content: dict[str, list[Any]] = {name: [] for name in ("clusters", "users", "contexts")}
        for name, server in (("east", east), ("west", west)):
            server.apply(*istio_definitions(), *gateway_definitions())
            content["clusters"].append({"name": name, "cluster": server.config["clusters"][0]["cluster"]})
            content["users"].append({"name": name, "user": server.config["users"][0]["user"]})
            content["contexts"].append({"name": name, "context": {"cluster": name, "user": name}})
        east.apply(*mesh("east", **{"istio.io/global": "true"}), EAST_WEST)
        west.apply(*mesh("west"))
        path = east.folder / "both"
        path.write_text(json.dumps({"apiVersion": "v1", "kind": "Config", **content}))
        yield path


def scan(*arguments: str) -> Any:
    command = [sys.executable, "-m", "ambimigrate", "scan", "--format", "json", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode in {0, 1}, done.stderr
    return json.loads(done.stdout)


def between(report: Any) -> set[tuple[str, ...]]:
    found = (each for each in report["findings"] if each["id"] in {"MC005", "MC006"})
    return {(each["id"], each["case"], *each["meshes"]) for each in found}


EXPECTED = {
    ("MC005", "trust", "east"),
    ("MC005", "gateway", "west"),
    ("MC006", "scope", "east", "west"),
}


def test_what_shows_between_clusters(both: Path, tmp_path: Path) -> None:
    given = ["--kubeconfig", str(both)]
    report = scan(*given, "--context", "east", "--context", "west", "--save", str(tmp_path / "both.gz"))
    assert report["input"]["meshes"] == ["east", "west"]
    assert {(each["name"], each["mesh"]) for each in report["namespaces"]} >= {("cart", "east"), ("cart", "west")}
    assert between(report) == EXPECTED
    assert between(scan(str(tmp_path / "both.gz"))) == EXPECTED
    assert between(scan(*given, "--context", "east")) == set()


def test_a_wrong_or_missing_context_lists_the_known_ones(both: Path) -> None:
    command = [sys.executable, "-m", "ambimigrate", "scan", "--kubeconfig", str(both)]
    for more, said in ((["--context", "north"], "has no context 'north'"), ([], "has no current context")):
        done = subprocess.run([*command, *more], capture_output=True, text=True, check=False, timeout=60)
        assert done.returncode == 2
        assert said in done.stderr
        assert "(known: east, west)" in done.stderr
