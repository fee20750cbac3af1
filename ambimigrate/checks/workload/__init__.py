"""Rules about workloads and Services: what changes for pods that lose their sidecar and are captured by ztunnel."""

KINDS = (
    "Deployment",
    "StatefulSet",
    "DaemonSet",
    "ReplicaSet",
    "Job",
    "CronJob",
    "Rollout",
    "Pod",
    "Service",
    "ConfigMap",
    "Ingress",
    "AuthorizationPolicy",
)
