"""PF005: settings of Cilium that ambient mode does not bear."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ambimigrate.checks import rule
from ambimigrate.checks.platform import cilium
from ambimigrate.kinds import ConfigMap, HelmValues
from ambimigrate.model import Hit, Mesh, Resource


@rule("PF005", ConfigMap, HelmValues)
def check(resource: Resource[Any], mesh: Mesh) -> Iterator[Hit]:
    found = cilium.settings(resource)
    if found is None or not cilium.matters(mesh):
        return
    if found.is_on("cni-exclusive"):
        yield Hit(
            found.at("cni-exclusive"),
            "Cilium is the exclusive CNI: it renames the configuration of istio-cni away, so pods are not captured and speak "
            "plaintext",
            "exclusive",
        )
    if _bypasses(found):
        key = "bpf-lb-sock" if found.get("bpf-lb-sock") else "kube-proxy-replacement"
        yield Hit(
            found.at(key),
            "fails open: Cilium's socket load balancing turns addresses of Services into those of pods before ztunnel sees "
            "them: waypoints and their policies are skipped",
            "socket",
        )
    if found.is_on("enable-bpf-masquerade"):
        yield Hit(
            found.at("enable-bpf-masquerade"),
            "eBPF masquerading does not return answers to link-local addresses: the kubelet's probes of every enrolled pod "
            "fail",
            "masquerade",
        )
    if found.get("enable-host-legacy-routing") == "false":
        yield Hit(
            found.at("enable-host-legacy-routing"),
            "eBPF host routing does not return answers to link-local addresses: the kubelet's probes of every enrolled pod "
            "fail",
            "routing",
        )


def _bypasses(found: cilium.Settings) -> bool:
    if found.is_on("bpf-lb-sock-hostns-only"):
        return False
    return found.is_on("bpf-lb-sock") or (found.is_on("kube-proxy-replacement") and found.get("bpf-lb-sock") != "false")
