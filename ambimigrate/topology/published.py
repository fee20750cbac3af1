"""What is published past the gateways of the mesh: the Services of an Ingress, load balancers that dial pods by address."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from ambimigrate.kinds import Service
from ambimigrate.model import Mesh, Resource

_IP_TARGETS = {
    "service.beta.kubernetes.io/aws-load-balancer-nlb-target-type": "ip",
    "service.beta.kubernetes.io/aws-load-balancer-type": "nlb-ip",
    "alb.ingress.kubernetes.io/target-type": "ip",
}
_NEG = "cloud.google.com/neg"


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


def dialling(annotations: Mapping[str, str]) -> str | None:
    """The annotation by which the cloud's load balancer takes addresses of pods for its targets."""
    found = (key for key, value in _IP_TARGETS.items() if annotations.get(key) == value)
    return next(found, _NEG if annotations.get(_NEG) else None)
