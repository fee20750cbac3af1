"""The pods that istiod makes for a Gateway: their labels, and what those of a waypoint ask for (its defaults or parameters)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ambimigrate.kinds import ConfigMap, Gateway
from ambimigrate.model import Mesh, Resource
from ambimigrate.topology.meshconfig import dig
from ambimigrate.versions import at_least
from ambimigrate.yamlio import Document, Unreadable, values

# Istio, manifests/charts/istio-control/istio-discovery/values.yaml `global.waypoint.resources`
DEFAULT: Mapping[str, Mapping[str, str]] = {
    "requests": {"cpu": "100m", "memory": "128Mi"},
    "limits": {"cpu": "2", "memory": "1Gi"},
}
_RESERVED = "gateway.networking.k8s.io/"  # names of labels that `infrastructure` may not set
PARAMETERS_SINCE = "1.26.0"  # Istio, release note gateway-customization: parametersRef of automated deployments


def copied_labels(gateway: Gateway) -> dict[str, str]:
    """The labels that istiod copies to the pods: those of the Gateway, or those of `infrastructure` in their place.

    Istio, pilot/pkg/config/kube/gateway/deploymentcontroller.go `extractInfrastructureMetadata` (1.24 to master).
    """
    infrastructure = gateway.spec.infrastructure
    if infrastructure is None or not infrastructure.labels:
        return dict(gateway.metadata.labels)
    return {name: value for name, value in infrastructure.labels.items() if not name.startswith(_RESERVED)}


def resources(mesh: Mesh, gateway: Resource[Gateway]) -> dict[str, dict[str, Any]]:
    """Requests and limits of the container of the waypoint's pods."""
    found = {kind: dict(each) for kind, each in DEFAULT.items()}
    containers = dig(_deployment(mesh, gateway), ("spec", "template", "spec", "containers"))
    for container in containers if isinstance(containers, list) else ():
        for kind, own in found.items():
            said = dig(container, ("resources", kind))
            if dig(container, ("name",)) == "istio-proxy" and isinstance(said, dict):
                own.update(said)
    return found


def _deployment(mesh: Mesh, gateway: Resource[Gateway]) -> Any:
    infrastructure = gateway.body.spec.infrastructure
    own = infrastructure.parameters_ref if infrastructure else None
    found = mesh.find(ConfigMap, gateway.namespace, own.name, gateway.file) if own else None
    if found is None or not at_least(mesh.target.istio, PARAMETERS_SINCE):
        return None
    try:
        return values(Document("", 0, 1, found.body.data.get("deployment", ""))).value
    except Unreadable:
        return None
