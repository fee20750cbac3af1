"""Kinds that ask Prometheus: rules, what is scraped, and the metrics by which a release is judged."""

from __future__ import annotations

from typing import Any

from msgspec import field

from ambimigrate.kinds.base import Object, View, kind

COREOS = "monitoring.coreos.com"


class PrometheusRuleSpec(View, frozen=True):
    groups: tuple[dict[str, Any], ...] = ()


@kind(COREOS, "prometheusrules")
class PrometheusRule(Object, frozen=True):
    spec: PrometheusRuleSpec = PrometheusRuleSpec()


class ServiceMonitorSpec(View, frozen=True):
    endpoints: tuple[dict[str, Any], ...] = ()


@kind(COREOS, "servicemonitors")
class ServiceMonitor(Object, frozen=True):
    spec: ServiceMonitorSpec = ServiceMonitorSpec()


class PodMonitorSpec(View, frozen=True):
    pod_metrics_endpoints: tuple[dict[str, Any], ...] = ()


@kind(COREOS, "podmonitors")
class PodMonitor(Object, frozen=True):
    spec: PodMonitorSpec = PodMonitorSpec()


class MetricTemplateSpec(View, frozen=True):
    query: str = ""


@kind("flagger.app", "metrictemplates", "v1beta1")
class MetricTemplate(Object, frozen=True):
    """A metric of Flagger."""

    spec: MetricTemplateSpec = MetricTemplateSpec()


class AnalysisTemplateSpec(View, frozen=True):
    metrics: tuple[dict[str, Any], ...] = ()


@kind("argoproj.io", "analysistemplates", "v1alpha1")
class AnalysisTemplate(Object, frozen=True):
    """Metrics of Argo Rollouts."""

    spec: AnalysisTemplateSpec = AnalysisTemplateSpec()


@kind("argoproj.io", "clusteranalysistemplates", "v1alpha1", namespaced=False)
class ClusterAnalysisTemplate(Object, frozen=True):
    spec: AnalysisTemplateSpec = AnalysisTemplateSpec()


class PrometheusServiceLevelSpec(View, frozen=True):
    slos: tuple[Any, ...] = ()


@kind("sloth.slok.dev", "prometheusservicelevels", "v1")
class PrometheusServiceLevel(Object, frozen=True):
    """Service levels of Sloth."""

    spec: PrometheusServiceLevelSpec = PrometheusServiceLevelSpec()


class ServiceLevelObjectiveSpec(View, frozen=True):
    indicator: dict[str, Any] = field(default_factory=dict)


@kind("pyrra.dev", "servicelevelobjectives", "v1alpha1")
class ServiceLevelObjective(Object, frozen=True):
    """A service level of Pyrra."""

    spec: ServiceLevelObjectiveSpec = ServiceLevelObjectiveSpec()
