"""Rules about gateways: egress chains, ingress in front of waypoints, the pods of gateways."""

KINDS = (
    "VirtualService",
    "HTTPRoute",
    "TCPRoute",
    "TLSRoute",
    "GRPCRoute",
    "Gateway",
    "Service",
    "Deployment",
    "DaemonSet",
    "StatefulSet",
    "Rollout",
    "Ingress",
)
