"""What documents hold, remembered by the hash of their texts: a text that was read once is not parsed again."""

from __future__ import annotations

import hashlib
import os
import re
from typing import Any

import msgspec
from msgspec import Raw

from ambimigrate.sources.cache import Store
from ambimigrate.yamlio import Document, Values, values

MOST_BYTES = 64 << 20  # of the values of one path
MOST_OF_ONE = 1 << 20  # a document that its aliases make long is read anew
_SECRET = re.compile(r"kind\W{1,6}Secret\b")  # as an item of a List; what stands alone is not parsed in the first place
_Kept = tuple[Any, list[tuple[str, int]]]  # the value, and its duplicate keys with their lines below the first


class Remembered:
    """Reads documents as `yamlio.values` does, out of what earlier runs on the same path read.

    What a run met is what it leaves to the next one, so nothing grows without bound.
    """

    def __init__(self, store: Store, path: str) -> None:
        self.store = store
        self.key = store.key("values", os.fsencode(os.path.realpath(path)))
        self.known: dict[bytes, Raw] | None = None
        self.met: dict[bytes, Raw] = {}
        self.is_new, self.left = False, MOST_BYTES
        self.decoder = msgspec.msgpack.Decoder(_Kept)

    def values(self, document: Document) -> Values:
        """What a document holds. Raises Unreadable, which is never remembered."""
        if self.store.folder is None or ("Secret" in document.text and _SECRET.search(document.text)):
            return values(document)
        if self.known is None:
            self.known = self._loaded()
        name = hashlib.sha256(document.text.encode(errors="surrogatepass")).digest()
        found = self.met.get(name) or self.known.get(name)
        if found is None:
            return self._read(document, name)
        try:
            value, duplicates = self.decoder.decode(found)
        except (msgspec.MsgspecError, RecursionError):
            return self._read(document, name)
        self._meet(name, found)
        return Values(value, [(key, line + document.first_line) for key, line in duplicates])

    def _read(self, document: Document, name: bytes) -> Values:
        made = values(document)
        below = [(key, line - document.first_line) for key, line in made.duplicates]
        try:
            self._meet(name, Raw(msgspec.msgpack.encode((made.value, below))))
            self.is_new = True
        except (TypeError, ValueError, OverflowError, RecursionError):
            pass  # a number of JSON that no other format holds
        return made

    def _meet(self, name: bytes, found: Raw) -> None:
        size = len(memoryview(found))
        if name not in self.met and size <= min(self.left, MOST_OF_ONE):
            self.met[name] = found
            self.left -= size

    def _loaded(self) -> dict[bytes, Raw]:
        content = self.store.get(self.key)
        try:
            return msgspec.msgpack.decode(content or b"\x80", type=dict[bytes, Raw])
        except msgspec.MsgspecError:
            return {}

    def keep(self) -> None:
        """Leaves what was met to the next run, if there is anything new in it."""
        if self.is_new or (self.known and len(self.met) * 2 < len(self.known)):
            self.store.put(self.key, msgspec.msgpack.encode(self.met))
