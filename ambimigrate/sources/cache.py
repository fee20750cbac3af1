"""The cache: entries in the user's cache folder, each known by a hash of all that it was made from, checked, and data only.

Nothing depends on it. An entry that is missing, damaged, or of another version of the tool is made anew; where nothing can be
written, nothing is kept. Whoever can change what an entry was made from changes its name, too: so a pull request cannot put
anything where another one's input would find it.
"""

from __future__ import annotations

import hashlib
import os
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, TypeVar

import msgspec
from msgspec import Struct

from ambimigrate.sources.cache_identity import identity

T = TypeVar("T")

VARIABLE = "AMBIMIGRATE_CACHE_DIR"
MOST_BYTES = 256 << 20  # of all entries together; the ones that were not used for longest go first
_MAGIC = b"ambimigrate cache 1\n"
_CHECK = hashlib.sha256().digest_size
_SUFFIX = ".entry"


class Store(Struct, frozen=True):
    """A folder of entries; without a folder nothing is found and nothing is kept."""

    folder: Path | None = None

    def key(self, *parts: Any) -> str:
        """The name of an entry that was made from these values, and from nothing else, by this version of the tool."""
        return hashlib.sha256(msgspec.msgpack.encode((identity(), parts)) if self.folder else b"").hexdigest()

    def get(self, key: str) -> bytes | None:
        """The content of an entry, None if there is none that is whole."""
        if self.folder is None:
            return None
        place = self._place(key)
        try:
            found = place.read_bytes()
            os.utime(place)
        except OSError:
            return None
        start = len(_MAGIC) + _CHECK
        content = memoryview(found)[start:]
        is_whole = found.startswith(_MAGIC) and hashlib.sha256(content).digest() == found[len(_MAGIC) : start]
        return bytes(content) if is_whole else None

    def put(self, key: str, content: bytes) -> None:
        """Keeps an entry: it appears at once or not at all, and the oldest make room for it."""
        if self.folder is None or len(content) > MOST_BYTES:
            return
        try:
            self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            _write(self._place(key), _MAGIC, hashlib.sha256(content).digest(), content)
            _make_room(self.folder)
        except OSError:
            return  # a read-only or full file system

    def found(self, key: str, kind: type[T]) -> T | None:
        """The value of an entry, None if there is none that can be read."""
        content = self.get(key)
        try:
            return None if content is None else msgspec.msgpack.decode(content, type=kind)
        except msgspec.MsgspecError:
            return None

    def keep(self, key: str, value: Any) -> None:
        """Keeps a value under the name of an entry."""
        if self.folder is not None:
            self.put(key, msgspec.msgpack.encode(value))

    def _place(self, key: str) -> Path:
        return Path(self.folder or "", f"{key}{_SUFFIX}")


def _write(place: Path, *parts: bytes) -> None:
    handle, name = tempfile.mkstemp(dir=place.parent, prefix=".new-")
    try:
        with os.fdopen(handle, "wb") as out:
            out.writelines(parts)
        Path(name).replace(place)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


def _make_room(folder: Path) -> None:
    left = MOST_BYTES
    for _, size, path in sorted(_files(folder), reverse=True):
        left -= size
        if left < 0:
            Path(path).unlink(missing_ok=True)


def _files(folder: Path) -> Iterator[tuple[float, int, str]]:
    """Time of the last use, size and path of everything of ours, also of what a killed process left."""
    for each in os.scandir(folder):
        if each.name.endswith(_SUFFIX) or each.name.startswith(".new-"):
            try:
                status = each.stat(follow_symlinks=False)
            except OSError:
                continue  # another process has made room
            yield status.st_mtime, status.st_size, each.path


def opened() -> Store:
    """The user's own store; AMBIMIGRATE_CACHE_DIR names another folder, or is `off`."""
    said = os.environ.get(VARIABLE, "")
    if said == "off":
        return Store()
    try:
        return Store(Path(said).absolute() if said else _of_platform() / "ambimigrate")
    except (OSError, RuntimeError):
        return Store()  # nobody's home


def _of_platform() -> Path:
    if sys.platform == "win32":
        return Path(os.environ.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local")
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Caches"
    said = os.environ.get("XDG_CACHE_HOME", "")
    return Path(said) if said.startswith("/") else Path.home() / ".cache"  # relative ones are to be ignored, says the standard
