"""Rules about Sidecar objects and the outbound policy of the mesh."""

KINDS = ("Sidecar", "ConfigMap", "IstioOperator", "SailIstio")
