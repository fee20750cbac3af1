"""WL024: init containers that ran as the sidecar's user to be left alone are captured, too."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ambimigrate.checks import rule
from ambimigrate.checks.pods import at, subject
from ambimigrate.model import Hit, Mesh, Resource
from ambimigrate.topology.workloads import KINDS

PROXY_USER = 1337  # the user whose traffic istio-init does not redirect


@rule("WL024", *KINDS)
def check(resource: Resource[Any], mesh: Mesh) -> Iterator[Hit]:
    workload = subject(mesh, resource)
    for i, each in enumerate(workload.pod.init_containers if workload else ()):
        if workload and (each.security_context or {}).get("runAsUser") == PROXY_USER and not each.name.startswith("istio-"):
            yield Hit(
                at(workload, "spec", "initContainers", i, "securityContext"),
                f"init container {each.name} of {workload} runs as user {PROXY_USER} to pass by the sidecar; ztunnel "
                "captures it with the pod's identity",
            )
