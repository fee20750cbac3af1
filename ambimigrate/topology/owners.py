"""Namespaces without an object of their own: which Application of Argo CD makes them, and with which labels."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from msgspec import Struct

from ambimigrate.kinds import Application, ApplicationSet
from ambimigrate.model import Mesh, Resource, Route

_FIELD = ("syncPolicy", "managedNamespaceMetadata", "labels")


class Owner(Struct, frozen=True):
    """The Application (or the ApplicationSet that makes it), and where in it the labels of the namespace stand."""

    resource: Resource[Any]
    route: Route
    labels: Mapping[str, str]


def owner(mesh: Mesh, namespace: str) -> Owner | None:
    """Who sets the labels of the namespace, as far as the input shows (Argo CD, Application `managedNamespaceMetadata`)."""
    return mesh.index(_owners).get(namespace)


def _owners(mesh: Mesh) -> Mapping[str, Owner]:
    found: dict[str, Owner] = {}
    for resource in mesh.among((Application, ApplicationSet)):
        is_set = isinstance(resource.body, ApplicationSet)
        spec = resource.body.spec.template.spec if isinstance(resource.body, ApplicationSet) else resource.body.spec
        metadata = (spec.sync_policy or {}).get(_FIELD[1])
        labels = metadata.get("labels") if isinstance(metadata, dict) else None
        name = spec.destination.namespace
        if isinstance(labels, dict) and name and "{{" not in name:
            base: Route = ("spec", "template", "spec") if is_set else ("spec",)
            texts = {str(key): str(value) for key, value in labels.items()}
            found.setdefault(name, Owner(resource, (*base, *_FIELD), texts))
    return found
