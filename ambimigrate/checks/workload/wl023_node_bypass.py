"""WL023: programs on the node's network reach protected pods of their node unchecked."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ambimigrate.checks import rule
from ambimigrate.checks.pods import at, listed, subject
from ambimigrate.kinds import AuthorizationPolicy
from ambimigrate.model import Hit, Mesh, Resource, grouped
from ambimigrate.topology.workloads import KINDS, Workload, matches, workloads


@rule("WL023", *KINDS)
def check(resource: Resource[Any], mesh: Mesh) -> Iterator[Hit]:
    nearby = mesh.index(_on_nodes)
    workload = subject(mesh, resource) if nearby else None
    if workload is None:
        return
    policy = _protection(mesh, workload)
    if policy is not None:
        yield Hit(
            at(workload, "spec"),
            f"fails open: ztunnel does not check TCP from the network of the pod's own node, so {listed(nearby)} (hostNetwork) "
            f"and other programs there reach {workload} past {policy.ref}",
        )


def _on_nodes(mesh: Mesh) -> tuple[str, ...]:
    found = (each for each in workloads(mesh) if each.pod.host_network)
    return tuple(sorted(f"{each} of {each.namespace}" if each.namespace else str(each) for each in found))


def _protection(mesh: Mesh, workload: Workload) -> Resource[AuthorizationPolicy] | None:
    """A policy of its namespace that says who may call it."""
    for policy in mesh.index(_by_namespace).get(workload.namespace, ()):
        spec = policy.body.spec
        if (
            spec.selector
            and matches(spec.selector.match_labels, workload.labels)
            and any(each.from_ for each in spec.rules or ())
        ):
            return policy
    return None


def _by_namespace(mesh: Mesh) -> dict[str, tuple[Resource[AuthorizationPolicy], ...]]:
    return grouped((each.namespace, each) for each in sorted(mesh.of(AuthorizationPolicy), key=lambda each: each.ref))
