"""A real API server of Kubernetes for tests: the program of tests/apiserver, and how tests put objects into it."""

from __future__ import annotations

import json
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

import urllib3
import yaml

Manifest = dict[str, Any]
ROOT = Path(__file__).parents[2]
BINARY = ROOT / "build" / "apiserver"
ISTIO = "istio.io/api@v1.31.1"
GATEWAY_API = "sigs.k8s.io/gateway-api@v1.5.1"
MODULES = (ISTIO, GATEWAY_API, "sigs.k8s.io/gateway-api@v1.4.1")  # what the tests take from Go's module cache
_RBAC = "rbac.authorization.k8s.io"
_DISCOVERY = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList"
_WITH_STATUS = frozenset({"DaemonSet", "Deployment", "Gateway", "Node", "Pod", "PodDisruptionBudget", "Service"})


def unavailable() -> str:
    """Why there is no server to test with, "" if there is one."""
    if not shutil.which("go"):
        return "Go is not on PATH"
    return "" if BINARY.exists() else "build/apiserver is missing; `make build/apiserver` builds it"


class Refused(Exception):
    """The server did not do what was asked."""


class ApiServer:
    """A running server, as its administrator sees it."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.kubeconfig = folder, folder / "kubeconfig"
        self.config: Manifest = json.loads(self.kubeconfig.read_text())
        self.url: str = self.config["clusters"][0]["cluster"]["server"]
        self.token: str = self.config["users"][0]["user"]["token"]
        self.pool = urllib3.PoolManager(ca_certs=str(folder / "pki" / "apiserver.crt"), maxsize=8)
        self._plurals: dict[tuple[str, str], tuple[str, bool]] = {}

    def send(self, method: str, path: str, body: Any = None, **headers: str) -> Any:
        """One request of the administrator; keyword arguments are headers. Refused unless it was done."""
        sent = {"Authorization": f"Bearer {self.token}", "Content-Type": "application/json"}
        sent |= {name.replace("_", "-"): value for name, value in headers.items()}
        answer = self.pool.request(
            method, self.url + path, body=None if body is None else json.dumps(body), headers=sent, retries=False
        )
        if answer.status not in {200, 201}:
            raise Refused(f"{answer.status} {answer.data.decode(errors='replace')[:600]}")
        return json.loads(answer.data)

    def apply(self, *objects: Manifest) -> None:
        """Makes the objects what they say, statuses too. Kinds that CRDs among them define are served then."""
        for each in objects:
            path = self.path(each)
            self._patch(f"{path}?force=true&fieldManager=tests", each)
            if "status" in each and each["kind"] in _WITH_STATUS:
                self._patch(f"{path}/status?force=true&fieldManager=tests", each)
        for each in objects:
            if each["kind"] == "CustomResourceDefinition":
                self._await(each)

    def dry_run(self, manifest: Manifest) -> str:
        """What the server's schemas say against the object, "" if nothing."""
        try:
            self._patch(f"{self.path(manifest)}?dryRun=All&force=true&fieldManager=tests&fieldValidation=Strict", manifest)
        except Refused as error:
            return str(error)
        return ""

    def path(self, manifest: Manifest) -> str:
        """The path of an object."""
        version, metadata = manifest["apiVersion"], manifest["metadata"]
        plural, is_namespaced = self._resource(version, manifest["kind"])
        root = f"/apis/{version}" if "/" in version else f"/api/{version}"
        scope = f"/namespaces/{metadata.get('namespace', 'default')}" if is_namespaced else ""
        return f"{root}{scope}/{plural}/{metadata['name']}"

    def reader(self, name: str, rules: Sequence[Any], within: Mapping[str, Sequence[Any]] | None = None) -> Path:
        """The kubeconfig of a new service account that has these rules of RBAC everywhere, and more within namespaces."""
        account = {"kind": "ServiceAccount", "name": name, "namespace": "default"}
        self.apply({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": name, "namespace": "default"}})
        self.apply(*_grant("", name, rules, account))
        for namespace, more in (within or {}).items():
            self.apply(*_grant(namespace, name, more, account))
        request = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": {}}
        answer = self.send("POST", f"/api/v1/namespaces/default/serviceaccounts/{name}/token", request)
        return self.as_user(name, {"token": answer["status"]["token"]})

    def as_user(self, name: str, user: Manifest) -> Path:
        """A kubeconfig for this server with another user."""
        context = {"name": name, "context": {"cluster": "test", "user": name}}
        content = {**self.config, "users": [{"name": name, "user": user}], "contexts": [context], "current-context": name}
        path = self.folder / f"kubeconfig-{name}"
        path.write_text(json.dumps(content))
        return path

    def _patch(self, path: str, manifest: Manifest) -> None:
        self.send("PATCH", path, manifest, Content_Type="application/apply-patch+yaml")

    def _resource(self, version: str, kind: str) -> tuple[str, bool]:
        for wait in (0.05, 0.1, 0.2, 0.4, 0.8, 1.6, 3.2, 6.4):
            if (version, kind) in self._plurals:
                return self._plurals[version, kind]
            self._plurals = dict(self._served())
            if (version, kind) not in self._plurals:
                time.sleep(wait)
        raise Refused(f"{version} {kind} is not served")

    def _served(self) -> Iterator[tuple[tuple[str, str], tuple[str, bool]]]:
        groups = [each for root in ("/api", "/apis") for each in self.send("GET", root, Accept=_DISCOVERY)["items"]]
        for group, version in ((one, version) for one in groups for version in one["versions"]):
            prefix = f"{group['metadata']['name']}/" if group["metadata"].get("name") else ""
            for each in version.get("resources", ()):
                key = prefix + version["version"], each["responseKind"]["kind"]
                yield key, (each["resource"], each["scope"] == "Namespaced")

    def _await(self, definition: Manifest) -> None:
        """Until every version of a defined kind is listed."""
        spec = definition["spec"]
        for version in (each["name"] for each in spec["versions"] if each["served"]):
            plural, _ = self._resource(f"{spec['group']}/{version}", spec["names"]["kind"])
            for _ in range(200):
                try:
                    self.send("GET", f"/apis/{spec['group']}/{version}/{plural}?limit=1")
                    break
                except Refused:
                    time.sleep(0.02)


def _grant(namespace: str, name: str, rules: Sequence[Any], account: Manifest) -> Iterator[Manifest]:
    kind = "Role" if namespace else "ClusterRole"
    metadata = {"name": name, "namespace": namespace} if namespace else {"name": name}
    subject = {"roleRef": {"apiGroup": _RBAC, "kind": kind, "name": name}, "subjects": [account]}
    yield {"apiVersion": f"{_RBAC}/v1", "kind": kind, "metadata": metadata, "rules": list(rules)}
    yield {"apiVersion": f"{_RBAC}/v1", "kind": f"{kind}Binding", "metadata": metadata, **subject}


@contextmanager
def running(*flags: str, folder: Path | None = None, environment: Mapping[str, str] | None = None) -> Iterator[ApiServer]:
    """A server, empty unless it is started in the folder of an earlier one; flags are those of kube-apiserver."""
    home = folder or Path(tempfile.mkdtemp(prefix="ambimigrate-"))
    (home / "kubeconfig").unlink(missing_ok=True)
    with (home / "log").open("wb") as log:
        process = subprocess.Popen([BINARY, home, *flags], stdout=log, stderr=log, env=environment)
    try:
        end = time.monotonic() + 90
        while not (home / "kubeconfig").exists():
            if process.poll() is not None or time.monotonic() > end:
                raise RuntimeError(f"no API server:\n{(home / 'log').read_text(errors='replace')[-1500:]}")
            time.sleep(0.03)
        yield ApiServer(home)
    finally:
        process.terminate()
        try:
            process.wait(30)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        if folder is None:
            shutil.rmtree(home, ignore_errors=True)


@cache
def _folder(module: str) -> Path:
    """Where Go keeps a module; its client fetches and checks it where it is not there yet."""
    done = subprocess.run(["go", "mod", "download", "-json", module], capture_output=True, text=True, check=True, cwd="/")
    return Path(json.loads(done.stdout)["Dir"])


def _definitions(files: Iterable[Path]) -> Iterator[Manifest]:
    for file in sorted(files):
        for each in yaml.load_all(file.read_text(encoding="utf-8"), yaml.CSafeLoader):
            if each and each.get("kind") == "CustomResourceDefinition":
                yield each


def istio_definitions(module: str = ISTIO) -> Iterator[Manifest]:
    """The CRDs of Istio."""
    return _definitions([_folder(module) / "kubernetes" / "customresourcedefinitions.gen.yaml"])


def gateway_definitions(module: str = GATEWAY_API, channel: str = "standard") -> Iterator[Manifest]:
    """The CRDs of the Gateway API."""
    return _definitions((_folder(module) / "config" / "crd" / channel).glob("*.yaml"))
