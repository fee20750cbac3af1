"""Nodes of a cluster, which no manifest holds."""

from __future__ import annotations

from msgspec import field

from ambimigrate.kinds.base import Object, View, kind
from ambimigrate.kinds.status import NodeStatus


class NodeSpec(View, frozen=True):
    provider_id: str = field(default="", name="providerID")
    pod_cidrs: tuple[str, ...] = field(default=(), name="podCIDRs")


@kind("", "nodes", namespaced=False)
class Node(Object, frozen=True):
    spec: NodeSpec = NodeSpec()
    status: NodeStatus = NodeStatus()
