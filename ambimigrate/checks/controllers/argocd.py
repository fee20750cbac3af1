"""Which objects Argo CD applies, in which order, as far as the Applications in the input show."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ambimigrate.kinds import Application, Namespace
from ambimigrate.kinds.delivery import WAVE
from ambimigrate.model import Mesh, Resource, Route
from ambimigrate.topology.meshconfig import dig

TRACKING_ID = "argocd.argoproj.io/tracking-id"
INSTANCE = "argocd.argoproj.io/instance"
COMPARE = "argocd.argoproj.io/compare-options"


def applications(mesh: Mesh, resource: Resource[Any]) -> Iterator[Resource[Application]]:
    """The Applications that apply an object: their folder holds its file, or it is in the namespace that they fill."""
    namespace = resource.name if isinstance(resource.body, Namespace) else resource.namespace
    for each in mesh.of(Application):
        sources = [found for found in (each.body.spec.source, *each.body.spec.sources) if found] or [{}]
        fills = namespace and each.body.spec.destination.namespace == namespace and any(map(_applies_files, sources))
        if fills or any(_holds(found, resource.file) for found in sources):
            yield each


def _holds(source: dict[str, Any], file: str) -> bool:
    path = str(source.get("path") or "").strip("./")
    return bool(path) and f"/{path}/" in f"/{file}"


def _applies_files(source: dict[str, Any]) -> bool:
    """Whether a source is neither a chart of a registry nor there for its values files alone."""
    return "chart" not in source and ("path" in source or "ref" not in source)


def ignoring(mesh: Mesh, resource: Resource[Any], route: Route) -> Resource[Application] | None:
    """The Application that leaves the field of the object as it is in the cluster (`RespectIgnoreDifferences`)."""
    for each in applications(mesh, resource):
        options = (each.body.spec.sync_policy or {}).get("syncOptions")
        respected = isinstance(options, list) and "RespectIgnoreDifferences=true" in options
        if respected and any(_ignores(entry, resource, route) for entry in each.body.spec.ignore_differences):
            return each
    return None


def _ignores(entry: dict[str, Any], resource: Resource[Any], route: Route) -> bool:
    wanted = {"kind": resource.kind, "group": resource.ref.group, "name": resource.name, "namespace": resource.namespace}
    if any(entry.get(key) not in {None, "", "*", value} for key, value in wanted.items()):
        return False
    texts = tuple(map(str, route))
    paths = [_pointed(each) for each in entry.get("jsonPointers") or () if isinstance(each, str)]
    paths += [tuple(each.strip(".").split(".")) for each in entry.get("jqPathExpressions") or () if isinstance(each, str)]
    return any(texts[: len(path)] == path[: len(texts)] for path in paths)


def _pointed(pointer: str) -> tuple[str, ...]:
    """The steps of a JSON pointer (RFC 6901)."""
    return tuple(step.replace("~1", "/").replace("~0", "~") for step in pointer.split("/")[1:])


def is_automated(application: Resource[Application]) -> bool:
    automated = dig(application.body.spec.sync_policy or {}, ("automated",))
    return isinstance(automated, dict) and automated.get("enabled") is not False


def wave(resource: Resource[Any]) -> int:
    """The sync wave of an object; without a number it is 0."""
    try:
        return int(resource.body.metadata.annotations.get(WAVE, "0"))
    except ValueError:
        return 0
