"""An API server of a few lines for tests: serves given objects as lists in pages, and misbehaves where told to."""

from __future__ import annotations

import json
import re
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

from ambimigrate.kinds import KINDS

Manifest = dict[str, Any]
Query = dict[str, str]
_PATH = re.compile(r"/(?:api|apis/(?P<group>[^/]+))/(?P<version>[^/]+)(?:/namespaces/(?P<namespace>[^/]+))?/(?P<plural>[^/]+)")
_ONE = re.compile(r"/api/v1/namespaces/([^/]+)")


@dataclass(frozen=True)
class Answer:
    """What to send instead of the list; a pause of its own makes a server that hangs."""

    status: int
    body: Manifest | str
    headers: dict[str, str] = field(default_factory=dict)
    pause: float = 0


def status(code: int, message: str, token: str = "", **headers: str) -> Answer:
    """A failure as Kubernetes tells it."""
    body = {"kind": "Status", "status": "Failure", "message": message, "code": code, "metadata": {"continue": token}}
    return Answer(code, body, headers)


def forbidden(plural: str, user: str = "reader") -> Answer:
    return status(403, f'{plural} is forbidden: User "{user}" cannot list resource "{plural}" at the cluster scope')


Trick = Callable[[Query], Answer | None]  # None: as usual


@dataclass
class FakeCluster:
    """What is served, and what was asked."""

    objects: list[Manifest]
    page: int = 500
    missing: frozenset[str] = frozenset()  # kinds that are not served
    aggregated: bool = True
    token: str = "secret-token"
    tricks: dict[str, Trick] = field(default_factory=dict)  # plural.group -> trick
    requests: list[tuple[str, str]] = field(default_factory=list)
    url: str = ""

    def kubeconfig(self, folder: Path, *, context: str = "test", **user: Any) -> str:
        """A kubeconfig for this server, with the right token unless a user is given."""
        return write_kubeconfig(folder, self.url, context, user or {"token": self.token})

    def answer(self, method: str, url: str, headers: dict[str, str]) -> Answer:
        self.requests.append((method, url))
        given = headers.get("authorization")
        if given is None:
            return status(403, f'User "system:anonymous" cannot get path "{url}"')
        if given != f"Bearer {self.token}":
            return status(401, "Unauthorized")
        path, query = urlsplit(url).path, {key: value[0] for key, value in parse_qs(urlsplit(url).query).items()}
        if path == "/apis":
            return self._tricked("apis", query) or self._discovery("g=apidiscovery" in headers.get("accept", ""))
        if not self.aggregated and re.fullmatch(r"/apis/[^/]+/[^/]+", path):
            return self._resources(*path.split("/")[2:])
        if found := _ONE.fullmatch(path):
            return self._namespace(found[1])
        if not (found := _PATH.fullmatch(path)):
            return Answer(404, "404 page not found")
        name = f"{found['plural']}.{found['group']}" if found["group"] else found["plural"]
        return self._tricked(name, query) or self._list(found["group"] or "", found["plural"], found["namespace"], query)

    def _tricked(self, name: str, query: Query) -> Answer | None:
        trick = self.tricks.get(name)
        return trick(query) if trick else None

    def _offered(self) -> dict[str, list[tuple[str, str, str]]]:
        groups: dict[str, list[tuple[str, str, str]]] = {}
        for (group, kind), view in KINDS.items():
            if group and kind not in self.missing:
                groups.setdefault(group, []).extend((version, view.PLURAL, kind) for version in view.VERSIONS)
        return groups

    def _discovery(self, wants_aggregated: bool) -> Answer:
        groups = self._offered()
        versions = {group: sorted({version for version, _, _ in offered}) for group, offered in groups.items()}
        if not (self.aggregated and wants_aggregated):
            listed = [{"name": group, "versions": [{"version": each} for each in versions[group]]} for group in groups]
            return Answer(200, {"kind": "APIGroupList", "apiVersion": "v1", "groups": listed})
        items = [
            {
                "metadata": {"name": group, "creationTimestamp": None},
                "versions": [
                    {
                        "version": version,
                        "freshness": "Current",
                        "resources": [{"resource": plural} for each, plural, _ in groups[group] if each == version],
                    }
                    for version in versions[group]
                ],
            }
            for group in groups
        ]
        return Answer(200, {"kind": "APIGroupDiscoveryList", "metadata": {}, "items": items})

    def _resources(self, group: str, version: str) -> Answer:
        names = [{"name": plural} for each, plural, _ in self._offered().get(group, []) if each == version]
        return Answer(200, {"kind": "APIResourceList", "resources": names})

    def _namespace(self, name: str) -> Answer:
        found = next((each for each in self.objects if each["kind"] == "Namespace" and _name(each) == name), None)
        return Answer(200, found) if found else status(404, f'namespaces "{name}" not found')

    def _list(self, group: str, plural: str, namespace: str | None, query: Query) -> Answer:
        kind = next((kind for (g, kind), view in KINDS.items() if (g, view.PLURAL) == (group, plural)), None)
        if kind is None or kind in self.missing:
            return Answer(404, "404 page not found")
        found = [
            {key: value for key, value in each.items() if group or key not in {"kind", "apiVersion"}}
            for each in self.objects
            if each["kind"] == kind
            and each["apiVersion"].rpartition("/")[0] == group
            and namespace in {None, each["metadata"].get("namespace")}
            and query.get("fieldSelector", f"metadata.name={_name(each)}") == f"metadata.name={_name(each)}"
            and _has(each, query.get("labelSelector", ""))
        ]
        start = int(query.get("continue", "0"))
        end = start + min(int(query["limit"]), self.page)
        metadata = {"resourceVersion": "1", "continue": str(end)} if end < len(found) else {"resourceVersion": "1"}
        return Answer(200, {"kind": f"{kind}List", "metadata": metadata, "items": found[start:end]})


def _name(manifest: Manifest) -> str:
    return str(manifest["metadata"]["name"])


def _has(manifest: Manifest, selector: str) -> bool:
    key, wants_value, value = selector.partition("=")
    labels = manifest["metadata"].get("labels", {})
    return not selector or (labels.get(key) == value if wants_value else key in labels)


def write_kubeconfig(folder: Path, server: str, context: str, user: Manifest) -> str:
    """A kubeconfig of one context; JSON is YAML, too."""
    content = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": "one", "cluster": {"server": server}}],
        "users": [{"name": "somebody", "user": user}],
        "contexts": [{"name": context, "context": {"cluster": "one", "user": "somebody"}}],
        "current-context": context,
    }
    path = folder / "kubeconfig"
    path.write_text(json.dumps(content))
    return str(path)


@contextmanager
def serving(cluster: FakeCluster) -> Iterator[FakeCluster]:
    """Serves the cluster on a free port of 127.0.0.1."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        wbufsize = -1  # headers and body in one packet

        def reply(self) -> None:
            self.rfile.read(int(self.headers.get("Content-Length", 0)))
            answer = cluster.answer(self.command, self.path, {key.lower(): value for key, value in self.headers.items()})
            time.sleep(answer.pause)
            body = (answer.body if isinstance(answer.body, str) else json.dumps(answer.body)).encode()
            self.send_response(answer.status)
            for key, value in {"Content-Length": str(len(body)), **answer.headers}.items():
                self.send_header(key.replace("_", "-"), value)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_arguments: object) -> None:
            pass

    for method in ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"):
        setattr(Handler, f"do_{method}", Handler.reply)
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    cluster.url = f"http://127.0.0.1:{server.server_port}"
    try:
        yield cluster
    finally:
        server.shutdown()
        server.server_close()


def manifest(kind: str, name: str, namespace: str = "", group: str = "", **parts: Any) -> Manifest:
    """An object of one of the kinds that are read."""
    version = KINDS[group, kind].VERSIONS[0]
    metadata = {"name": name, **({"namespace": namespace} if namespace else {}), **parts.pop("metadata", {})}
    return {"apiVersion": f"{group}/{version}" if group else version, "kind": kind, "metadata": metadata, **parts}


def once(answer: Answer, when: Callable[[Query], bool] = lambda _query: True, times: int = 1) -> Trick:
    """The answer for the first requests of that sort, then the usual one."""
    left = [answer] * times

    def trick(query: Query) -> Answer | None:
        return left.pop() if left and when(query) else None

    return trick


def always(answer: Answer) -> Trick:
    return lambda _query: answer


def names(resources: Iterable[Any]) -> list[str]:
    return [f"{each.namespace}/{each.name}" for each in resources]
