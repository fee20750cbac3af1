"""Which objects Argo CD applies, in which order, as far as the Applications in the input show."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ambimigrate.kinds import Application, Namespace
from ambimigrate.model import Mesh, Resource
from ambimigrate.topology.meshconfig import dig

TRACKING_ID = "argocd.argoproj.io/tracking-id"
INSTANCE = "argocd.argoproj.io/instance"
WAVE = "argocd.argoproj.io/sync-wave"
COMPARE = "argocd.argoproj.io/compare-options"


def applications(mesh: Mesh, resource: Resource[Any]) -> Iterator[Resource[Application]]:
    """The Applications that apply an object: their folder holds its file, or it is in the namespace that they fill."""
    namespace = resource.name if isinstance(resource.body, Namespace) else resource.namespace
    for each in mesh.of(Application):
        source = each.body.spec.source or {}
        path = str(source.get("path") or "").strip("./")
        inside = bool(path) and f"/{path}/" in f"/{resource.file}"
        if inside or ("chart" not in source and namespace and each.body.spec.destination.namespace == namespace):
            yield each


def is_automated(application: Resource[Application]) -> bool:
    automated = dig(application.body.spec.sync_policy or {}, ("automated",))
    return isinstance(automated, dict) and automated.get("enabled") is not False


def wave(resource: Resource[Any]) -> int:
    """The sync wave of an object; without a number it is 0."""
    try:
        return int(resource.body.metadata.annotations.get(WAVE, "0"))
    except ValueError:
        return 0
