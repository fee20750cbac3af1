"""CT008: a waypoint hands Argo CD's tracking label on to what istiod makes of it."""

from __future__ import annotations

from collections.abc import Iterator

from ambimigrate.checks import rule
from ambimigrate.kinds import Application, Gateway
from ambimigrate.model import Hit, Mesh, Resource
from ambimigrate.topology import waypoints

_LABELS = ("argocd.argoproj.io/instance", "app.kubernetes.io/instance")
_ANNOTATION = "argocd.argoproj.io/tracking-id"


@rule("CT008", Gateway)
def check(gateway: Resource[Gateway], mesh: Mesh) -> Iterator[Hit]:
    if not waypoints.is_waypoint(gateway.body):
        return
    infrastructure = gateway.body.spec.infrastructure
    if infrastructure and (infrastructure.labels or infrastructure.annotations):
        return
    metadata = gateway.body.metadata
    field = "annotations" if _ANNOTATION in metadata.annotations else "labels"
    found = _ANNOTATION if field == "annotations" else next((key for key in _LABELS if key in metadata.labels), None)
    if found is not None:
        yield Hit(
            gateway.at("metadata", field, found),
            f"istiod copies {found} of {gateway.name} to the waypoint's Deployment and Service: Argo CD takes them for its "
            "own and prunes or fights them",
            "copied",
        )
    elif mesh.of(Application):
        yield Hit(
            gateway.at("spec"),
            f"Argo CD adds its instance label to {gateway.name}, and istiod copies it to the waypoint's Deployment and Service",
            "added",
        )
