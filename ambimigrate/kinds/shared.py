"""Parts that objects of several API groups have in common: label selectors, references to targets, ports by number."""

from __future__ import annotations

from msgspec import field

from ambimigrate.kinds.base import View


class LabelSelectorRequirement(View, frozen=True):
    key: str = ""
    operator: str = ""
    values: tuple[str, ...] = ()


class LabelSelector(View, frozen=True):
    match_labels: dict[str, str] = field(default_factory=dict)
    match_expressions: tuple[LabelSelectorRequirement, ...] = ()


class PolicySelector(View, frozen=True):
    """Istio's `selector.matchLabels`, and the `workloadSelector.matchLabels` of a DestinationRule."""

    match_labels: dict[str, str] = field(default_factory=dict)


class WorkloadSelector(View, frozen=True):
    """Istio's older `workloadSelector.labels`."""

    labels: dict[str, str] = field(default_factory=dict)


class TargetRef(View, frozen=True):
    group: str = ""
    kind: str = ""
    name: str = ""
    namespace: str = ""


class PortSelector(View, frozen=True):
    number: int = 0
