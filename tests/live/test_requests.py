"""What commands ask of a server, by the server's own record: lists, single objects, and the reviews about oneself."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.live.apiserver import ApiServer, gateway_definitions, istio_definitions, running

pytestmark = pytest.mark.xdist_group("live-requests")

POLICY = {"apiVersion": "audit.k8s.io/v1", "kind": "Policy", "rules": [{"level": "Metadata"}]}
REVIEWS = {"selfsubjectreviews", "selfsubjectrulesreviews"}
COMMANDS = [
    ["scan"],
    ["scan", "-n", "shop"],
    ["scan", "--selector", "team=a"],
    ["scan", "--configmaps"],
    ["scan", "--context", "test", "--context", "test"],
    ["plan"],
    ["estimate"],
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
        server.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": shop})
        secret = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "password", "namespace": "shop"}}
        server.apply(secret)
        (server.folder / "audit").symlink_to(folder / "audit.log")
        yield server


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_nothing_but_reading_is_asked(audited: ApiServer, command: list[str]) -> None:
    log = Path(audited.folder / "audit")
    before = log.stat().st_size
    arguments = [sys.executable, "-m", "ambimigrate", *command, "--kubeconfig", str(audited.kubeconfig)]
    done = subprocess.run(arguments, capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode in {0, 1}, done.stderr
    with log.open() as lines:
        lines.seek(before)
        asked = [json.loads(line) for line in lines]
    own = [each for each in asked if each["userAgent"].startswith("ambimigrate/")]
    assert len(own) > 20
    assert not [each for each in asked if each["userAgent"].startswith(("OpenAPI", "python"))]
    for each in own:
        resource = each.get("objectRef", {}).get("resource", "")
        allowed = each["verb"] in {"get", "list"} or (each["verb"] == "create" and resource in REVIEWS)
        assert allowed and resource != "secrets", each
