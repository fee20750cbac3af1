"""Texts that Istio takes for yes and no, in annotations and environment variables alike (Go, strconv.ParseBool)."""

from __future__ import annotations

TRUE = frozenset({"1", "t", "T", "true", "TRUE", "True"})
FALSE = frozenset({"0", "f", "F", "false", "FALSE", "False"})
