"""What commands ask of a server, by the server's own record: lists, single objects, and the reviews about oneself."""

from __future__ import annotations

import inspect
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

from ambimigrate.cli import COMMANDS
from tests.live.apiserver import ApiServer, gateway_definitions, istio_definitions, running

pytestmark = pytest.mark.xdist_group("live-requests")

POLICY = {"apiVersion": "audit.k8s.io/v1", "kind": "Policy", "rules": [{"level": "Metadata"}]}
BANK = "apiVersion: v1\nkind: Namespace\nmetadata: {name: bank}\n"
REVIEWS = {"selfsubjectreviews", "selfsubjectrulesreviews"}


def parameters(name: str) -> set[str]:
    return set(inspect.signature(getattr(import_module(f"ambimigrate.cli.{name}"), name)).parameters)


READERS = [name for name in COMMANDS if "context" in parameters(name)]
ALONE = [name for name in READERS if "paths" in parameters(name)]  # the others lay files over the cluster
STAGED = {"verify": ["--stage", "enroll"]}
TRIED = [
    *([name] for name in ALONE),
    *([name, "FOLDER", "--context", "test", *STAGED.get(name, ())] for name in READERS),
    ["scan", "-n", "shop"],
    ["plan", "-n", "shop", "-n", "bank"],
    ["scan", "--selector", "team=a"],
    ["scan", "--configmaps"],
    ["scan", "--context", "test", "--context", "again"],
    ["scan", "--upgrade-path", "--format", "html", "--request-timeout", "30s"],
    ["scan", "--save", "FILE"],
]


@pytest.fixture(scope="module")
def audited(apiserver: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ApiServer]:
    """A server that writes down every request."""
    folder = tmp_path_factory.mktemp("audit")
    (folder / "policy.json").write_text(json.dumps(POLICY))
    flags = [
        f"--audit-policy-file={folder}/policy.json",
        f"--audit-log-path={folder}/audit.log",
        "--audit-log-mode=blocking-strict",
    ]
    with running(*flags) as server:
        server.apply(*istio_definitions(), *gateway_definitions())
        shop = {"name": "shop", "labels": {"istio-injection": "enabled", "team": "a"}}
        for metadata in (shop, {"name": "bank"}):
            server.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": metadata})
        secret = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "password", "namespace": "shop"}}
        server.apply(secret)
        again = {**server.config["contexts"][0], "name": "again"}
        server.kubeconfig.write_text(json.dumps({**server.config, "contexts": [*server.config["contexts"], again]}))
        (server.folder / "audit").symlink_to(folder / "audit.log")
        yield server


def assert_only_reads(requests: list[Any]) -> None:
    for each in requests:
        resource = each.get("objectRef", {}).get("resource", "")
        allowed = each["verb"] in {"get", "list"} or (each["verb"] == "create" and resource in REVIEWS)
        assert allowed and resource != "secrets", each


def asked(server: ApiServer, arguments: list[str], **environment: str) -> list[Any]:
    """What the server writes down while a command runs."""
    log = Path(server.folder / "audit")
    before = log.stat().st_size
    command = [sys.executable, "-m", "ambimigrate", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120, env={**os.environ, **environment})
    assert done.returncode in {0, 1}, done.stderr
    with log.open() as lines:
        lines.seek(before)
        every = [json.loads(line) for line in lines]
    assert not [each for each in every if each["userAgent"].startswith(("OpenAPI", "python"))]
    own = [each for each in every if each["userAgent"].startswith("ambimigrate/")]
    assert_only_reads(own)
    return [each for each in own if each["stage"] == "ResponseComplete"]


@pytest.mark.parametrize("command", TRIED, ids=" ".join)
def test_nothing_but_reading_is_asked(audited: ApiServer, command: list[str], tmp_path: Path) -> None:
    (tmp_path / "bank.yaml").write_text(BANK)
    meant = {"FOLDER": str(tmp_path), "FILE": str(tmp_path / "kept")}
    arguments = [meant.get(each, each) for each in command]
    requests = asked(audited, [*arguments, "--kubeconfig", str(audited.kubeconfig)])
    assert len(requests) > 20


def test_a_snapshot_is_read_without_the_server(audited: ApiServer, tmp_path: Path) -> None:
    file = str(tmp_path / "kept")
    asked(audited, ["scan", "--kubeconfig", str(audited.kubeconfig), "--save", file])
    for name in ALONE:
        assert asked(audited, [name, file], KUBECONFIG=str(audited.kubeconfig)) == []
    (tmp_path / "bank.yaml").write_text(BANK)
    for name in READERS:
        over = [name, str(tmp_path / "bank.yaml" if name in ALONE else tmp_path), "--snapshot", file, *STAGED.get(name, ())]
        assert asked(audited, over, KUBECONFIG=str(audited.kubeconfig)) == []


def test_completion_lists_namespaces_and_nothing_else(audited: ApiServer) -> None:
    words = {"_AMBIMIGRATE_COMPLETE": "complete_bash", "COMP_WORDS": "ambimigrate scan -n ", "COMP_CWORD": "3"}
    requests = asked(audited, [], KUBECONFIG=str(audited.kubeconfig), **words)
    assert [(each["verb"], each["objectRef"]["resource"]) for each in requests] == [("list", "namespaces")]
