"""NS003: a namespace of the cluster's own components is labelled for ambient mode."""

from __future__ import annotations

from collections.abc import Iterator

from ambimigrate.checks import rule
from ambimigrate.kinds import Namespace
from ambimigrate.model import Hit, Mesh, Resource
from ambimigrate.topology import injection

_COMPONENTS = frozenset(  # storage, networks and controllers that the API server or the nodes depend on
    {
        "calico-system",
        "cert-manager",
        "cilium",
        "gatekeeper-system",
        "gpu-operator",
        "istio-cni",
        "keda",
        "kyverno",
        "longhorn-system",
        "metallb-system",
        "rook-ceph",
        "tigera-operator",
    }
)


@rule("NS003", Namespace)
def check(namespace: Resource[Namespace], mesh: Mesh) -> Iterator[Hit]:
    if namespace.body.metadata.labels.get(injection.MODE) != injection.AMBIENT:
        return
    place = namespace.at("metadata", "labels", injection.MODE)
    if injection.is_system(mesh, namespace.name):
        yield Hit(
            place,
            f"{namespace.name} is labelled ambient: ztunnel captures the control plane or the cluster's own pods",
            "system",
        )
    elif namespace.name in _COMPONENTS:
        yield Hit(
            place,
            f"{namespace.name} is labelled ambient: its components serve the API server and the nodes, which have no identity",
            "component",
        )
