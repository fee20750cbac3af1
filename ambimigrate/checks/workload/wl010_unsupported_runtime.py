"""WL010: pods that ztunnel cannot serve: Windows, sandboxed runtimes, virtual machines of KubeVirt."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ambimigrate.checks import rule
from ambimigrate.checks.pods import at, sequence, space, subject
from ambimigrate.kinds import VirtualMachine
from ambimigrate.model import Hit, Mesh, Resource
from ambimigrate.topology import injection
from ambimigrate.topology.meshconfig import dig
from ambimigrate.topology.workloads import KINDS, Workload

_SANDBOXES = ("gvisor", "runsc", "kata")
# KubeVirt translates the answers of a guest for the addresses of a sidecar only (kubevirt/kubevirt#18871)
_UNANSWERED = "ztunnel captures its pod, and connections to the guest hang until they time out"


@rule("WL010", *KINDS, VirtualMachine)
def check(resource: Resource[Any], mesh: Mesh) -> Iterator[Hit]:
    if isinstance(resource.body, VirtualMachine):
        yield from _of_machine(resource, mesh)
        return
    workload = subject(mesh, resource)
    if workload is None:
        return
    if _is_windows(workload):
        yield Hit(
            at(workload, "spec", "nodeSelector"),
            f"{workload} runs on Windows, where there is no ztunnel: callers get 503 once {space(workload)} is ambient",
            "windows",
        )
    runtime = (workload.pod.runtime_class_name or "").lower()
    if any(each in runtime for each in _SANDBOXES):
        yield Hit(
            at(workload, "spec", "runtimeClassName"),
            f"runtime {workload.pod.runtime_class_name}: the redirection of ambient mode does not reach into its sandbox, so "
            f"connections of {workload} are reset",
            "sandbox",
        )
    if any(key.startswith("kubevirt.io") for key in workload.labels):
        yield Hit(
            at(workload, "metadata", "labels"),
            f"{workload} is a virtual machine of KubeVirt: {_UNANSWERED}",
            "machine",
        )


def _of_machine(resource: Resource[VirtualMachine], mesh: Mesh) -> Iterator[Hit]:
    mode = resource.body.spec.template.metadata.labels.get(injection.MODE)
    if mode != "none" and injection.is_meshed(mesh, resource.namespace):
        yield Hit(resource.at("spec", "template"), f"VirtualMachine {resource.name}: {_UNANSWERED}", "machine")


def _is_windows(workload: Workload) -> bool:
    pod = workload.pod
    wanted = {
        pod.node_selector.get("kubernetes.io/os"),
        pod.node_selector.get("beta.kubernetes.io/os"),
        (pod.os or {}).get("name"),
    }
    return "windows" in wanted or _is_bound_to_windows(pod.affinity)


def _is_bound_to_windows(affinity: dict[str, Any] | None) -> bool:
    required = dig(affinity, ("nodeAffinity", "requiredDuringSchedulingIgnoredDuringExecution", "nodeSelectorTerms"))
    for term in sequence(required):
        for each in sequence(dig(term, ("matchExpressions",))):
            is_os = dig(each, ("key",)) in ("kubernetes.io/os", "beta.kubernetes.io/os")
            if is_os and dig(each, ("operator",)) == "In" and dig(each, ("values",)) == ["windows"]:
                return True
    return False
