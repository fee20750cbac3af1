"""Rules about Telemetry objects."""
