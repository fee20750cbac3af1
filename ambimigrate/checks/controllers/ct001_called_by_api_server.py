"""CT001: pods that the API server calls demand an identity, which it has not."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ambimigrate.checks import rule
from ambimigrate.checks.pods import at, listed, subject
from ambimigrate.kinds import (
    Service,
)
from ambimigrate.model import Hit, Mesh, Ref, Resource, grouped
from ambimigrate.semantics.strict import demands_identity
from ambimigrate.topology import callbacks, injection, mtls
from ambimigrate.topology.workloads import KINDS, Workload, behind, services_of, target_port

Called = tuple[Ref, int]


@rule("CT001", *KINDS, Service)
def check(resource: Resource[Any], mesh: Mesh) -> Iterator[Hit]:
    index = mesh.index(called)
    if not index:
        return
    if isinstance(resource.body, Service):
        yield from _unseen(mesh, resource, index.get((resource.namespace, resource.name), ()))
    elif (workload := subject(mesh, resource)) is not None:
        refused = list(_refused(mesh, workload))
        if refused:
            yield Hit(
                at(workload, "metadata"),
                f"{workload} answers the API server for {listed(refused)}; once it is ambient, STRICT refuses the API "
                "server, which has no identity",
            )


def _refused(mesh: Mesh, workload: Workload) -> Iterator[str]:
    for service in services_of(mesh, workload):
        for ref, port in mesh.index(called).get((service.namespace, service.name), ()):
            opened = next((each for each in service.body.spec.ports if each.port == port), None)
            number = target_port(opened, workload) if opened else None
            if demands_identity(mesh, workload, number or port):
                yield str(ref)


def _unseen(mesh: Mesh, service: Resource[Service], callers: tuple[Called, ...]) -> Iterator[Hit]:
    """Services whose pods are not in the input."""
    if not callers or behind(mesh, service) or not injection.is_meshed(mesh, service.namespace):
        return
    if mtls.of_namespace(mesh, service.namespace) == mtls.STRICT:
        yield Hit(
            service.at("spec"),
            f"the API server calls {service.name} for {listed(str(ref) for ref, _ in callers)}; once its pods are ambient, "
            "STRICT refuses the API server, which has no identity",
        )


def called(mesh: Mesh) -> dict[tuple[str, str], tuple[Called, ...]]:
    """Who makes the API server call a Service, and on which port, by the Service's name."""
    return grouped(((service.namespace, service.name), (ref, service.port)) for ref, service in callbacks.references(mesh))
