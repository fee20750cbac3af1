"""CT011: Argo CD applies labels of ambient mode in one sync with what has to be there before."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ambimigrate.checks import rule
from ambimigrate.checks.controllers import argocd
from ambimigrate.kinds import Namespace, NetworkPolicy, Service
from ambimigrate.model import Hit, Mesh, Resource
from ambimigrate.topology import injection, waypoints
from ambimigrate.topology import networks as reach


@rule("CT011", Namespace, Service)
def check(resource: Resource[Any], mesh: Mesh) -> Iterator[Hit]:
    labels = resource.body.metadata.labels
    if waypoints.USE in labels:
        yield from _before_waypoint(resource, mesh)
    if isinstance(resource.body, Namespace) and labels.get(injection.MODE) == injection.AMBIENT:
        yield from _before_policies(resource, mesh)


def _before_waypoint(resource: Resource[Any], mesh: Mesh) -> Iterator[Hit]:
    find = waypoints.namespace_binding if isinstance(resource.body, Namespace) else waypoints.binding
    found = find(mesh, resource)
    if found is None or found.gateway is None or argocd.wave(found.gateway) < argocd.wave(resource):
        return
    application = _common(mesh, resource, found.gateway)
    if application is not None:
        yield Hit(
            resource.at("metadata", "labels", waypoints.USE),
            f"fails open: {application.name} syncs this label no later than Gateway {found.namespace}/{found.name}: until the "
            f"waypoint is ready, calls to {resource.name} pass none",
            "waypoint",
            related=(found.gateway.at("metadata", "name"),),
        )


def _before_policies(namespace: Resource[Namespace], mesh: Mesh) -> Iterator[Hit]:
    for policy in mesh.within(NetworkPolicy, namespace.name):
        opens = any(each.ports and reach.admits(each.ports) for each in policy.body.spec.ingress)
        if not opens or argocd.wave(policy) < argocd.wave(namespace):
            continue
        application = _common(mesh, namespace, policy)
        if application is not None:
            yield Hit(
                namespace.at("metadata", "labels", injection.MODE),
                f"{application.name} syncs this label before NetworkPolicy {policy.name}, which opens port {reach.HBONE}: "
                f"calls to pods of {namespace.name} time out in between",
                "policy",
                related=(policy.at("metadata", "name"),),
            )
            return


def _common(mesh: Mesh, one: Resource[Any], other: Resource[Any]) -> Resource[Any] | None:
    """The Application with automated sync that applies both, None if there is none."""
    others = {id(each) for each in argocd.applications(mesh, other)}
    both = (each for each in argocd.applications(mesh, one) if id(each) in others)
    return next((each for each in both if argocd.is_automated(each)), None)
