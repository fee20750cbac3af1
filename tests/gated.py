"""A git repository whose pull requests the gate judges, and the objects that tests put into it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import jsonschema
from msgspec import Struct

from ambimigrate import catalogue
from tests.conftest import FIXTURES

DEMO = FIXTURES / "repos" / "shop"
SCHEMAS = catalogue.folder() / "schemas"
NAMESPACE = """\
apiVersion: v1
kind: Namespace
metadata: {name: NAME, labels: {LABEL}}
---
apiVersion: v1
kind: ServiceAccount
metadata: {name: web, namespace: NAME}
---
apiVersion: v1
kind: Service
metadata: {name: web, namespace: NAME}
spec: {selector: {app: web}, ports: [{name: http, port: 80}]}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: web, namespace: NAME}
spec:
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec: {serviceAccountName: web, containers: [{name: web, image: web}]}
"""
SIDECARS, AMBIENT = "istio-injection: enabled", "istio.io/dataplane-mode: ambient"
ROUTE = """\
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: NAME, namespace: shop}
spec:
  hosts: [web]
  http:
  - timeout: 3s
    route: [{destination: {host: web}}]
"""
FAULT = ROUTE.replace("  - timeout: 3s\n", "  - fault: {abort: {httpStatus: 500, percentage: {value: 1}}}\n")
PORT_MODE = """\
apiVersion: security.istio.io/v1
kind: PeerAuthentication
metadata: {name: web, namespace: shop}
spec:
  selector: {matchLabels: {app: web}}
  mtls: {mode: STRICT}
  portLevelMtls: {8080: {mode: DISABLE}}
"""
ERROR = """\
apiVersion: security.istio.io/v1
kind: AuthorizationPolicy
metadata: {name: web, namespace: shop}
spec:
  selector: {matchLabels: {app: web}}
  action: DENY
  rules: [{to: [{operation: {methods: [DELETE]}}]}]
"""
QUIET = {name: "" for name in os.environ if name.startswith(("GITHUB_", "CI_", "GITLAB_"))}


class Repository(Struct):
    """A git repository whose branch `main` is the base; the work tree is what a pull request makes of it."""

    root: Path

    def git(self, *arguments: str) -> str:
        who = ("-c", "user.name=a", "-c", "user.email=a@example.org", "-c", "commit.gpgsign=false")
        run = subprocess.run(["git", "-C", str(self.root), *who, *arguments], capture_output=True, text=True, check=True)
        return run.stdout.strip()

    def write(self, files: Mapping[str, str | None]) -> None:
        for name, text in files.items():
            place = self.root / name
            place.parent.mkdir(parents=True, exist_ok=True)
            if text is None:
                place.unlink()
            else:
                place.write_text(text)

    def commit(self, files: Mapping[str, str | None], branch: str = "main") -> None:
        if not (self.root / ".git").exists():
            self.git("init", "--quiet", "--initial-branch=main")
        if self.git("branch", "--show-current") != branch:
            self.git("checkout", "--quiet", "-b", branch)
        self.write(files)
        self.git("add", "--all")
        self.git("commit", "--quiet", "--allow-empty", "--message", "change")

    def gate(self, *arguments: str, env: Mapping[str, str] | None = None) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "ambimigrate", "gate", ".", *arguments]
        mine = {"PYTHONPATH": str(FIXTURES.parent), "AMBIMIGRATE_CACHE_DIR": "off"}
        environment = {**os.environ, **QUIET, **mine, **(env or {})}
        return subprocess.run(command, capture_output=True, text=True, check=False, cwd=self.root, env=environment)

    def judged(self, *arguments: str, env: Mapping[str, str] | None = None) -> tuple[int, dict[str, Any]]:
        run = self.gate(*arguments, "--format", "json", env=env)
        assert run.stdout, run.stderr
        found = json.loads(run.stdout)
        schema = json.loads((SCHEMAS / "report.json").read_text())
        assert [each.message for each in jsonschema.Draft202012Validator(schema).iter_errors(found)] == []
        return run.returncode, found


def namespace(name: str = "shop", label: str = SIDECARS) -> str:
    return NAMESPACE.replace("NAME", name).replace("LABEL", label)


def began(root: Path) -> Repository:
    """A repository with one namespace on sidecars as its base."""
    made = Repository(root)
    made.commit({"shop.yaml": namespace()})
    return made


def states(found: dict[str, Any]) -> dict[str, str]:
    return {f"{each['id']} {each['object']['name']}": each["state"] for each in found["findings"]}


def failing(found: dict[str, Any]) -> set[str]:
    return {f"{each['id']} {each['object']['name']}" for each in found["findings"] if each["fails"]}


def plan(*names: str) -> str:
    return json.dumps({"schema": "ambimigrate.plan/v1", "waves": [{"number": 1, "mesh": "", "namespaces": list(names)}]})
