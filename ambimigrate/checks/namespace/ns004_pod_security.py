"""NS004: Pod Security refuses waypoints, or the node agents of ambient mode."""

from __future__ import annotations

from collections.abc import Iterator

from ambimigrate.checks import rule
from ambimigrate.kinds import DaemonSet, Namespace
from ambimigrate.model import Hit, Mesh, Resource
from ambimigrate.topology import injection, meshconfig
from ambimigrate.topology.waypoints import waypoints
from ambimigrate.topology.workloads import in_namespace

ENFORCE = "pod-security.kubernetes.io/enforce"
_AGENTS = frozenset({"ztunnel", "istio-cni-node"})


@rule("NS004", Namespace)
def check(namespace: Resource[Namespace], mesh: Mesh) -> Iterator[Hit]:
    level = namespace.body.metadata.labels.get(ENFORCE, "privileged")
    if level == "privileged":
        return
    place = namespace.at("metadata", "labels", ENFORCE)
    if _holds_agents(mesh, namespace.name):
        yield Hit(
            place,
            f"{namespace.name} enforces Pod Security {level}: the pods of istio-cni and ztunnel need host paths and "
            "capabilities and are refused there",
            "agents",
        )
    elif level == "restricted" and injection.is_meshed(mesh, namespace.name) and not _is_settled(mesh):
        own = [each for each in waypoints(mesh) if each.namespace == namespace.name]
        bare = [
            each.name for each in own if not (each.body.spec.infrastructure and each.body.spec.infrastructure.parameters_ref)
        ]
        whose = f"waypoint {bare[0]}" if bare else "a waypoint"
        if bare or not own:
            yield Hit(
                place,
                f"{namespace.name} enforces Pod Security restricted: the pods of {whose} here set no seccompProfile and are "
                "refused",
                "waypoint" if bare else "planned",
            )


def _holds_agents(mesh: Mesh, namespace: str) -> bool:
    if any(isinstance(each.resource.body, DaemonSet) and each.name in _AGENTS for each in in_namespace(mesh, namespace)):
        return True
    return namespace == meshconfig.root_namespace(mesh)


def _is_settled(mesh: Mesh) -> bool:
    """Whether the values of istiod give every gateway a seccomp profile."""
    return any(True for _ in meshconfig.helm_settings(mesh, "gateways", "seccompProfile"))
