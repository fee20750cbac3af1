"""What only a cluster shows: pods whose restart is half done, waypoints and Services that istiod has not confirmed yet."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from msgspec import Struct

from ambimigrate.changes import FROM, Stage
from ambimigrate.kinds import AuthorizationPolicy, Gateway, Pod, Service
from ambimigrate.kinds.status import StatusCondition, condition
from ambimigrate.model import Mesh, Resource
from ambimigrate.plan.lines import kubectl, told
from ambimigrate.topology import gatewaypods, injection, policies, reach, running, waypoints
from ambimigrate.topology.workloads import matches

_OF_GATEWAYS = "gateway.networking.k8s.io/gateway-name"  # Istio sets it on the pods of Gateways that it deploys
_RESTARTED = frozenset({"Deployment", "StatefulSet", "DaemonSet"})
_MOST = 4


class Pods(Struct, frozen=True):
    """The running pods of a namespace that move with it: with a sidecar, captured by ztunnel, or with neither."""

    sidecars: tuple[Resource[Pod], ...] = ()
    captured: tuple[Resource[Pod], ...] = ()
    neither: tuple[Resource[Pod], ...] = ()

    @property
    def count(self) -> int:
        return len(self.sidecars) + len(self.captured) + len(self.neither)


def pods(mesh: Mesh, namespace: str) -> Pods:
    """The pods, but for those that stay out of ambient mode: gateways, the host's network, opt-outs."""
    chosen = gatewaypods.selectors(mesh)
    found: tuple[list[Resource[Pod]], list[Resource[Pod]], list[Resource[Pod]]] = ([], [], [])
    for pod in running.pods(mesh, namespace):
        labels = pod.body.metadata.labels
        is_gateway = _OF_GATEWAYS in labels or "gateway" in pod.body.metadata.annotations.get(injection.TEMPLATES, "")
        if is_gateway or any(matches(each, labels) for each in chosen) or pod.body.metadata.deletion_timestamp:
            continue
        if pod.body.spec.host_network or labels.get(injection.MODE) == injection.NONE:
            continue
        found[0 if running.has_sidecar(pod) else 1 if running.is_captured(pod) else 2].append(pod)
    return Pods(*(tuple(each) for each in found))


def is_labelled(mesh: Mesh, namespace: str) -> bool:
    """Whether the namespace asks for ambient mode."""
    return injection.labels(mesh, namespace).get(injection.MODE) == injection.AMBIENT


def restarts(mesh: Mesh, namespace: str) -> Iterator[str]:
    """Which pods are not yet, or already, as the labels of the namespace want them."""
    found = pods(mesh, namespace)
    if is_labelled(mesh, namespace):
        if found.sidecars:
            yield f"{_of(found.sidecars, found)} still with a sidecar: {_owners(found.sidecars)}"
        if found.neither:
            yield f"{_of(found.neither, found)} with neither sidecar nor ztunnel: {_owners(found.neither)}"
        return
    early = tuple(each for each in found.captured if each.body.metadata.labels.get(injection.MODE) != injection.AMBIENT)
    if early:
        yield f"{_of(early, found)} ambient, though the namespace is not: {_owners(early)}"


def _of(some: tuple[Resource[Pod], ...], every: Pods) -> str:
    return f"{len(some)} of {every.count} pods"


def _owners(found: Iterable[Resource[Pod]]) -> str:
    return reach.listed(map(running.owner, found), _MOST)


def commands(mesh: Mesh, namespaces: Iterable[str]) -> Iterator[str]:
    """What gives the pods that are left their new data plane."""
    for namespace in namespaces:
        found = pods(mesh, namespace)
        for owner in dict.fromkeys(map(running.owner, (*found.sidecars, *found.neither))):
            kind, _, name = owner.partition(" ")
            if kind in _RESTARTED:
                yield kubectl(namespace, "rollout", "restart", f"{kind.lower()}/{name}")
                yield kubectl(namespace, "rollout", "status", f"{kind.lower()}/{name}", "--timeout=10m")
            elif kind == "Job":
                wait = kubectl(namespace, "wait", "--for=condition=Complete", f"job/{name}", "--timeout=30m")
                yield told(wait, "a Job that runs keeps its sidecar")
            else:
                yield told(kubectl(namespace, "get", f"{kind.lower()}/{name}"), "restart its pods as its owner does it")


def unconfirmed(mesh: Mesh, stage: Stage, namespaces: Iterable[str]) -> Iterator[str]:
    """What istiod has not said yet about objects of a stage; manifests hold no status."""
    if mesh.source == "files":
        return
    named = tuple(namespaces)
    if stage is Stage.waypoints:
        for gateway in mesh.within(Gateway, *named):
            if waypoints.is_waypoint(gateway.body):
                yield from _missing(gateway, gateway.body.status.conditions, "Programmed")
    elif stage is Stage.bind:
        yield from _unbound(mesh, named)


def _unbound(mesh: Mesh, named: tuple[str, ...]) -> Iterator[str]:
    for service in mesh.within(Service, *named):
        if policies.can_be_bound(service) and waypoints.binding(mesh, service):
            yield from _missing(service, service.body.status.conditions, "istio.io/WaypointBound")
    for policy in mesh.within(AuthorizationPolicy, *named):
        if FROM in policy.body.metadata.annotations and policies.targets(policy):
            yield from _missing(policy, policy.body.status.conditions, "WaypointAccepted")


def _missing(
    resource: Resource[Gateway] | Resource[Service] | Resource[AuthorizationPolicy],
    conditions: Iterable[StatusCondition],
    name: str,
) -> Iterator[str]:
    said = condition(conditions, name)
    if said is None:
        yield f"{resource.ref} has no condition {name} yet"
    elif said.status != "True":
        yield f"{resource.ref}: {name} is {said.status}" + (f" ({said.reason})" if said.reason else "")
