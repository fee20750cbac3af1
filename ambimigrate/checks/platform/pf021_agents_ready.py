"""PF021: the node agents of ambient mode, or istiod, do not run as they should."""

from __future__ import annotations

from collections.abc import Iterator

from ambimigrate.checks import rule
from ambimigrate.checks.platform.install import is_istiod
from ambimigrate.kinds import DaemonSet, Deployment
from ambimigrate.model import Hit, Mesh, Resource
from ambimigrate.topology.workloads import of_resource

_AGENTS = {"ztunnel": "carry no traffic of enrolled pods", "istio-cni-node": "capture no new pod"}


@rule("PF021", DaemonSet, Deployment)
def check(resource: Resource[DaemonSet] | Resource[Deployment], mesh: Mesh) -> Iterator[Hit]:
    if isinstance(resource.body, DaemonSet):
        yield from _agents(resource.name, resource.body, resource)
        return
    workload = of_resource(mesh, resource)
    status = resource.body.status
    if workload is not None and is_istiod(workload) and status.replicas and not status.available_replicas:
        yield Hit(
            resource.at("status"), f"{resource.name} is not available: restarted pods come back without a sidecar", "istiod"
        )


def _agents(name: str, body: DaemonSet, resource: Resource[DaemonSet]) -> Iterator[Hit]:
    wanted = body.status.desired_number_scheduled
    found = next((text for agent, text in _AGENTS.items() if agent in {name, body.metadata.labels.get("k8s-app")}), None)
    if found is None or wanted is None or body.status.number_ready >= wanted:
        return
    missing = wanted - body.status.number_ready
    yield Hit(
        resource.at("status", "numberReady"), f"{name} is not ready on {missing} of {wanted} nodes, which {found}", "agent"
    )
