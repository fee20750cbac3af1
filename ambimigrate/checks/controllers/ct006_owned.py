"""CT006: an object of Istio that another controller makes."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ambimigrate.checks import rule
from ambimigrate.kinds import AuthorizationPolicy, DestinationRule, EnvoyFilter, RequestAuthentication, VirtualService
from ambimigrate.model import Hit, Mesh, Resource
from ambimigrate.topology import injection

_KNATIVE = "networking.internal.knative.dev/"


@rule("CT006", VirtualService, DestinationRule, AuthorizationPolicy, RequestAuthentication, EnvoyFilter)
def check(resource: Resource[Any], mesh: Mesh) -> Iterator[Hit]:
    metadata = resource.body.metadata
    owner = next((f"{each.kind} {each.name}" for each in metadata.owner_references), None)
    if owner is None and any(key.startswith(_KNATIVE) for key in metadata.labels):
        owner = "Knative"
    if owner is not None and injection.is_meshed(mesh, resource.namespace):
        yield Hit(
            resource.at("metadata"),
            f"{resource.ref} belongs to {owner}, whose controller puts it back: it cannot be converted here",
        )
