"""Symbolic links in a tree of git: where they lead, by the texts alone."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping

_MOST = 40  # links on the way, as the kernel counts them


def led(path: str, links: Mapping[str, str]) -> str | None:
    """The path at the end of all links, from the same folder as `path`; None if it leaves that folder or never ends."""
    steps, at, left = deque(path.split("/")), list[str](), _MOST
    while steps:
        step = steps.popleft()
        if step in {"", "."}:
            continue
        if step == "..":
            if not at:
                return None
            at.pop()
            continue
        target = links.get("/".join([*at, step]))
        if target is None:
            at.append(step)
            continue
        left -= 1
        if not left or target.startswith("/"):
            return None
        steps.extendleft(reversed(target.split("/")))
    return "/".join(at)
