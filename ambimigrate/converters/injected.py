"""What an injector wrote into a pod template that was then committed: the edits that take out exactly that.

What it adds, and how it rewrites probes and scrape annotations: Istio, pkg/kube/inject/webhook.go (`reinsertOverrides`,
`applyRewrite`, `applyPrometheusMerge`), pkg/kube/inject/app_probe.go, and files/injection-template.yaml; 1.5 to 1.31.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from msgspec import Struct

from ambimigrate.changes import Delete, Edit, Set
from ambimigrate.converters.outcome import Refused, written
from ambimigrate.model import Route
from ambimigrate.topology.injection import REVISION, STATUS
from ambimigrate.topology.workloads import Workload

NAMES = ("istio-proxy", "istio-init", "istio-validation", "enable-core-dump")
LABELS = {"security.istio.io/tlsMode": "istio", "networking.istio.io/tunnel": "http"}
_VOLUMES = (
    "workload-socket",
    "credential-socket",
    "workload-certs",
    "istio-envoy",
    "istio-data",
    "istio-podinfo",
    "istio-token",
    "istiod-ca-cert",
    "istio-certs",
)
_LISTS = ("initContainers", "containers")
_PROBES = {"livenessProbe": "livez", "readinessProbe": "readyz", "startupProbe": "startupz"}
_SCRAPE = ("scrape", "path", "port")
_DEFAULTS = ("kubectl.kubernetes.io/default-container", "kubectl.kubernetes.io/default-logs-container")
_CANONICAL = {
    "service.istio.io/canonical-name": ("app.kubernetes.io/name", "app"),
    "service.istio.io/canonical-revision": ("app.kubernetes.io/version", "version"),
}
_GROUP = 1337  # fsGroup that injectors up to 1.9 set for the token of the proxy
AGENT = "15020"


class Template(Struct, frozen=True):
    """A pod template as it stands in its file, with the route to it."""

    route: Route
    metadata: dict[str, Any]
    spec: dict[str, Any]

    def texts(self, kind: str) -> dict[str, Any]:
        """Its labels or annotations."""
        return _mapping(self.metadata.get(kind))

    def items(self, name: str) -> list[dict[str, Any]]:
        """The mappings of a list of its spec."""
        found = self.spec.get(name)
        return [_mapping(each) for each in found] if isinstance(found, list) else []


def template(workload: Workload) -> Template:
    """The template in the text of the workload's object."""
    tree: Any = written(workload.resource)
    for step in workload.template:
        tree = tree.get(step) if isinstance(tree, dict) else None
    found = _mapping(tree)
    return Template(workload.template, _mapping(found.get("metadata")), _mapping(found.get("spec")))


def is_marked(workload: Workload) -> bool:
    """Whether the template has something that an injector wrote, or a container that adjusts what it makes."""
    return any(marks(workload)) or any(
        each.name in NAMES[:3] for each in (*workload.pod.containers, *workload.pod.init_containers)
    )


def strip(workload: Workload) -> Iterator[Edit]:
    """What takes the sidecar out of the template. Raises Refused where what it replaced cannot be told."""
    text = template(workload)
    status = _status(text)
    proxy = next((each for name in _LISTS for each in text.items(name) if each.get("name") == "istio-proxy"), {})
    is_whole = proxy.get("image") not in {None, "", "auto"} or STATUS in text.texts("annotations")
    known = {"containers": NAMES, "initContainers": NAMES, "volumes": _VOLUMES if is_whole else ()}
    named: Mapping[str, Sequence[str]] = status or known
    kept = [each for name in _LISTS for each in text.items(name) if each.get("name") not in named.get(name, ())]
    yield from _probes(text, kept, _variable(proxy, "ISTIO_KUBE_APP_PROBERS"))
    for name in _LISTS:
        yield from _without(text, name, named.get(name, ()))
    _check_mounts(text, kept, named.get("volumes", ()))
    yield from _without(text, "volumes", named.get("volumes", ()))
    yield from _without(text, "imagePullSecrets", named.get("imagePullSecrets", ()))
    yield from marks(workload)
    if is_whole:
        yield from _metadata(text, workload, kept, _variable(proxy, "ISTIO_PROMETHEUS_ANNOTATIONS"))


def marks(workload: Workload) -> Iterator[Edit]:
    """The injector's own marks, which tell peers and the CNI agent that the pods have a sidecar."""
    text = template(workload)
    here = (*text.route, "metadata")
    if STATUS in text.texts("annotations"):
        yield Delete((*here, "annotations", STATUS))
    for key, value in LABELS.items():
        if text.texts("labels").get(key) == value:
            yield Delete((*here, "labels", key))


def _status(text: Template) -> dict[str, list[str]]:
    """What the injector says that it added, by field; empty if it says nothing readable."""
    try:
        found = json.loads(str(text.texts("annotations").get(STATUS, "{}")))
    except ValueError:
        return {}
    lists = _mapping(found).items()
    known = {str(key): [str(each) for each in value] for key, value in lists if isinstance(value, list)}
    return known if known.get("containers") or known.get("initContainers") else {}


def _without(text: Template, name: str, gone: Sequence[str]) -> Iterator[Edit]:
    """Takes the items of these names out of a list, the last first."""
    for number, each in reversed(list(enumerate(text.items(name)))):
        if each.get("name") in gone:
            yield Delete((*text.route, "spec", name, number))


def _check_mounts(text: Template, kept: Sequence[dict[str, Any]], volumes: Sequence[str]) -> None:
    for each in kept:
        for mount in _sequence(each.get("volumeMounts")):
            if _mapping(mount).get("name") in volumes:
                reason = f"container {each.get('name')} mounts {_mapping(mount).get('name')}, which came with the sidecar"
                raise Refused("mounted", (*text.route, "spec", "volumes"), reason)


def _probes(text: Template, kept: Sequence[dict[str, Any]], variable: str) -> Iterator[Edit]:
    """The probes as they were before they went through the agent's port."""
    known = _json(variable)
    own = [(name, number, each) for name in _LISTS for number, each in enumerate(text.items(name)) if each in kept]
    for name, number, each in own:
        for field, tail in _PROBES.items():
            asked = _mapping(_mapping(each.get(field)).get("httpGet"))
            path = str(asked.get("path", ""))
            if str(asked.get("port")) == AGENT and path.startswith("/app-health/") and path.endswith(f"/{tail}"):
                yield from _restored((*text.route, "spec", name, number, field), asked, _mapping(known.get(path)))


def _restored(route: Route, asked: dict[str, Any], before: dict[str, Any]) -> Iterator[Edit]:
    handler = next((key for key in ("httpGet", "tcpSocket", "grpc") if key in before), None)
    if handler is None:
        path = asked.get("path")
        reason = f"{route[-1]} asks the sidecar for {path}, and nothing in the template says what that asks the application"
        raise Refused("probe", (*route, "httpGet"), reason)
    if handler != "httpGet":
        yield Delete((*route, "httpGet"))
        yield Set((*route, handler), before[handler])
        return
    wanted = _mapping(before[handler])
    for key, value in wanted.items():
        is_default = (key, value) == ("scheme", "HTTP") and key not in asked
        if asked.get(key) != value and not is_default:
            yield Set((*route, handler, key), value)
    yield from (Delete((*route, handler, key)) for key in asked if key not in wanted)


def _metadata(text: Template, workload: Workload, kept: Sequence[dict[str, Any]], scrape: str) -> Iterator[Edit]:
    here, notes = (*text.route, "metadata"), text.texts("annotations")
    if REVISION in notes:
        yield Delete((*here, "annotations", REVISION))
    own = [each for each in text.items("containers") if each in kept]
    for key in _DEFAULTS:
        if own and notes.get(key) == own[0].get("name"):
            yield Delete((*here, "annotations", key))
    yield from _scraped(text, _json(scrape))
    labels = text.texts("labels")
    for key, sources in _CANONICAL.items():
        usual = "latest" if key.endswith("revision") else workload.name
        if labels.get(key) == next((labels[each] for each in sources if each in labels), usual):
            yield Delete((*here, "labels", key))
    if _mapping(text.spec.get("securityContext")).get("fsGroup") == _GROUP:
        yield Delete((*text.route, "spec", "securityContext", "fsGroup"))


def _scraped(text: Template, before: dict[str, Any]) -> Iterator[Edit]:
    """The scrape annotations as they were before they named the agent, which merged its own metrics into the answer."""
    notes = text.texts("annotations")
    if str(notes.get("prometheus.io/port")) != AGENT or notes.get("prometheus.io/path") != "/stats/prometheus":
        return
    for name in _SCRAPE:
        key = f"prometheus.io/{name}"
        route = (*text.route, "metadata", "annotations", key)
        if value := before.get(name):
            if notes.get(key) != value:
                yield Set(route, str(value))
        elif key in notes:
            yield Delete(route)


def _variable(container: dict[str, Any], name: str) -> str:
    found = (_mapping(each) for each in _sequence(container.get("env")))
    return next((str(each.get("value") or "") for each in found if each.get("name") == name), "")


def _json(text: str) -> dict[str, Any]:
    try:
        return _mapping(json.loads(text or "{}"))
    except ValueError:
        return {}


def _mapping(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _sequence(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []
