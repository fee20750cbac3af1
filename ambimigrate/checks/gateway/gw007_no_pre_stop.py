"""GW007: pods behind a waypoint or gateway that end at once, while connections to their old address live on."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ambimigrate.checks import rule
from ambimigrate.kinds import DaemonSet, Deployment, Rollout, StatefulSet
from ambimigrate.model import Hit, Mesh, Resource
from ambimigrate.topology import ingress, injection, meshconfig, waypoints
from ambimigrate.topology.workloads import Workload, of_resource, services_of


@rule("GW007", Deployment, StatefulSet, DaemonSet, Rollout)
def check(resource: Resource[Any], mesh: Mesh) -> Iterator[Hit]:
    workload = of_resource(mesh, resource)
    if workload is None or not injection.is_enrolled(mesh, workload) or _waits(workload):
        return
    if any(True for _ in meshconfig.settings(mesh, "hboneIdleTimeout")):
        return
    services = services_of(mesh, workload)
    through = {"waypoint": [s for s in services if waypoints.is_bound(mesh, s)]}
    through["ingress"] = [s for s in services if s not in through["waypoint"] and ingress.to(mesh, s)]
    for case, found in through.items():
        if found:
            proxy = "the waypoint" if case == "waypoint" else "the ingress gateway"
            yield Hit(
                resource.at(*workload.template, "spec", "containers"),
                f"no container has a preStop hook: {proxy} of {found[0].name} keeps its HBONE connection to a stopped pod and"
                " answers 503 meanwhile",
                case=case,
            )
            return


def _waits(workload: Workload) -> bool:
    return any("preStop" in (each.lifecycle or {}) for each in workload.pod.containers)
