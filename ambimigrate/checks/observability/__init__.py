"""Rules about metrics: alerts, dashboards, autoscalers and releases that ask for what sidecars reported."""

KINDS = (
    "PrometheusRule",
    "ServiceMonitor",
    "PodMonitor",
    "MetricTemplate",
    "AnalysisTemplate",
    "ClusterAnalysisTemplate",
    "HorizontalPodAutoscaler",
    "ScaledObject",
    "ConfigMap",
    "Deployment",
    "StatefulSet",
    "DaemonSet",
    "ReplicaSet",
    "Job",
    "CronJob",
    "Rollout",
    "Pod",
)
