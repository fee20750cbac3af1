"""How far the reading of a cluster is, for whoever waits for it."""

from __future__ import annotations

import threading
from collections.abc import Callable

from msgspec import Struct

from ambimigrate.kinds import Namespace
from ambimigrate.sources.cluster_lists import Listed


class Says(Struct, frozen=True):
    """How to speak to the user meanwhile: `progress` shows how far it is, `tell` what has to be known at once."""

    progress: Callable[[str], None] = lambda _text: None
    tell: Callable[[str], None] = lambda _text: None


class Tally:
    """Counts what several threads bring."""

    def __init__(self, context: str, lists: int, says: Says) -> None:
        self._context, self._lists, self._says = context, lists, says
        self._done, self._objects, self._namespaces = 0, 0, 0
        self._lock = threading.Lock()

    def page(self, count: int) -> None:
        """A page of so many objects came."""
        with self._lock:
            self._objects += count
        self._tell()

    def list(self, listed: Listed) -> None:
        """A list is at its end."""
        with self._lock:
            self._done += 1
            if listed.listing.view is Namespace:
                self._namespaces += len(listed.resources)
        self._tell()

    def _tell(self) -> None:
        namespaces = f" in {self._namespaces:,} namespaces" if self._namespaces else ""
        done = f"{self._done} of {self._lists} lists"
        self._says.progress(f"{self._context}: {done}, {self._objects:,} objects{namespaces}")
