"""GW007: pods behind a waypoint or gateway that end at once, while connections to their old address live on."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from ambimigrate.checks import rule
from ambimigrate.checks.pods import named
from ambimigrate.kinds import DaemonSet, Deployment, Rollout, StatefulSet
from ambimigrate.model import Hit, Mesh, Resource, grouped
from ambimigrate.topology import ingress, injection, meshconfig, waypoints
from ambimigrate.topology.workloads import Workload, services_of, workloads

KINDS = (Deployment, StatefulSet, DaemonSet, Rollout)
_PROXIES = {"waypoint": "waypoints", "ingress": "ingress gateways"}


@rule("GW007", Deployment, StatefulSet, DaemonSet, Rollout)
def check(resource: Resource[Any], mesh: Mesh) -> Iterator[Hit]:
    for case, found in mesh.index(_by_first).get(id(resource), ()):
        whose = "it" if len(found) == 1 else "them"
        yield Hit(
            resource.at(*found[0].template, "spec", "containers"),
            f"no container of {named(found)} has a preStop hook: {_PROXIES[case]} keep HBONE connections to stopped pods of"
            f" {whose} and answer 503 meanwhile",
            case=case,
        )


def _by_first(mesh: Mesh) -> Mapping[int, tuple[tuple[str, tuple[Workload, ...]], ...]]:
    """By the identity of the first object: what calls the workloads, and all of these."""
    return grouped((id(found[0].resource), (case, found)) for (_, case), found in _ending(mesh).items())


def _ending(mesh: Mesh) -> Mapping[tuple[str, str], tuple[Workload, ...]]:
    """The workloads that this happens to, by namespace and by what calls them: one setting of the mesh mends all of them."""
    if any(True for _ in meshconfig.settings(mesh, "hboneIdleTimeout")):
        return {}
    pairs = ((_case(mesh, each), each) for each in workloads(mesh) if isinstance(each.resource.body, KINDS))
    found = [((each.namespace, case), each) for case, each in pairs if case]
    return grouped(sorted(found, key=lambda pair: str(pair[1])))


def _case(mesh: Mesh, workload: Workload) -> str:
    is_patient = any("preStop" in (each.lifecycle or {}) for each in workload.pod.containers)
    if is_patient or not injection.is_enrolled(mesh, workload):
        return ""
    services = services_of(mesh, workload)
    if any(waypoints.is_bound(mesh, each) for each in services):
        return "waypoint"
    return "ingress" if any(ingress.to(mesh, each) for each in services) else ""
