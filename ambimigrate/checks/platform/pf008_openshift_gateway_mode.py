"""PF008: OpenShift's network in shared gateway mode."""

from __future__ import annotations

from collections.abc import Iterator

from ambimigrate.checks import rule
from ambimigrate.checks.platform.cilium import matters
from ambimigrate.kinds import OpenShiftNetwork
from ambimigrate.model import Hit, Mesh, Resource
from ambimigrate.topology.meshconfig import dig

_HOST = ("ovnKubernetesConfig", "gatewayConfig", "routingViaHost")


@rule("PF008", OpenShiftNetwork)
def check(network: Resource[OpenShiftNetwork], mesh: Mesh) -> Iterator[Hit]:
    plane = network.body.spec.default_network or {}
    if plane.get("type", "OVNKubernetes") == "OVNKubernetes" and dig(plane, _HOST) is not True and matters(mesh):
        yield Hit(
            network.at("spec", "defaultNetwork"),
            "OVN-Kubernetes runs in shared gateway mode (routingViaHost is not true): the kubelet's probes of enrolled pods "
            "fail",
        )
