"""What a Telemetry object sets, in words."""

from __future__ import annotations

from ambimigrate.kinds import Telemetry


def settings(telemetry: Telemetry) -> str:
    """Which of traces, metrics and access logs it is about."""
    spec = telemetry.spec
    said = {"trace": spec.tracing, "metric": spec.metrics, "access log": spec.access_logging}
    return ", ".join(word for word, value in said.items() if value) or "empty"
