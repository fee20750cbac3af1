"""PF020: nodes on which the agents of ambient mode do not run, or fail."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping

from ambimigrate.checks import rule
from ambimigrate.kinds import Node, Pod
from ambimigrate.model import Hit, Mesh, Resource, grouped
from ambimigrate.topology import injection

_NFTABLES_ONLY = re.compile(r"Red Hat Enterprise Linux(?: CoreOS)? 10|CentOS Stream 10|AlmaLinux 10|Rocky Linux 10")
_OLD = re.compile(r"CentOS Linux 7|Red Hat Enterprise Linux (?:Server )?7")
_WITHOUT_AGENTS: Mapping[str, Callable[[Resource[Node]], bool]] = {
    "Fargate": lambda node: node.body.metadata.labels.get("eks.amazonaws.com/compute-type") == "fargate",
    "a virtual node": lambda node: node.body.metadata.labels.get("type") == "virtual-kubelet",
    "GKE Autopilot": lambda node: node.name.startswith("gk3-"),
}


@rule("PF020", Node)
def check(node: Resource[Node], mesh: Mesh) -> Iterator[Hit]:
    info = node.body.status.node_info
    place = node.at("status", "nodeInfo", "osImage")
    if _NFTABLES_ONLY.search(info.os_image):
        yield Hit(
            place, f"{node.name} runs {info.os_image}, which has no iptables modules: istio-cni cannot set up pods", "nftables"
        )
    elif _OLD.search(info.os_image):
        yield Hit(
            place, f"{node.name} runs {info.os_image} with kernel {info.kernel_version}: istio-cni's rules fail on it", "old"
        )
    what = next((name for name, holds in _WITHOUT_AGENTS.items() if holds(node)), None)
    members = sorted(
        {each.namespace for each in mesh.index(_pods).get(node.name, ()) if injection.is_meshed(mesh, each.namespace)}
    )
    if what and (members or not mesh.index(_pods)):
        whose = f": pods of {', '.join(members[:3])} there are never captured" if members else ""
        yield Hit(node.at("metadata"), f"{node.name} is {what} and runs no ztunnel{whose}", "agents")


def _pods(mesh: Mesh) -> Mapping[str, tuple[Resource[Pod], ...]]:
    return grouped((each.body.spec.node_name, each) for each in mesh.of(Pod) if each.body.spec.node_name)
