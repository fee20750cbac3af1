"""WL030: what stands in the way of a restart at this moment: budgets without room, Jobs that run."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ambimigrate.checks import rule
from ambimigrate.kinds import Job, PodDisruptionBudget
from ambimigrate.model import Hit, Mesh, Resource
from ambimigrate.topology import injection


@rule("WL030", PodDisruptionBudget, Job)
def check(resource: Resource[Any], mesh: Mesh) -> Iterator[Hit]:
    if not injection.is_meshed(mesh, resource.namespace):
        return
    status = resource.body.status
    if isinstance(resource.body, Job):
        if status.active:
            place = resource.at("status", "active")
            yield Hit(place, f"{resource.ref} is running: it loses its connections if the namespace is enrolled now", "job")
    elif status.disruptions_allowed == 0 and status.expected_pods:
        place = resource.at("status", "disruptionsAllowed")
        said = "allows no disruption: drains of nodes for ztunnel and istio-cni wait for it forever"
        yield Hit(place, f"{resource.ref} {said}", "budget")
