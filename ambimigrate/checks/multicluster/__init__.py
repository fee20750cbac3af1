"""Rules about meshes of several clusters or networks."""

KINDS = ("IstioOperator", "SailIstio", "ConfigMap", "Namespace", "Gateway", "IstioGateway")
