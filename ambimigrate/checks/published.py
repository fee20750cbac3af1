"""The Services that an Ingress publishes."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ambimigrate.kinds import Service
from ambimigrate.model import Mesh, Resource


def backends(mesh: Mesh, resource: Resource[Any]) -> Iterator[Resource[Service]]:
    """The Services that an Ingress publishes, or the Service itself."""
    if isinstance(resource.body, Service):
        yield resource
        return
    spec = resource.body.spec
    paths = (path.backend for each in spec.rules if each.http for path in each.http.paths)
    names = [each.service.name for each in (*((spec.default_backend,) if spec.default_backend else ()), *paths) if each.service]
    for name in dict.fromkeys(names):
        found = mesh.find(Service, resource.namespace, name, resource.file)
        if found is not None:
            yield found
