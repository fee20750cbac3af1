"""WL801: the pods of a workload in a migrated namespace get, or bring, a sidecar of their own."""

from __future__ import annotations

from collections.abc import Iterator

from ambimigrate.gate.back.compare import Found, Pair, State, gained, name
from ambimigrate.model import Mesh, Route
from ambimigrate.topology import gatewaypods, injection
from ambimigrate.topology.workloads import Workload, in_namespace


def check(pair: Pair) -> Iterator[Found]:
    yield from gained(pair, _states)


def _states(mesh: Mesh, spaces: frozenset[str]) -> Iterator[State]:
    gateways = gatewaypods.members(mesh)
    for workload in (each for space in sorted(spaces) for each in in_namespace(mesh, space)):
        if workload.pod.host_network or injection.is_gateway(workload) or id(workload) in gateways:
            continue
        if found := _reason(mesh, workload):
            case, route, words = found
            message = f"{words}: pods of {workload} run a sidecar, so ztunnel leaves them out of migrated namespace "
            key = (*name(workload.resource), case)
            yield key, Found(workload.resource, (*workload.template, *route), message + workload.namespace, case)


def _reason(mesh: Mesh, workload: Workload) -> tuple[str, Route, str] | None:
    """Why its pods have a sidecar whatever the namespace says; in the order of injection.workload_mode."""
    metadata: Route = ("metadata",)
    if injection.STATUS in workload.annotations or injection.has_proxy(workload):
        where = (
            (*metadata, "annotations", injection.STATUS) if injection.STATUS in workload.annotations else ("spec", "containers")
        )
        return "committed", where, "the template holds what `istioctl kube-inject` writes"
    for field, texts in (("labels", workload.labels), ("annotations", workload.annotations)):
        if injection.INJECT in texts:
            where = (*metadata, field, injection.INJECT)
            return ("inject", where, f"{injection.INJECT}=true") if texts[injection.INJECT] == "true" else None
    if workload.labels.get(injection.REVISION) and not injection.injection_off(mesh, workload.namespace):
        return "revision", (*metadata, "labels", injection.REVISION), f"the label {injection.REVISION} asks for one"
    return None
