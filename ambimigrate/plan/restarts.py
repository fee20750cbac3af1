"""Restarts: which commands give the pods of a namespace their new data plane, and what shows that each has it."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from typing import Any

from ambimigrate.kinds import CronJob, FluxKustomization, Job, Pod, PodDisruptionBudget, ReplicaSet, Rollout
from ambimigrate.model import Mesh
from ambimigrate.plan import deletions
from ambimigrate.plan.lines import NOTHING, kubectl, remark, told
from ambimigrate.topology import gatewaypods, injection, running
from ambimigrate.topology.workloads import Workload, in_namespace, matches, workloads

_ORDER = ("Deployment", "DaemonSet", "StatefulSet")  # what keeps state comes last (pitfalls 11.2, 6)
_FLUX = "--field-manager=flux-client-side-apply"  # else Flux takes the annotation away and restarts again (flux2#2526)
_SIDECARS = "security.istio.io/tlsMode=istio"  # the injector's label (Istio, pkg/kube/inject)
# The pods in the mesh that istio-cni has not marked; those of the host's network are never captured (cni/pkg/util/podutil.go).
_MISSED = (
    "go-template={{range .items}}{{if not (or .spec.hostNetwork (and .metadata.annotations (eq (print (index "
    '.metadata.annotations "ambient.istio.io/redirection")) "enabled")))}}{{.metadata.name}}{{"\\n"}}{{end}}{{end}}'
)
_SUSPEND, _RESUME = ({"spec": {"suspend": each}} for each in (True, False))


def members(mesh: Mesh, namespace: str) -> tuple[Workload, ...]:
    """The workloads with sidecars, those that run gateways left out: they keep their proxies."""
    gateways = gatewaypods.members(mesh)
    own = in_namespace(mesh, namespace)
    return tuple(each for each in own if injection.workload_mode(mesh, each) == injection.SIDECAR and id(each) not in gateways)


def gateways(mesh: Mesh, namespace: str) -> tuple[Workload, ...]:
    """The workloads that run gateways."""
    known = gatewaypods.members(mesh)
    return tuple(each for each in in_namespace(mesh, namespace) if id(each) in known)


def before(mesh: Mesh, namespace: str) -> Iterator[str]:
    """What comes before the labels change: CronJobs pause, running Jobs end (pitfalls EN11)."""
    for each in members(mesh, namespace):
        if isinstance(each.resource.body, CronJob):
            yield _patched(each, _SUSPEND)
        elif isinstance(each.resource.body, Job) and (mesh.source == "files" or each.resource.body.status.active):
            command = kubectl(namespace, "wait", "--for=condition=Complete", f"job/{each.name}", "--timeout=30m")
            yield told(command, "a Job that runs keeps its sidecar; if it is gone or failed, go on")


def commands(mesh: Mesh, namespace: str) -> Iterator[str]:
    """The restarts, one workload after the other, each awaited; then what nothing restarts, and the paused CronJobs."""
    own = members(mesh, namespace)
    for kind in _ORDER:
        for each in (one for one in own if one.resource.kind == kind):
            yield from _restarted(mesh, each)
    for each in own:
        yield from _others(mesh, each)
    yield from (_patched(each, _RESUME) for each in own if isinstance(each.resource.body, CronJob))


def _restarted(mesh: Mesh, workload: Workload) -> Iterator[str]:
    name = _named(workload)
    strategy = getattr(workload.resource.body.spec, "update_strategy", None) or {}
    if strategy.get("type") == "OnDelete":
        yield from _deleted(mesh, workload, "updateStrategy OnDelete: a restart replaces no pod")
        return
    flux = (_FLUX,) if any(deletions.applies(each, workload.resource) for each in mesh.of(FluxKustomization)) else ()
    yield kubectl(workload.namespace, "rollout", "restart", name, *flux)
    yield _rolled(workload)
    rolling = strategy.get("rollingUpdate")
    if isinstance(rolling, dict) and rolling.get("partition"):
        yield from _deleted(mesh, workload, f"partition {rolling['partition']}: a restart leaves the pods below it as they are")


def _others(mesh: Mesh, workload: Workload) -> Iterator[str]:
    match workload.resource.body:
        case Rollout():
            restart = '"$(date -u +%Y-%m-%dT%H:%M:%SZ)"'
            start = kubectl(workload.namespace, "patch", f"rollout.argoproj.io/{workload.name}", "--type=merge", "-p")
            yield told(f"""{start} '{{"spec":{{"restartAt":"'{restart}'"}}}}'""", "Argo Rollouts restarts the pods")
        case ReplicaSet():
            yield from _deleted(mesh, workload, "a ReplicaSet without a Deployment is not restarted")
        case Pod():
            delete = kubectl(workload.namespace, "delete", f"pod/{workload.name}", "--ignore-not-found")
            yield told(delete, "it has no owner: nothing makes it again")
            if mesh.source == "files":
                yield kubectl(workload.namespace, "apply", "-f", workload.resource.file)


def _deleted(mesh: Mesh, workload: Workload, why: str) -> Iterator[str]:
    """The deletion of pods, one after the other where the cluster shows their names."""
    named = [each for each in running.pods(mesh, workload.namespace) if matches(_selector(workload), each.body.metadata.labels)]
    for pod in named:
        yield told(kubectl(workload.namespace, "delete", f"pod/{pod.name}"), why)
        yield told(kubectl(workload.namespace, "wait", "--for=condition=Ready", "pod", "-l", _labels(workload)), "one by one")
    if not named:
        yield told(kubectl(workload.namespace, "delete", "pod", "-l", _labels(workload)), f"{why}; all at once")


def _patched(workload: Workload, patch: dict[str, Any]) -> str:
    text = json.dumps(patch, separators=(",", ":"))
    return kubectl(workload.namespace, "patch", f"cronjob/{workload.name}", "--type=merge", "-p", text)


def gates(mesh: Mesh, namespace: str) -> Iterator[str]:
    """What shows for each workload that no sidecar is left and ztunnel has captured its pods."""
    for each in members(mesh, namespace):
        if each.resource.kind in _ORDER:
            yield _rolled(each)
        labels = _labels(each)
        if labels and not isinstance(each.resource.body, CronJob | Job):
            yield told(kubectl(namespace, "get", "pods", "-l", f"{labels},{_SIDECARS}", "-o", "name"), f"{NOTHING}: no sidecar")
    yield _captured(mesh, namespace)
    for each in gateways(mesh, namespace):
        yield told(kubectl(namespace, "get", _named(each), "-o", "name"), f"prints {_printed(each)}: the gateway stays")


def _captured(mesh: Mesh, namespace: str) -> str:
    out = ["istio.io/dataplane-mode!=none", *_without(gateways(mesh, namespace))]
    chosen = ("-l", ",".join(out), "--field-selector=status.phase=Running")
    return told(kubectl(namespace, "get", "pods", *chosen, "-o", _MISSED), f"{NOTHING}: ztunnel has captured every pod")


def _without(found: Iterable[Workload]) -> Iterator[str]:
    """Selectors that leave the pods of workloads out, by one label of each."""
    for each in found:
        pair = next(iter(sorted(_selector(each).items())), None)
        if pair:
            yield f"{pair[0]}!={pair[1]}"


def sidecars_gone(mesh: Mesh, namespace: str) -> str:
    """What shows that no pod of the namespace but those of gateways has a proxy of its own."""
    chosen = ",".join((_SIDECARS, *_without(gateways(mesh, namespace))))
    return told(kubectl(namespace, "get", "pods", "-l", chosen, "-o", "name"), f"{NOTHING}: no sidecar is left")


def hbone_gate(mesh: Mesh) -> str:
    """What shows that every sidecar speaks HBONE; the injector marks sidecars so, and never gateways.

    Istio, manifests/charts/istio-control/istio-discovery/files: injection-template.yaml, gateway-injection-template.yaml.
    """
    known = gatewaypods.members(mesh)
    out = dict.fromkeys(_without(each for each in workloads(mesh) if id(each) in known))
    chosen = ",".join((_SIDECARS, "networking.istio.io/tunnel!=http", *out))
    return told(kubectl("", "get", "pods", "-A", "--no-headers", "-l", chosen), f"{NOTHING}: every sidecar speaks HBONE")


def sidecar_gates(mesh: Mesh, namespace: str) -> Iterator[str]:
    """What shows on the way back that every workload has its sidecar again."""
    for each in members(mesh, namespace):
        labels = _labels(each)
        if labels and each.resource.kind in _ORDER:
            command = kubectl(namespace, "get", "pods", "-l", f"{labels},security.istio.io/tlsMode!=istio", "-o", "name")
            yield told(command, f"{NOTHING}: every pod has its sidecar")


def warnings(mesh: Mesh, namespace: str) -> Iterator[str]:
    """What keeps pods from being replaced: budgets without room."""
    for budget in mesh.within(PodDisruptionBudget, namespace):
        chosen = budget.body.spec.selector
        named = [each for each in members(mesh, namespace) if chosen and matches(chosen.match_labels, each.labels)]
        live = budget.body.status.disruptions_allowed
        if named and (live == 0 or (live is None and _is_closed(budget.body.spec, named))):
            who = ", ".join(map(str, named))
            yield remark(
                f"PodDisruptionBudget {budget.name} lets no pod of {who} be evicted: restarts pass it by, drains of nodes hang"
            )


def _is_closed(spec: Any, named: Iterable[Workload]) -> bool:
    """Whether a budget leaves no room, as manifests show it."""
    if spec.max_unavailable in {0, "0", "0%"} or spec.min_available == "100%":
        return True
    replicas = sum(_replicas(each) for each in named)
    return isinstance(spec.min_available, int) and spec.min_available >= replicas


def _replicas(workload: Workload) -> int:
    found = getattr(workload.resource.body.spec, "replicas", None)
    return 1 if found is None else int(found)


def _rolled(workload: Workload) -> str:
    return kubectl(workload.namespace, "rollout", "status", _named(workload), "--timeout=10m")


def _named(workload: Workload) -> str:
    return f"{workload.resource.kind.lower()}/{workload.name}"


def _printed(workload: Workload) -> str:
    group = workload.resource.ref.group
    return f"{workload.resource.kind.lower()}{f'.{group}' if group else ''}/{workload.name}"


def _selector(workload: Workload) -> dict[str, str]:
    own = getattr(workload.resource.body.spec, "selector", None)
    return dict(own.match_labels if own and own.match_labels else workload.labels)


def _labels(workload: Workload) -> str:
    return ",".join(f"{key}={value}" for key, value in sorted(_selector(workload).items()))
