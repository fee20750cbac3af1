"""PF015: an installation that does not name the platform on which it runs."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ambimigrate.checks import rule
from ambimigrate.checks.platform import install
from ambimigrate.kinds import HelmValues, IstioOperator, Namespace, Node, OpenShiftNetwork, ServiceAccount
from ambimigrate.model import Hit, Mesh, Resource
from ambimigrate.topology.meshconfig import dig
from ambimigrate.topology.workloads import workloads

# Istio, manifests/helm-profiles/platform-*.yaml: EKS and AKS have no such profile and need none
_NEEDS = {
    "gke": "istio-cni writes its binary where the nodes do not look",
    "k3d": "istio-cni writes its configuration where the nodes do not look",
    "k3s": "istio-cni writes its configuration where the nodes do not look",
    "microk8s": "istio-cni writes its configuration where the nodes do not look",
    "minikube": "istio-cni looks for the pods' network namespaces in the wrong place",
    "openshift": "istio-cni and ztunnel lack the paths and the rights that they need there",
}
_LABELS = {"minikube.k8s.io/name": "minikube", "microk8s.io/cluster": "microk8s", "node.openshift.io/os_id": "openshift"}
_PATHS = ("cniBinDir", "cniConfDir", "cniNetnsDir")


@rule("PF015", IstioOperator, HelmValues)
def check(resource: Resource[Any], mesh: Mesh) -> Iterator[Hit]:
    if not install.installs_cni(resource) or not install.is_whole(resource):
        return
    helm = install.helm(resource)
    named = dig(helm, ("global", "platform")) or helm.get("platform")
    if named or any(helm.get(each) or dig(helm, ("cni", each)) for each in _PATHS):
        return
    platform, why = _platform(mesh)
    if platform in _NEEDS and platform not in {install.profile(resource), *install.profile(resource).split("-")}:
        yield Hit(
            install.at(resource),
            f"{resource.name or resource.kind} sets no global.platform, but the cluster is {platform} ({why}): "
            f"{_NEEDS[platform]}, and no pod is captured",
        )


def _platform(mesh: Mesh) -> tuple[str, str]:
    """The platform and what says so, "" if nothing does."""
    if mesh.target.platform:
        return mesh.target.platform, "--platform"
    return mesh.index(_shown)


def _shown(mesh: Mesh) -> tuple[str, str]:
    return next(_signs(mesh), ("", ""))


def _signs(mesh: Mesh) -> Iterator[tuple[str, str]]:
    """Every platform that something in the input shows, and what that is."""
    yield from (("openshift", f"Network {each.name}") for each in mesh.of(OpenShiftNetwork))
    for space in mesh.of(Namespace):
        if any(each.startswith("openshift.io/sa.scc.") for each in space.body.metadata.annotations):
            yield "openshift", f"annotations of namespace {space.name}"
    for account in mesh.of(ServiceAccount):
        if "iam.gke.io/gcp-service-account" in account.body.metadata.annotations:
            yield "gke", f"ServiceAccount {account.namespace}/{account.name}"
    yield from ((found, f"Node {node.name}") for node in mesh.of(Node) if (found := _of_node(node)))
    for workload in workloads(mesh):
        if any(each.startswith("cloud.google.com/gke-") for each in workload.pod.node_selector):
            yield "gke", f"nodeSelector of {workload}"


def _of_node(node: Resource[Node]) -> str:
    """The platform by what its distribution writes on nodes, "" if that is none of those that need a value."""
    provider, labels, info = node.body.spec.provider_id, node.body.metadata.labels, node.body.status.node_info
    of_gke = any(each.startswith("cloud.google.com/gke-") for each in labels) or "Container-Optimized" in info.os_image
    if provider.startswith("gce://") and of_gke:
        return "gke"
    if provider.startswith("k3s://k3d-"):
        return "k3d"
    if "+k3s" in info.kubelet_version:
        return "k3s"
    return next((platform for label, platform in _LABELS.items() if label in labels), "")
