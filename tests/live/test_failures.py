"""A real server that is busy, forgets, stops answering or lacks something; and Ctrl-C."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ambimigrate.decode import Reading
from ambimigrate.kinds import CustomResourceDefinition, Service
from ambimigrate.model import Target
from ambimigrate.sources import cluster_lists
from ambimigrate.sources.cluster import Patience, Where, read_cluster
from ambimigrate.sources.cluster_access import connect
from ambimigrate.sources.cluster_lists import Listing
from ambimigrate.sources.cluster_server import Server
from ambimigrate.versions import NEWEST, NEWEST_GATEWAY_API, Version
from tests.live.apiserver import ApiServer, gateway_definitions, istio_definitions, running

pytestmark = pytest.mark.xdist_group("live-failures")
TARGET = Target(NEWEST, NEWEST_GATEWAY_API)
FLOW = "flowcontrol.apiserver.k8s.io/v1"


def reading(server: ApiServer, kubeconfig: Path | None = None, patience: Patience = Patience()) -> Reading:  # noqa: B008
    return read_cluster(Where(kubeconfig=str(kubeconfig or server.kubeconfig)), TARGET, patience=patience)


def services(number: int) -> list[dict[str, Any]]:
    spec = {"ports": [{"port": 80}]}
    return [
        {"apiVersion": "v1", "kind": "Service", "metadata": {"name": f"svc-{each}", "namespace": "default"}, "spec": spec}
        for each in range(number)
    ]


def test_without_istio_and_without_the_gateway_api(empty: ApiServer) -> None:
    found = reading(empty)
    assert found.problems == ()
    assert {key for key in found.counts.skipped if "Gateway" in key or "VirtualService" in key} >= {
        "not served: GatewayClass",
        "not served: VirtualService",
    }
    empty.apply(*istio_definitions())
    assert "not served: VirtualService" not in reading(empty).counts.skipped
    empty.apply(*gateway_definitions())
    mesh = reading(empty).meshes[0]
    assert (mesh.target.gateway_api, mesh.target.channel) == (Version(1, 5, 1), "standard")
    assert [each.name for each in mesh.of(CustomResourceDefinition)] == ["gateways.gateway.networking.k8s.io"]


def test_a_server_that_refuses_many_at_once_is_asked_again(empty: ApiServer) -> None:
    rules = [{"apiGroups": ["*"], "resources": ["*"], "verbs": ["list"]}]
    reader = empty.reader("hurried", rules)
    limited = {"nominalConcurrencyShares": 0, "lendablePercent": 0, "borrowingLimitPercent": 0}
    level = {"type": "Limited", "limited": {**limited, "limitResponse": {"type": "Reject"}}}
    everything = {"apiGroups": ["*"], "resources": ["*"], "verbs": ["*"], "namespaces": ["*"], "clusterScope": True}
    subject = {"kind": "ServiceAccount", "serviceAccount": {"name": "hurried", "namespace": "default"}}
    flow = {
        "matchingPrecedence": 2,
        "priorityLevelConfiguration": {"name": "slow"},
        "rules": [{"subjects": [subject], "resourceRules": [everything]}],
    }
    empty.apply({"apiVersion": FLOW, "kind": "PriorityLevelConfiguration", "metadata": {"name": "slow"}, "spec": level})
    empty.apply({"apiVersion": FLOW, "kind": "FlowSchema", "metadata": {"name": "slow"}, "spec": flow})
    try:
        assert _is_refused_in_a_crowd(empty, reader)
        assert reading(empty, reader).problems == ()
    finally:
        empty.send("DELETE", f"/apis/{FLOW}/flowschemas/slow")


def _is_refused_in_a_crowd(server: ApiServer, reader: Path) -> bool:
    """Whether requests at once get 429, which the server begins with a moment after it was told to."""
    token = json.loads(reader.read_text())["users"][0]["user"]["token"]
    seen: list[int] = []

    def ask() -> None:
        headers = {"Authorization": f"Bearer {token}"}
        seen.append(server.pool.request("GET", f"{server.url}/api/v1/services", headers=headers, retries=False).status)

    end = time.monotonic() + 20
    while 429 not in seen and time.monotonic() < end:
        threads = [threading.Thread(target=ask) for _ in range(12)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    return 429 in seen


def test_a_list_that_expires_is_read_to_its_end(apiserver: None) -> None:
    with running("--etcd-compaction-interval=1s", "--feature-gates=ListFromCacheSnapshot=false") as forgetful:
        forgetful.apply(*services(9))
        server = _Slow(forgetful)
        listed = cluster_lists.read(server, Listing("Service", Service, "v1"))
        names = {each.name for each in listed.resources}
        assert names >= {f"svc-{each}" for each in range(9)}
        assert server.expired
        assert listed.failed is None


class _Slow(Server):
    """Asks for three objects at a time, and lets the server forget the first list after a page."""

    def __init__(self, server: ApiServer) -> None:
        super().__init__(connect(Where(kubeconfig=str(server.kubeconfig)), []), Patience())
        self.server, self.expired, self.pages = server, False, 0

    def get(self, path: str, accept: str = "application/json") -> bytes:
        self.pages += 1
        if self.pages == 2:
            end = time.monotonic() + 30
            while not self.expired and time.monotonic() < end:
                self.server.apply(*services(1))
                time.sleep(0.5)
                self.expired = self._is_expired(path.replace("limit=500", "limit=3"))
        return super().get(path.replace("limit=500", "limit=3"), accept)

    def _is_expired(self, path: str) -> bool:
        headers = {"Authorization": f"Bearer {self.server.token}"}
        answer = self.server.pool.request("GET", self.server.url + path, headers=headers, retries=False)
        return answer.status == 410


@pytest.fixture
def stopped(apiserver: None) -> Iterator[tuple[ApiServer, int]]:
    """A server, and the process that can be made to stand still."""
    with running() as server:
        pid = next(
            int(each.name)
            for each in Path("/proc").iterdir()
            if each.name.isdecimal() and str(server.folder).encode() in _command(each)
        )
        try:
            yield server, pid
        finally:
            os.kill(pid, signal.SIGCONT)


def _command(process: Path) -> bytes:
    try:
        return (process / "cmdline").read_bytes()
    except OSError:
        return b""


def test_a_server_that_stops_answering(stopped: tuple[ApiServer, int]) -> None:
    server, pid = stopped
    os.kill(pid, signal.SIGSTOP)
    command = [sys.executable, "-m", "ambimigrate", "scan", "--kubeconfig", str(server.kubeconfig)]
    start = time.monotonic()
    done = subprocess.run([*command, "--request-timeout", "1s"], capture_output=True, text=True, check=False, timeout=60)
    assert (done.returncode, done.stdout) == (2, "")
    assert "cannot be reached: no answer after 1 s" in done.stderr
    assert time.monotonic() - start < 20
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    time.sleep(2)
    start = time.monotonic()
    process.send_signal(signal.SIGINT)
    assert process.wait(10) == 130
    assert time.monotonic() - start < 2


def test_two_clusters_are_two_parts_of_one_report(empty: ApiServer, stopped: tuple[ApiServer, int]) -> None:
    other, _ = stopped
    other.apply(
        {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "shop", "labels": {"istio-injection": "enabled"}}}
    )
    both: dict[str, list[Any]] = {name: [] for name in ("clusters", "users", "contexts")}
    for name, server in (("one", empty), ("two", other)):
        both["clusters"].append({"name": name, "cluster": server.config["clusters"][0]["cluster"]})
        both["users"].append({"name": name, "user": server.config["users"][0]["user"]})
        both["contexts"].append({"name": name, "context": {"cluster": name, "user": name}})
    path = empty.folder / "both"
    path.write_text(json.dumps({"apiVersion": "v1", "kind": "Config", **both}))
    command = [sys.executable, "-m", "ambimigrate", "scan", "--kubeconfig", str(path), "--format", "json"]
    done = subprocess.run([*command, "--context", "one", "--context", "two"], capture_output=True, text=True, check=False)
    report = json.loads(done.stdout)
    assert report["input"]["meshes"] == ["one", "two"]
    assert ("shop", "two") in {(each["name"], each["mesh"]) for each in report["namespaces"]}
    done = subprocess.run([*command, "--context", "three"], capture_output=True, text=True, check=False)
    assert "has no context 'three' (known: one, two)" in done.stderr
