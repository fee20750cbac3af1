"""A new folder of files: scripts can be run, and nothing that is there already is touched."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from ambimigrate.sinks.tree import Unwritable


def check(out: str) -> None:
    """Raises Unwritable unless the folder is absent or empty."""
    place = Path(out)
    if place.exists() and (not place.is_dir() or any(place.iterdir())):
        raise Unwritable(f"{out} is there already and not empty")


def write(out: str, files: Mapping[str, str]) -> None:
    """Writes the files below the folder."""
    check(out)
    root = Path(out)
    root.mkdir(parents=True, exist_ok=True)
    for name, text in sorted(files.items()):
        place = root / name
        if root.resolve() not in place.resolve().parents:
            raise Unwritable(f"{name} lies outside {out}")
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(text, encoding="utf-8")
        if name.endswith(".sh"):
            place.chmod(0o755)
