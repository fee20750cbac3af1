"""WP006: tracking labels of Argo CD that istiod copies from a waypoint's Gateway to what it makes."""

from __future__ import annotations

from collections.abc import Iterator

from ambimigrate.checks import rule
from ambimigrate.kinds import Gateway
from ambimigrate.model import Hit, Mesh, Resource
from ambimigrate.topology import attachment, waypoints

LABELS = ("app.kubernetes.io/instance", "argocd.argoproj.io/instance")
ANNOTATIONS = ("argocd.argoproj.io/tracking-id",)


@rule("WP006", Gateway)
def check(gateway: Resource[Gateway], mesh: Mesh) -> Iterator[Hit]:
    if gateway.body.spec.gateway_class_name not in {waypoints.CLASS, attachment.AGENTGATEWAY}:
        return
    if gateway.body.spec.infrastructure is not None:
        return
    metadata = gateway.body.metadata
    found = [("labels", each) for each in LABELS if each in metadata.labels]
    found += [("annotations", each) for each in ANNOTATIONS if each in metadata.annotations]
    for place, name in found:
        yield Hit(
            gateway.at("metadata", place, name),
            f"istiod copies {name} to the waypoint's Deployment and Service, since spec.infrastructure is not set: Argo CD "
            "prunes them or shows them out of sync",
        )
