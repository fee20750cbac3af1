"""AuthorizationPolicies of sidecars as a copy for the waypoint and a form for ztunnel, with the direct way closed."""

from __future__ import annotations

from ambimigrate.converters.policies.split import Aims, convert, untouched
from ambimigrate.converters.policies.targets import needs

__all__ = ["Aims", "convert", "needs", "untouched"]
