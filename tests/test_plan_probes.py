"""The Jobs that try policies: such as the API server takes, and what they make of answers."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
import yaml
from kubernetes import client

from ambimigrate.plan import probes
from tests.conftest import FIXTURES

CURL = pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not on PATH")


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("plan")
    shop = str(FIXTURES / "repos" / "shop")
    command = [sys.executable, "-m", "ambimigrate", "plan", shop, "--probes", str(out / "probes")]
    run = subprocess.run(command, capture_output=True, text=True, check=False)
    assert run.returncode == 1, run.stderr
    return out


def jobs(folder: Path) -> Iterator[dict[str, Any]]:
    for file in sorted(folder.rglob("*.yaml")):
        if file.name != "kustomization.yaml":
            yield yaml.safe_load(file.read_text())


def unknown(tree: Any, kind: str, route: str = "") -> Iterator[str]:
    """Fields that the API does not have, and values of other types, by the types of the generated client."""
    if kind.startswith("list["):
        assert isinstance(tree, list), route
        for number, each in enumerate(tree):
            yield from unknown(each, kind[5:-1], f"{route}[{number}]")
    elif kind.startswith("dict("):
        assert all(isinstance(key, str) and isinstance(each, str) for key, each in tree.items()), route
    elif hasattr(client, kind):
        types = {name: getattr(client, kind).openapi_types[own] for own, name in getattr(client, kind).attribute_map.items()}
        for key, each in tree.items():
            if key not in types:
                yield f"{route}.{key}"
            else:
                yield from unknown(each, types[key], f"{route}.{key}")
    else:
        wanted = {"str": str, "int": int, "bool": bool}.get(kind, object)
        assert isinstance(tree, wanted), (route, kind, tree)


def test_probes_are_jobs_as_the_api_has_them(written: Path) -> None:
    found = list(jobs(written / "probes"))
    assert found
    for job in found:
        assert list(unknown(job, "V1Job")) == []
        for text in (job["metadata"]["name"], job["metadata"]["namespace"]):
            assert re.fullmatch(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?", text) and len(text) <= 57
        for value in {**job["metadata"]["labels"], **job["spec"]["template"]["metadata"]["labels"]}.values():
            assert re.fullmatch(r"[A-Za-z0-9]([-_.A-Za-z0-9]*[A-Za-z0-9])?", value) and len(value) <= 63
        assert job["spec"]["backoffLimit"] == 0
        assert job["spec"]["template"]["spec"]["restartPolicy"] == "Never"


def test_kinds_of_callers_have_their_data_plane(written: Path) -> None:
    planes: dict[str, Mapping[str, str]] = {}
    for job in jobs(written / "probes" / "prod"):
        request = job["metadata"]["annotations"]["ambimigrate.io/request"]
        kind = "outside" if "outside" in request else request.rpartition("(")[2].rstrip(")")
        planes[kind] = job["spec"]["template"]["metadata"]["labels"]
    assert planes["ambient"]["istio.io/dataplane-mode"] == "ambient"
    assert planes["ambient"]["sidecar.istio.io/inject"] == "false"
    assert planes["sidecar"]["sidecar.istio.io/inject"] == "true"
    assert planes["outside"]["istio.io/dataplane-mode"] == "none"
    assert "pod-address" in planes


def test_a_folder_of_probes_is_one_kustomization(written: Path) -> None:
    for file in (written / "probes").rglob("kustomization.yaml"):
        named = set(yaml.safe_load(file.read_text())["resources"])
        assert named == {each.name for each in file.parent.glob("*.yaml")} - {"kustomization.yaml"}
        run = (file.parent / "run.sh").read_text()
        for each in jobs(file.parent):
            assert f"judge {each['metadata']['namespace']} {each['metadata']['name']}\n" in run


class Answers(BaseHTTPRequestHandler):
    """Answers as an application, as Envoy, and as ztunnel, which closes the connection."""

    def do_GET(self) -> None:
        match self.path:
            case "/closed":
                self.close_connection = True
                return
            case "/refused":
                status, body = 403, b"RBAC: access denied"
            case "/token":
                status, body = 401, b"Jwt is missing"
            case "/cut":
                status, body = 503, b"upstream connect error or disconnect/reset before headers"
            case "/own-403":
                status, body = 403, b"the application says no"
            case _:
                status, body = 200, b"hello"
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), Answers) as found:
        Thread(target=found.serve_forever, daemon=True).start()
        yield f"127.0.0.1:{found.server_address[1]}"
        found.shutdown()


def tried(*arguments: str) -> int:
    """How the script of a Job ends; it waits less between tries than in a pod."""
    script = probes.SCRIPT.strip().replace("sleep 4", "sleep 0").replace("sleep 8", "sleep 2").replace("-m 6", "-m 1")
    command = ["sh", "-c", script, "probe", *arguments]
    return subprocess.run(command, env={**os.environ, "PROXY": "none"}, capture_output=True, check=False).returncode


@CURL
@pytest.mark.parametrize("path", ["/refused", "/token", "/cut", "/closed"])
def test_refusals_are_recognised(server: str, path: str) -> None:
    assert tried("refused", "request", f"http://{server}{path}") == 0
    assert tried("answered", "request", f"http://{server}{path}") == 1


@CURL
@pytest.mark.parametrize("path", ["/", "/own-403"])
def test_a_forbidden_request_that_is_answered_fails(server: str, path: str) -> None:
    assert tried("refused", "request", f"http://{server}{path}") == 1
    assert tried("answered", "request", "-H", "Host: x", f"http://{server}{path}") == 0


@CURL
def test_connections_are_open_or_not(server: str) -> None:
    assert tried("answered", "connection", f"telnet://{server}") == 0
    assert tried("refused", "connection", f"telnet://{server}") == 1


@CURL
def test_no_answer_at_all_shows_nothing() -> None:
    assert tried("refused", "request", "http://127.0.0.1:1/") == 1
    assert tried("answered", "request", "http://127.0.0.1:1/") == 1
