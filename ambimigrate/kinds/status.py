"""What controllers tell about objects in their status."""

from __future__ import annotations

from collections.abc import Iterable

from msgspec import field

from ambimigrate.kinds.base import View


class StatusCondition(View, frozen=True):
    type: str = ""
    status: str = ""  # True | False | Unknown
    reason: str = ""
    message: str = ""


class Status(View, frozen=True):
    conditions: tuple[StatusCondition, ...] = ()


class RouteParent(View, frozen=True):
    namespace: str | None = None
    name: str = ""
    kind: str = "Gateway"


class RouteParentStatus(View, frozen=True):
    parent_ref: RouteParent = RouteParent()
    controller_name: str = ""
    conditions: tuple[StatusCondition, ...] = ()


class RouteStatus(View, frozen=True):
    parents: tuple[RouteParentStatus, ...] = ()


class ContainerStatus(View, frozen=True):
    name: str = ""
    ready: bool = False


class PodStatus(View, frozen=True):
    phase: str = ""  # "" in a manifest
    conditions: tuple[StatusCondition, ...] = ()


class DaemonSetStatus(View, frozen=True):
    desired_number_scheduled: int | None = None  # None in a manifest
    number_ready: int = 0


class DeploymentStatus(View, frozen=True):
    replicas: int | None = None
    available_replicas: int = 0
    conditions: tuple[StatusCondition, ...] = ()


class JobStatus(View, frozen=True):
    active: int = 0


class DisruptionStatus(View, frozen=True):
    disruptions_allowed: int | None = None
    expected_pods: int = 0


class NodeInfo(View, frozen=True):
    kernel_version: str = ""
    os_image: str = ""
    kubelet_version: str = ""
    operating_system: str = "linux"


class NodeStatus(View, frozen=True):
    node_info: NodeInfo = NodeInfo()
    allocatable: dict[str, str | int | float] = field(default_factory=dict)
    conditions: tuple[StatusCondition, ...] = ()


def condition(conditions: Iterable[StatusCondition], name: str) -> StatusCondition | None:
    """The condition of that type."""
    return next((each for each in conditions if each.type == name), None)
