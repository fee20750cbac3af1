"""Who makes the API server call a Service: webhooks, aggregated APIs, conversion of custom resources."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ambimigrate.kinds import (
    APIService,
    CustomResourceDefinition,
    MutatingWebhookConfiguration,
    ValidatingWebhookConfiguration,
)
from ambimigrate.kinds.admission import ServiceReference
from ambimigrate.model import Mesh, Ref, Resource


def references(mesh: Mesh) -> Iterator[tuple[Ref, ServiceReference]]:
    """Every object that names such a Service, with the reference."""
    hooks: tuple[Resource[Any], ...] = (
        *mesh.of(ValidatingWebhookConfiguration),
        *mesh.of(MutatingWebhookConfiguration),
    )
    for config in hooks:
        yield from ((config.ref, each.client_config.service) for each in config.body.webhooks if each.client_config.service)
    for api in mesh.of(APIService):
        if api.body.spec.service:
            yield api.ref, api.body.spec.service
    for definition in mesh.of(CustomResourceDefinition):
        found = definition.body.spec.conversion
        if found and found.webhook and found.webhook.client_config.service:
            yield definition.ref, found.webhook.client_config.service
