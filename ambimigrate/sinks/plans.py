"""Keeps a plan at the root of what it is for, in one step."""

from __future__ import annotations

from pathlib import Path

from ambimigrate.sinks import git, tree

FILE = ".ambimigrate/plan.json"


def place(path: str) -> Path:
    """Where the plan of a tree is kept: at the root of its git repository, else in the folder; for a cluster right here."""
    if not path:
        return Path(FILE)
    folder = path if Path(path).is_dir() else str(Path(path).parent)
    return (git.root(folder) or Path(folder)) / FILE


def save(text: str, file: Path) -> None:
    """Writes the plan; what was there before stays until all of it is written. Raises Unwritable."""
    try:
        file.parent.mkdir(exist_ok=True)
        before = file.read_bytes().decode(errors="replace") if file.exists() else None
        tree.write(str(file.parent), ((str(file), before, text),))
    except OSError as error:
        raise tree.Unwritable(f"{file} cannot be written: {error.strerror or error}") from None
