"""The CODEOWNERS file of a repository, at the places where GitHub and GitLab look for it."""

from __future__ import annotations

from pathlib import Path

PLACES = (".github/CODEOWNERS", "CODEOWNERS", "docs/CODEOWNERS", ".gitlab/CODEOWNERS")


def find(path: str) -> tuple[Path, str] | None:
    """The root of the repository and the text of its file: upwards from the path, never above the git root."""
    start = Path(path).resolve()
    for folder in (start, *start.parents):
        for place in PLACES:
            file = folder / place
            if file.is_file():
                return folder, file.read_text(encoding="utf-8", errors="replace")
        if (folder / ".git").exists():
            return None
    return None
