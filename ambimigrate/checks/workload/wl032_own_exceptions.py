"""WL032: annotations by which pods take themselves out of what ztunnel does for them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ambimigrate.checks import rule
from ambimigrate.checks.pods import at, listed, subject
from ambimigrate.checks.workload.wl011_own_resolver import CAPTURE
from ambimigrate.kinds import AuthorizationPolicy, ServiceEntry
from ambimigrate.model import Hit, Mesh, Resource
from ambimigrate.topology import mtls, policies, waypoints
from ambimigrate.topology.booleans import FALSE, TRUE
from ambimigrate.topology.workloads import KINDS, Workload

BYPASS = "ambient.istio.io/bypass-inbound-capture"


@rule("WL032", *KINDS)
def check(resource: Resource[Any], mesh: Mesh) -> Iterator[Hit]:
    workload = subject(mesh, resource)
    if workload is None:
        return
    if workload.annotations.get(BYPASS) in TRUE:
        yield _inbound(mesh, workload)
    if workload.annotations.get(CAPTURE) in FALSE:
        yield _names(mesh, workload)


def _inbound(mesh: Mesh, workload: Workload) -> Hit:
    place = at(workload, "metadata", "annotations", BYPASS)
    judging = (
        each for each in mesh.of(AuthorizationPolicy) if any(one is workload for one in policies.scope(mesh, each).workloads)
    )
    found = [str(each.ref) for each in judging]
    if mtls.of_workload(mesh, workload) == mtls.STRICT:
        found.append("mTLS mode STRICT")
    if found:
        message = f"fails open: connections reach {workload} past ztunnel, which alone carries out {listed(found)}"
        return Hit(place, message, "protected")
    return Hit(place, f"connections reach {workload} past ztunnel: no policy and no mTLS mode ever holds for it", "inbound")


def _names(mesh: Mesh, workload: Workload) -> Hit:
    place = at(workload, "metadata", "annotations", CAPTURE)
    bound = [str(each.ref) for each in mesh.of(ServiceEntry) if waypoints.binding(mesh, each) and not each.body.spec.addresses]
    if bound:
        said = f"without DNS capture {workload} does not find the addresses of {listed(bound)}"
        message = f"fails open: {said} and passes their waypoint by"
        return Hit(place, message, "egress")
    return Hit(place, f"without DNS capture ServiceEntries without addresses do not exist for {workload}", "names")
