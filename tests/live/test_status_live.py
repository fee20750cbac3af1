"""`status` on a real server: by what it says is next from sidecars to ambient mode, with what only a cluster shows."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.live.apiserver import ApiServer, Manifest

pytestmark = [
    pytest.mark.xdist_group("live-status"),
    pytest.mark.skipif(shutil.which("kubectl") is None, reason="kubectl is not on PATH"),
]
_CHANGING = ("echo ", "kubectl -n web patch", "kubectl patch", "kubectl -n web delete", "kubectl -n web label")
_WATCHING = ("rollout", "wait")  # no controller runs here


def agent(name: str, ready: int = 1) -> Manifest:
    """A DaemonSet of Istio on the one node."""
    labels = {"app": name}
    pod = {"metadata": {"labels": labels}, "spec": {"containers": [{"name": name, "image": "registry.example/istio:1.31.1"}]}}
    return {
        "apiVersion": "apps/v1",
        "kind": "DaemonSet",
        "metadata": {"name": name, "namespace": "istio-system"},
        "spec": {"selector": {"matchLabels": labels}, "template": pod},
        "status": {"desiredNumberScheduled": 1, "currentNumberScheduled": 1, "numberMisscheduled": 0, "numberReady": ready},
    }


def deployment(name: str, namespace: str, *environment: Manifest) -> Manifest:
    labels = {"app": name}
    image = "registry.example/pilot:1.31.1" if name == "istiod" else "registry.example/app:1"
    container = {"name": "discovery" if name == "istiod" else "app", "image": image, "env": list(environment)}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": name, "namespace": namespace, "labels": labels},
        "spec": {
            "selector": {"matchLabels": labels},
            "template": {"metadata": {"labels": labels}, "spec": {"containers": [container]}},
        },
    }


def pod(name: str, *, sidecar: bool) -> Manifest:
    """A running pod of Deployment web, with a sidecar that speaks HBONE, or captured by ztunnel."""
    annotations = {"sidecar.istio.io/status": "{}"} if sidecar else {"ambient.istio.io/redirection": "enabled"}
    containers = [{"name": each, "image": "registry.example/app:1"} for each in ("app", *(["istio-proxy"] if sidecar else []))]
    owner = {"apiVersion": "apps/v1", "kind": "ReplicaSet", "name": "web-1", "uid": "0c5f1a2e-0000-4000-8000-000000000000"}
    labels = {"app": "web"} | ({"networking.istio.io/tunnel": "http"} if sidecar else {})
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {
            "name": name,
            "namespace": "web",
            "labels": labels,
            "annotations": annotations,
            "ownerReferences": [owner],
        },
        "spec": {"containers": containers},
        "status": {"phase": "Running"},
    }


def base() -> Iterator[Manifest]:
    for name, labels in (("istio-system", {}), ("web", {"istio-injection": "enabled"})):
        yield {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": labels}}
    yield deployment("istiod", "istio-system", {"name": "PILOT_ENABLE_AMBIENT", "value": "true"})
    yield from (agent("istio-cni-node"), agent("ztunnel", ready=0))
    yield deployment("web", "web")
    ports = [{"name": "http", "port": 80, "targetPort": 8080}]
    yield service() | {"spec": {"selector": {"app": "web"}, "ports": ports}}
    route = {"hosts": ["web"], "http": [{"timeout": "3s", "route": [{"destination": {"host": "web", "port": {"number": 80}}}]}]}
    metadata = {"name": "web", "namespace": "web"}
    yield {"apiVersion": "networking.istio.io/v1", "kind": "VirtualService", "metadata": metadata, "spec": route}
    for name in ("default", "web"):
        yield {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": name, "namespace": "web"}}
    yield from (pod("web-1-a", sidecar=True), pod("web-1-b", sidecar=True))


def service() -> Manifest:
    return {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "web", "namespace": "web"}}


def condition(name: str) -> Manifest:
    now = "2026-01-01T00:00:00Z"
    return {"conditions": [{"type": name, "status": "True", "reason": "Ok", "message": "", "lastTransitionTime": now}]}


class Session:
    """A folder in which the plan is kept, and the commands that are run there."""

    def __init__(self, server: ApiServer, folder: Path) -> None:
        self.server, self.folder = server, folder
        self.environment = {**os.environ, "KUBECONFIG": str(server.kubeconfig)}

    def run(self, *arguments: str) -> tuple[int, Any]:
        command = [sys.executable, "-m", "ambimigrate", *arguments, "--format", "json"]
        environment = {**self.environment, "PYTHONPATH": str(Path(__file__).parents[2])}
        done = subprocess.run(
            command, capture_output=True, text=True, check=False, timeout=180, cwd=self.folder, env=environment
        )
        assert done.stdout, done.stderr
        return done.returncode, json.loads(done.stdout)

    def do(self, lines: list[str]) -> None:
        """Runs what changes objects."""
        for line in lines:
            if line.startswith(_CHANGING) and not any(each in line.split() for each in _WATCHING):
                subprocess.run(["bash", "-c", line], check=True, env=self.environment, cwd=self.folder, capture_output=True)


def web(found: Any) -> Any:
    return next(each for each in found["namespaces"] if each["name"] == "web")


def confirm(server: ApiServer, manifest: Manifest, name: str) -> None:
    """What istiod would say."""
    told = {each: manifest[each] for each in ("apiVersion", "kind", "metadata")} | {"status": condition(name)}
    path = f"{server.path(manifest)}/status?force=true&fieldManager=istiod"
    server.send("PATCH", path, told, Content_Type="application/apply-patch+yaml")


def gateway() -> Manifest:
    metadata = {"name": "waypoint", "namespace": "web"}
    return {"apiVersion": "gateway.networking.k8s.io/v1", "kind": "Gateway", "metadata": metadata}


@pytest.fixture(scope="module")
def session(cluster: ApiServer, tmp_path_factory: pytest.TempPathFactory) -> Session:
    cluster.apply(*base())
    found = Session(cluster, tmp_path_factory.mktemp("status"))
    code, plan = found.run("plan", "--record")
    assert code == 0, plan["held"]
    return found


def told(session: Session, code: int = 0) -> tuple[str | None, str, list[str]]:
    """The next step, the stage of the namespace, and what is half done in it."""
    got, found = session.run("status")
    assert got == code, found["drift"]
    return found["next"] and found["next"]["id"], web(found)["stage"], web(found)["half_done"]


def do(session: Session) -> None:
    session.do(session.run("status")[1]["next"]["commands"])


def test_from_sidecars_to_ambient_mode(session: Session, tmp_path: Path) -> None:
    server = session.server
    assert told(session) == ("1.1", "none", [])
    assert session.run("status")[1]["next"]["title"] == "Wait for ztunnel on every node"
    server.apply(agent("ztunnel"))
    assert told(session) == ("2.1", "none", [])
    do(session)
    assert told(session) == ("2.1", "waypoints", ["Gateway web/waypoint: Programmed is Unknown (Pending)"])
    assert session.run("status")[1]["next"]["commands"] == []
    confirm(server, gateway(), "Programmed")
    assert told(session) == ("2.2", "waypoints", [])
    do(session)
    assert told(session) == ("2.2", "bind", ["Service web/web has no condition istio.io/WaypointBound yet"])
    confirm(server, service(), "istio.io/WaypointBound")
    assert told(session) == ("2.3", "bind", [])
    do(session)
    _restarting(session)
    _as_its_files_say(session, tmp_path)
    do(session)
    assert told(session) == (None, "retire", [])
    _undone(session)


def _restarting(session: Session) -> None:
    """First no pod is ambient, then one of two, then both."""
    assert told(session) == ("2.3", "enroll", ["2 of 2 pods still with a sidecar: Deployment web"])
    for name, left in (("web-1-a", "1 of 2 pods still with a sidecar: Deployment web"), ("web-1-b", "")):
        session.server.send("DELETE", f"/api/v1/namespaces/web/pods/{name}?gracePeriodSeconds=0")
        session.server.apply(pod(name.replace("-1-", "-2-"), sidecar=False))
        assert told(session) == ("2.3" if left else "2.4", "enroll", [left] if left else [])
    commands = session.run("status")[1]["next"]["commands"]
    assert any("virtualservice" in each for each in commands)


def _as_its_files_say(session: Session, folder: Path) -> None:
    """Files that are not enrolled yet, beside a cluster that is."""
    spaces = [each for each in base() if each["kind"] in {"Namespace", "Deployment", "Service", "VirtualService"}]
    (folder / "all.json").write_text(json.dumps({"apiVersion": "v1", "kind": "List", "items": spaces}))
    code, found = session.run(
        "status", str(folder), "--context", "test", "--plan", str(session.folder / ".ambimigrate" / "plan.json")
    )
    assert code == 0
    ahead = [each["step"] for each in found["drift"] if each["kind"] == "files"]
    assert ahead == ["2.1", "2.2", "2.3"]


def _undone(session: Session) -> None:
    """The label that binds is taken off by hand."""
    labels = {"metadata": {"labels": {"istio.io/use-waypoint": None}}}
    for path in (session.server.path(service()), "/api/v1/namespaces/web"):
        session.server.send("PATCH", path, labels, Content_Type="application/merge-patch+json")
    code, found = session.run("status")
    assert code == 1
    assert [(each["kind"], each["step"]) for each in found["drift"] if each["step"]] == [("skipped", "2.2")]


def test_a_snapshot_says_what_the_cluster_says(session: Session) -> None:
    code, live = session.run("status", "--save", "web.snapshot")
    assert session.run("status", "web.snapshot") == (code, live)


def test_what_was_not_read_is_not_judged(session: Session) -> None:
    _, found = session.run("status", "-n", "istio-system")
    assert {each["state"] for each in found["steps"] if each["stage"]} == {"unseen"}
    assert found["namespaces"] == []
