"""A scan of a large cluster against fetching the same pages raw, and against kubectl: wall time and peak memory.

Time grows in proportion with pods.
"""

from __future__ import annotations

import json
import os
import shutil
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing.pool import ThreadPool
from pathlib import Path
from urllib.parse import quote

import pytest

from ambimigrate.kinds import KINDS
from tests.bench.loaded import folder
from tests.live.apiserver import ApiServer, running, unavailable

PODS = int(os.environ.get("AMBIMIGRATE_BENCH_PODS", "15000"))
MOST_TIME, MOST_MEMORY = 2.0, 300  # times the raw fetch; MB
FEWER = 5


@pytest.fixture(scope="module")
def server() -> Iterator[ApiServer]:
    with loaded(PODS) as found:
        yield found


@contextmanager
def loaded(pods: int) -> Iterator[ApiServer]:
    """A server with so many pods."""
    if why := unavailable():
        pytest.skip(f"no real API server: {why}")
    with running(folder=folder(pods), environment={**os.environ, "GOGC": "50"}) as found:
        woken(found)
        yield found


def woken(server: ApiServer) -> None:
    """After a quiet time pages come from etcd; a write to any pod brings the server's cache back."""
    pod = "/api/v1/namespaces/team-0000/pods/app-5f6d8c7b9d-00000"
    change = {"metadata": {"annotations": {"woken": str(time.time())}}}
    server.send("PATCH", pod, change, Content_Type="application/merge-patch+json")


def fetched(server: ApiServer, paths: list[str]) -> tuple[float, int]:
    """Seconds and bytes of all pages of these lists, four lists at a time."""
    headers = {"Authorization": f"Bearer {server.token}"}

    def pages(path: str) -> int:
        size, token = 0, ""
        while True:
            url = f"{server.url}{path}?limit=500" + (f"&continue={quote(token)}" if token else "")
            answer = server.pool.request("GET", url, headers=headers, retries=False)
            size += len(answer.data)
            token = answer.data.partition(b'"continue":"')[2].partition(b'"')[0].decode()
            if not token:
                return size

    start = time.perf_counter()
    with ThreadPool(4) as pool:
        size = sum(pool.map(pages, paths))
    return time.perf_counter() - start, size


def measured(command: list[str], out: Path) -> tuple[float, float, float]:
    """Seconds, seconds of CPU and peak MB of a program; its output goes to a file."""
    start = time.perf_counter()
    pid = os.fork()
    if not pid:
        with out.open("w") as sink:
            os.dup2(sink.fileno(), 1)
        os.execv(command[0], command)
    _, code, usage = os.wait4(pid, 0)
    assert code == 0
    return time.perf_counter() - start, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024


def scanned(kubeconfig: Path, out: Path) -> tuple[float, float, float]:
    arguments = ["-m", "ambimigrate", "scan", "--kubeconfig", str(kubeconfig), "--format", "json", "--fail-on", "never"]
    return measured([sys.executable, *arguments], out)


def test_scan_costs_little_more_than_the_bytes(server: ApiServer, tmp_path: Path) -> None:
    served = {key for key, _ in server._served()}
    views = [
        (kind, view) for (group, kind), view in KINDS.items() if (f"{group}/{view.VERSIONS[0]}".lstrip("/"), kind) in served
    ]
    paths = [
        f"/apis/{view.GROUP}/{view.VERSIONS[0]}/{view.PLURAL}" if view.GROUP else f"/api/v1/{view.PLURAL}" for _, view in views
    ]
    runs = [(fetched(server, paths), scanned(server.kubeconfig, tmp_path / "report")) for _ in range(3)]
    raw, size = min(each for each, _ in runs)
    wall, _, memory = min(each for _, each in runs)
    report = json.loads((tmp_path / "report").read_text())
    assert report["input"]["objects"]["Pod"] == PODS
    sys.stderr.write(
        f"\n{PODS} pods: raw {raw:.2f} s for {size / 1e6:.0f} MB, scan {wall:.2f} s, {wall / raw:.2f} times, {memory:.0f} MB\n"
    )
    assert wall <= MOST_TIME * raw
    assert memory <= MOST_MEMORY


def test_scan_costs_less_than_kubectl(server: ApiServer, tmp_path: Path) -> None:
    kubectl = shutil.which("kubectl")
    if kubectl is None:
        pytest.skip("kubectl is not on PATH")
    wall, _, memory = scanned(server.kubeconfig, tmp_path / "report")
    pods = [kubectl, "get", "pods", "--all-namespaces", "--output", "json", "--kubeconfig", str(server.kubeconfig)]
    its_wall, _, its_memory = measured(pods, Path(os.devnull))
    sys.stderr.write(f"\nscan {wall:.1f} s, {memory:.0f} MB; kubectl get pods {its_wall:.1f} s, {its_memory:.0f} MB\n")
    assert wall < its_wall
    assert memory < its_memory


def test_time_grows_in_proportion_with_pods(server: ApiServer, tmp_path: Path) -> None:
    with loaded(PODS // FEWER) as small:
        few = min(scanned(small.kubeconfig, tmp_path / "few") for _ in range(3))
    woken(server)
    many = min(scanned(server.kubeconfig, tmp_path / "many") for _ in range(2))
    told = " and ".join(f"{each[0]:.2f} s ({each[1]:.2f} s of CPU)" for each in (few, many))
    sys.stderr.write(f"\n{PODS // FEWER} and {PODS} pods: {told}\n")
    assert many[1] <= FEWER * few[1]
    assert many[0] <= FEWER * few[0]
