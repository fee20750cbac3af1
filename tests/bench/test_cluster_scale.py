"""A scan of a large cluster against fetching the same pages raw: wall time and peak memory."""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Iterator
from multiprocessing.pool import ThreadPool
from pathlib import Path
from urllib.parse import quote

import pytest

from ambimigrate.kinds import KINDS
from tests.bench.loaded import folder
from tests.live.apiserver import ApiServer, running, unavailable

PODS = int(os.environ.get("AMBIMIGRATE_BENCH_PODS", "15000"))
MOST_TIME, MOST_MEMORY = 2.0, 300  # times the raw fetch; MB


@pytest.fixture(scope="module")
def server() -> Iterator[ApiServer]:
    if why := unavailable():
        pytest.skip(f"no real API server: {why}")
    with running(folder=folder(PODS), environment={**os.environ, "GOGC": "50"}) as found:
        # After a quiet time pages come from etcd; a write to any pod brings the server's cache back.
        pod = "/api/v1/namespaces/team-0000/pods/app-5f6d8c7b9d-00000"
        woken = {"metadata": {"annotations": {"woken": str(time.time())}}}
        found.send("PATCH", pod, woken, Content_Type="application/merge-patch+json")
        yield found


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


def scanned(kubeconfig: Path, out: Path) -> tuple[float, float]:
    """Seconds and peak MB of a scan in a process of its own."""
    start = time.perf_counter()
    pid = os.fork()
    if not pid:
        with out.open("w") as sink:
            os.dup2(sink.fileno(), 1)
        arguments = ["-m", "ambimigrate", "scan", "--kubeconfig", str(kubeconfig), "--format", "json", "--fail-on", "never"]
        os.execv(sys.executable, [sys.executable, *arguments])
    _, code, usage = os.wait4(pid, 0)
    assert code == 0
    return time.perf_counter() - start, usage.ru_maxrss / 1024


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
    wall, memory = min(each for _, each in runs)
    report = json.loads((tmp_path / "report").read_text())
    assert report["input"]["objects"]["Pod"] == PODS
    sys.stderr.write(
        f"\n{PODS} pods: raw {raw:.2f} s for {size / 1e6:.0f} MB, scan {wall:.2f} s, {wall / raw:.2f} times, {memory:.0f} MB\n"
    )
    assert wall <= MOST_TIME * raw
    assert memory <= MOST_MEMORY
