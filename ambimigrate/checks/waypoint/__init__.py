"""Rules about waypoints: the labels that ask for one, and the Gateways that are one."""

KINDS = ("Gateway", "Namespace", "Service", "ServiceEntry", "Deployment", "StatefulSet", "DaemonSet", "Rollout", "Pod")
