"""Which ids scan and gate report."""

from __future__ import annotations

import re

from ambimigrate import catalogue

_ID = re.compile(r"[A-Z]{2}[0-9]{3}")


def no_rule(id: str) -> str:
    """Why scan and gate never report the id, or nothing."""
    try:
        entry = catalogue.entry(id) if _ID.fullmatch(id) else None
    except (KeyError, OSError):
        entry = None
    if entry is None:
        return f"there is no rule {id!r}{_nearest(id)}"
    return f"{id} is a reason of convert, to which one agrees by --accept or `accept:`" if entry.by == "convert" else ""


def _nearest(id: str) -> str:
    from difflib import get_close_matches

    known = sorted(path.stem for path in catalogue.folder().glob("??[0-9][0-9][0-9].yaml"))
    close = get_close_matches(id[:20], known, 1)
    return f"; did you mean {close[0]!r}?" if close else "; `ambimigrate rules` lists them"
