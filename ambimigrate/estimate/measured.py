"""The figures of a mesh: what its sidecars really request, and the waypoints that it needs."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from msgspec import Struct

from ambimigrate.estimate import Assumption
from ambimigrate.estimate.amounts import GIB, Amount, exactly, quantity
from ambimigrate.kinds import CronJob, DaemonSet, HorizontalPodAutoscaler, Job
from ambimigrate.model import Mesh, Resource
from ambimigrate.topology import injection, meshconfig
from ambimigrate.topology.workloads import Workload, workloads
from ambimigrate.verdicts import Standing

PROXY = "istio-proxy"
CPU, MEMORY = "sidecar.istio.io/proxyCPU", "sidecar.istio.io/proxyMemory"

# Istio 1.31, manifests/charts: istio-control/istio-discovery values global.proxy and global.waypoint, ztunnel, istio-cni.
SIDECAR = Amount(exactly(0.1), exactly(128 / 1024))
WAYPOINT = Amount(exactly(0.1), exactly(128 / 1024))
ZTUNNEL = Amount(exactly(0.2), exactly(0.5))
CNI = Amount(exactly(0.1), exactly(100 / 1024))


class Measured(Struct, frozen=True):
    """Sidecars, what they request together, the waypoints that are needed (None: unknown), and what had to be assumed."""

    pods: int
    sidecars: Amount
    namespaces: int
    waypoints: int | None
    cni_before: bool
    assumptions: tuple[Assumption, ...]


def measured(mesh: Mesh, standings: Iterable[Standing], nodes: int | None) -> Measured:
    """What the objects of one mesh show; `nodes` is the number of nodes, on each of which a DaemonSet runs one pod."""
    members = [each for each in workloads(mesh) if _has_sidecar(mesh, each)]
    running = [each for each in members if not isinstance(each.resource.body, Job | CronJob)]
    pods, total, unknown = 0, Amount(), 0
    for each in running:
        count = replicas(mesh, each, nodes)
        unknown += count is None
        pods += count or 0
        total += request(mesh, each).times(count or 0)
    own = [each for each in standings if each.mesh == mesh.name]
    needing = [each for each in own if each.waypoint and each.waypoint.services]
    moving = [each for each in own if each.mode in {injection.SIDECAR, injection.MIXED, injection.AMBIENT}]
    skipped = len(members) - len(running)
    return Measured(
        pods, total, len(moving), len(needing), _has_cni(mesh), tuple(_assumed(mesh, skipped=skipped, unknown=unknown))
    )


def _has_sidecar(mesh: Mesh, workload: Workload) -> bool:
    return injection.workload_mode(mesh, workload) == injection.SIDECAR and not injection.is_gateway(workload)


def _has_cni(mesh: Mesh) -> bool:
    return any(each.name in {"istio-cni-node", "istio-cni"} for each in mesh.of(DaemonSet))


def replicas(mesh: Mesh, workload: Workload, nodes: int | None) -> int | None:
    """How many pods the workload runs at least; None for a DaemonSet on an unknown number of nodes."""
    body = workload.resource.body
    if isinstance(body, DaemonSet):
        return nodes
    asked = getattr(getattr(body, "spec", None), "replicas", None)
    least = mesh.index(_least).get((workload.namespace, workload.resource.kind, workload.name))
    if least is not None:
        return max(least, asked or 0)
    return 1 if asked is None else int(asked)


def _least(mesh: Mesh) -> dict[tuple[str, str, str], int]:
    """The fewest pods that autoscalers leave, by the workload that they scale."""
    return {
        (each.namespace, each.body.spec.scale_target_ref.kind, each.body.spec.scale_target_ref.name): (
            1 if each.body.spec.min_replicas is None else each.body.spec.min_replicas
        )
        for each in mesh.of(HorizontalPodAutoscaler)
    }


def request(mesh: Mesh, workload: Workload) -> Amount:
    """What one sidecar of the workload requests: of its container, of annotations, of the injector's settings, of Istio."""
    for container in (*workload.pod.containers, *workload.pod.init_containers):
        if container.name == PROXY and container.resources:
            return _amount(container.resources.get("requests"), SIDECAR)
    annotations = workload.annotations
    asked = {"cpu": annotations.get(CPU), "memory": annotations.get(MEMORY)}
    return _amount(asked, mesh.index(_default))


def _default(mesh: Mesh) -> Amount:
    return next((_amount(each.value, SIDECAR) for each in _settings(mesh)), SIDECAR)


def _settings(mesh: Mesh) -> Iterator[meshconfig.Setting]:
    yield from meshconfig.helm_settings(mesh, "global", "proxy", "resources", "requests")


def _amount(requests: Any, default: Amount) -> Amount:
    """Requests as Kubernetes writes them; what is missing or no quantity is the default's."""
    own = requests if isinstance(requests, dict) else {}
    cpu, memory = _quantity(own.get("cpu")), _quantity(own.get("memory"))
    return Amount(
        default.cpu if cpu is None else exactly(cpu),
        default.memory if memory is None else exactly(memory / GIB),
    )


def _quantity(value: Any) -> float | None:
    try:
        return None if value is None else quantity(str(value))
    except ValueError:
        return None


def _assumed(mesh: Mesh, *, skipped: int, unknown: int) -> Iterator[Assumption]:
    setting: Resource[Any] | None = next((each.resource for each in _settings(mesh)), None)
    if setting is None:
        yield Assumption("a sidecar without a request of its own requests 100m and 128Mi", "Istio's defaults (global.proxy)")
    else:
        yield Assumption("a sidecar without a request of its own requests what the injector gives", f"{setting.ref}")
    yield Assumption("a workload runs `replicas` pods, or what its autoscaler leaves at least", "the objects read")
    if skipped:
        yield Assumption(f"{skipped} Jobs and CronJobs are not counted: they run at times only", "the objects read")
    if unknown:
        yield Assumption(f"the pods of {unknown} DaemonSets are not counted: give --nodes", "the objects read")
