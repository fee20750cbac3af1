"""Pods as they run, which only a cluster shows: which of a namespace carry a sidecar, which ztunnel has captured."""

from __future__ import annotations

import re
from collections.abc import Mapping

from ambimigrate.kinds import Pod
from ambimigrate.model import Mesh, Resource, grouped
from ambimigrate.topology import injection
from ambimigrate.versions import Version, parse

REDIRECTION = "ambient.istio.io/redirection"  # istio-cni sets it to `enabled` (Istio, cni/pkg/util/podutil.go)
TUNNEL = "networking.istio.io/tunnel"  # the injector sets it to `http` where sidecars speak HBONE
_PROXY = "istio-proxy"
_TAG = re.compile(r":v?(\d+\.\d+\.\d+)")


def pods(mesh: Mesh, namespace: str) -> tuple[Resource[Pod], ...]:
    """The running pods of a namespace; manifests have no phase."""
    return mesh.index(_by_namespace).get(namespace, ())


def _by_namespace(mesh: Mesh) -> Mapping[str, tuple[Resource[Pod], ...]]:
    return grouped((each.namespace, each) for each in mesh.of(Pod) if each.body.status.phase == "Running")


def has_sidecar(pod: Resource[Pod]) -> bool:
    """Whether the injector gave the pod a sidecar."""
    containers = (*pod.body.spec.containers, *pod.body.spec.init_containers)
    return injection.STATUS in pod.body.metadata.annotations and any(each.name == _PROXY for each in containers)


def is_captured(pod: Resource[Pod]) -> bool:
    return pod.body.metadata.annotations.get(REDIRECTION) == "enabled"


def proxy_version(pod: Resource[Pod]) -> Version | None:
    """The release of the sidecar, None for images that do not say."""
    containers = (*pod.body.spec.containers, *pod.body.spec.init_containers)
    return next((found for each in containers if each.name == _PROXY and (found := version(each.image))), None)


def version(image: str) -> Version | None:
    """The release that the tag of an image names."""
    found = _TAG.search(image)
    return parse(found[1]) if found else None


def owner(pod: Resource[Pod]) -> str:
    """The workload of a pod as people know it; a ReplicaSet's hash is left out."""
    for each in pod.body.metadata.owner_references:
        return f"{each.kind} {each.name}" if each.kind != "ReplicaSet" else f"Deployment {each.name.rpartition('-')[0]}"
    return f"Pod {pod.name}"
