"""Patches of kustomizations: which kind of object one addresses."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ambimigrate.kinds import NAMES

Tree = Mapping[str, Any]


def touches(target: Tree, text: str) -> str | None:
    """The kind that we read and that a patch addresses, by its target or by its own text; None if there is none."""
    kind = target.get("kind")
    if isinstance(kind, str) and kind:
        return kind if kind.split("|")[0].strip("^$()") in NAMES else None
    if target:
        return "objects"  # by name or label: any kind
    for line in text.splitlines():
        name, _, value = line.partition(":")
        if name.strip(" -\"'") == "kind" and value.strip(" \"',") in NAMES:
            return value.strip(" \"',")
    return None
