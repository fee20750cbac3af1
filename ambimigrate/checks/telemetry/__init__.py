"""Rules about Telemetry objects."""

KINDS = ("Telemetry",)
