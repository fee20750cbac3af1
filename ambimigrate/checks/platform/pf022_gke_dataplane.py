"""PF022: GKE's Dataplane V2 on nodes where calls to pods of the same node were seen to time out."""

from __future__ import annotations

import re
from collections.abc import Iterator

from ambimigrate.checks import rule
from ambimigrate.kinds import DaemonSet, Node
from ambimigrate.model import Hit, Mesh, Resource

_AGENT = "anetd"  # Dataplane V2, in kube-system
_POOL = "cloud.google.com/gke-nodepool"
_FIRST = 1, 34  # kubelets with which it was reported (istio/istio#59754)
_MINOR = re.compile(r"v?(\d+)\.(\d+)")


@rule("PF022", DaemonSet)
def check(agent: Resource[DaemonSet], mesh: Mesh) -> Iterator[Hit]:
    if (agent.namespace, agent.name) != ("kube-system", _AGENT):
        return
    found = [each for each in mesh.of(Node) if _POOL in each.body.metadata.labels and _minor(each) >= _FIRST]
    if found:
        version = found[0].body.status.node_info.kubelet_version
        said = f"Dataplane V2 on {len(found)} nodes with kubelet {version} ({found[0].name}): calls of enrolled pods to pods of"
        yield Hit(agent.at("metadata"), f"{said} the same node were reported to time out until the node is drained")


def _minor(node: Resource[Node]) -> tuple[int, int]:
    found = _MINOR.match(node.body.status.node_info.kubelet_version)
    return (int(found[1]), int(found[2])) if found else (0, 0)
