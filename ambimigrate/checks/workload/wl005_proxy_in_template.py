"""WL005: the sidecar stands in the workload's own template."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ambimigrate.checks import rule
from ambimigrate.checks.pods import at, containers, subject
from ambimigrate.model import Hit, Mesh, Resource
from ambimigrate.topology.workloads import KINDS

_NAMES = frozenset({"istio-proxy", "istio-init", "istio-validation"})


@rule("WL005", *KINDS)
def check(resource: Resource[Any], mesh: Mesh) -> Iterator[Hit]:
    workload = subject(mesh, resource)
    if workload is None:
        return
    for route, each in containers(workload):
        if each.name not in _NAMES:
            continue
        if each.image in {"", "auto"}:
            yield Hit(
                at(workload, *route),
                f"container {each.name} of {workload} only adjusts what the injector makes; without injection its image is "
                f"{each.image or 'missing'!r} and the pods do not start",
                "adjusted",
            )
        else:
            yield Hit(
                at(workload, *route),
                f"container {each.name} stands in the template of {workload}: its pods keep the sidecar whatever the labels "
                "say and are never captured",
                "static",
            )
