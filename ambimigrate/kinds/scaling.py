"""Kinds that bound or change how many pods run and how much they may ask for."""

from __future__ import annotations

from typing import Any

from msgspec import field

from ambimigrate.kinds.base import Object, View, kind
from ambimigrate.kinds.shared import LabelSelector
from ambimigrate.kinds.status import DisruptionStatus


class ScaleTargetRef(View, frozen=True):
    api_version: str = ""
    kind: str = ""
    name: str = ""


class HorizontalPodAutoscalerSpec(View, frozen=True):
    scale_target_ref: ScaleTargetRef = ScaleTargetRef()
    min_replicas: int | None = None
    max_replicas: int | None = None
    metrics: tuple[dict[str, Any], ...] = ()
    target_cpu_utilization_percentage: int | None = field(default=None, name="targetCPUUtilizationPercentage")  # of v1


@kind("autoscaling", "horizontalpodautoscalers", "v2", "v1")
class HorizontalPodAutoscaler(Object, frozen=True):
    spec: HorizontalPodAutoscalerSpec = HorizontalPodAutoscalerSpec()


class VerticalPodAutoscalerSpec(View, frozen=True):
    target_ref: ScaleTargetRef = ScaleTargetRef()
    resource_policy: dict[str, Any] | None = None


@kind("autoscaling.k8s.io", "verticalpodautoscalers", "v1", "v1beta2")
class VerticalPodAutoscaler(Object, frozen=True):
    spec: VerticalPodAutoscalerSpec = VerticalPodAutoscalerSpec()


class ScaledObjectSpec(View, frozen=True):
    scale_target_ref: ScaleTargetRef = ScaleTargetRef(kind="Deployment")
    triggers: tuple[dict[str, Any], ...] = ()


@kind("keda.sh", "scaledobjects", "v1alpha1")
class ScaledObject(Object, frozen=True):
    spec: ScaledObjectSpec = ScaledObjectSpec()


class PodDisruptionBudgetSpec(View, frozen=True):
    selector: LabelSelector | None = None
    min_available: int | str | None = None
    max_unavailable: int | str | None = None


@kind("policy", "poddisruptionbudgets")
class PodDisruptionBudget(Object, frozen=True):
    spec: PodDisruptionBudgetSpec = PodDisruptionBudgetSpec()
    status: DisruptionStatus = DisruptionStatus()


class ResourceQuotaSpec(View, frozen=True):
    hard: dict[str, str | int | float] = field(default_factory=dict)


@kind("", "resourcequotas")
class ResourceQuota(Object, frozen=True):
    spec: ResourceQuotaSpec = ResourceQuotaSpec()


class LimitRangeItem(View, frozen=True):
    type: str = ""
    min: dict[str, str | int | float] = field(default_factory=dict)
    max: dict[str, str | int | float] = field(default_factory=dict)


class LimitRangeSpec(View, frozen=True):
    limits: tuple[LimitRangeItem, ...] = ()


@kind("", "limitranges")
class LimitRange(Object, frozen=True):
    spec: LimitRangeSpec = LimitRangeSpec()
