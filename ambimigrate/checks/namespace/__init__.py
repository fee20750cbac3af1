"""Rules about namespaces: labels of both data planes, labels that bring sidecars back, Pod Security."""

KINDS = ("Namespace", "Deployment", "StatefulSet", "DaemonSet", "ReplicaSet", "Job", "CronJob", "Rollout", "Pod")
