"""Rules about workloads and Services: what changes for pods that lose their sidecar and are captured by ztunnel."""
