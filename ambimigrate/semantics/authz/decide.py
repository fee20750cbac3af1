"""The decision about a call at every workload behind its Service, and the proxies on the way."""

from __future__ import annotations

from msgspec.structs import replace

from ambimigrate.kinds import Service
from ambimigrate.model import Mesh
from ambimigrate.semantics.authz import sidecar, waypoint, ztunnel
from ambimigrate.semantics.authz.model import Call, Decision, Hop, Verdict, place
from ambimigrate.topology import injection
from ambimigrate.topology.workloads import Workload, behind, target_port


def decide(mesh: Mesh, call: Call) -> dict[str, Decision]:
    """The decision by workload (namespace/name), none for a workload without the port."""
    port = call.service_port
    if port is None or not isinstance(call.service.body, Service):
        return {}
    gateway = waypoint.crossed(mesh, call)
    first = waypoint.decide(mesh, call, gateway) if gateway else None
    onward = waypoint.onward(mesh, call, gateway) if gateway else call
    found: dict[str, Decision] = {}
    for workload in behind(mesh, call.service):
        target = target_port(port, workload)
        if target is not None:
            found[place(workload)] = _combined(first, mesh, onward, workload, target)
    return found


def _combined(first: Decision | None, mesh: Mesh, call: Call, workload: Workload, port: int) -> Decision:
    if first is not None and first.verdict is Verdict.DENY:
        return first
    last = at_workload(mesh, call, workload, port)
    if first is None:
        return last
    path = first.path + last.path
    if last.verdict is Verdict.DENY:
        # The waypoint has no connection to the pod: 503 (derived).
        status = last.status or (503 if call.is_http else 0)
        return Decision(Verdict.DENY, status, path, because=last.because)
    strongest = last if last.verdict is Verdict.ASK else first
    audit, providers = first.audit or last.audit, first.providers + last.providers
    return replace(strongest, path=path, audit=audit, providers=providers)


def at_workload(mesh: Mesh, call: Call, workload: Workload, port: int) -> Decision:
    """The decision in front of the workload itself: its sidecar's, its ztunnel's, or nobody's."""
    match injection.workload_mode(mesh, workload):
        case injection.SIDECAR:
            return sidecar.decide(mesh, call, workload, port)
        case injection.AMBIENT:
            return ztunnel.decide(mesh, call, workload, port)
    return Decision(Verdict.ALLOW, 200, (Hop("none", place(workload), None),))
