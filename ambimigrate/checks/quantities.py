"""Quantities of Kubernetes as numbers."""

from __future__ import annotations

from typing import Any

_UNITS = {"Ki": 1024.0, "Mi": 1024.0**2, "Gi": 1024.0**3, "Ti": 1024.0**4, "k": 1e3, "M": 1e6, "G": 1e9, "T": 1e12, "m": 1e-3}


def number(quantity: Any) -> float:
    """A quantity in cores or bytes; infinite if there is none or it cannot be read."""
    text = str(quantity if quantity is not None else "")
    for unit, factor in _UNITS.items():
        if text.endswith(unit):
            text, scale = text.removesuffix(unit), factor
            break
    else:
        scale = 1.0
    try:
        return float(text) * scale
    except ValueError:
        return float("inf")


def shown(key: str, amount: float) -> str:
    """An amount as people write it: millicores, or mebibytes."""
    return f"{amount * 1000:.0f}m CPU" if key == "cpu" else f"{amount / 1024**2:.0f}Mi"
