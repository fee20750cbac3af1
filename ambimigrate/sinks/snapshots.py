"""Writes a snapshot of clusters: compressed, for its owner only, in one step."""

from __future__ import annotations

import gzip
import os
import tempfile
from pathlib import Path

from ambimigrate.sinks.tree import Unwritable


def save(record: bytes, path: str) -> None:
    """Writes the file; what was there before stays until all of it is written."""
    place = Path(path)
    try:
        handle, name = tempfile.mkstemp(dir=place.parent, prefix=f".{place.name}.")  # made readable by its owner alone
        try:
            with os.fdopen(handle, "wb") as out:
                out.write(gzip.compress(record, 6, mtime=0))
            Path(name).replace(place)
        except BaseException:
            Path(name).unlink(missing_ok=True)
            raise
    except OSError as error:
        raise Unwritable(f"{path} cannot be written: {error.strerror or error}") from None
