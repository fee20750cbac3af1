"""Rules about DestinationRules, and about how Services spread their load."""

KINDS = ("DestinationRule", "Service", "ConfigMap", "IstioOperator", "SailIstio")
