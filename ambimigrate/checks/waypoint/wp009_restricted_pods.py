"""WP009: waypoints in a namespace whose Pod Security refuses their pods."""

from __future__ import annotations

from collections.abc import Iterator

from ambimigrate.checks import rule
from ambimigrate.kinds import ConfigMap, Gateway
from ambimigrate.model import Hit, Mesh, Resource
from ambimigrate.topology import injection, meshconfig, waypoints

ENFORCE = "pod-security.kubernetes.io/enforce"


@rule("WP009", Gateway)
def check(gateway: Resource[Gateway], mesh: Mesh) -> Iterator[Hit]:
    if not waypoints.is_waypoint(gateway.body):
        return
    if injection.labels(mesh, gateway.namespace).get(ENFORCE) != "restricted" or _sets_profile(mesh, gateway):
        return
    yield Hit(
        gateway.at("metadata", "name"),
        f"namespace {gateway.namespace} enforces Pod Security restricted and the waypoint's pods set no seccompProfile: they "
        "are refused, and traffic goes past the waypoint",
    )


def _sets_profile(mesh: Mesh, gateway: Resource[Gateway]) -> bool:
    if any(True for _ in meshconfig.helm_settings(mesh, "gateways", "seccompProfile")):
        return True
    infrastructure = gateway.body.spec.infrastructure
    own = infrastructure.parameters_ref if infrastructure else None
    found = mesh.find(ConfigMap, gateway.namespace, own.name, gateway.file) if own else None
    return found is not None and "seccompProfile" in found.body.data.get("deployment", "")
