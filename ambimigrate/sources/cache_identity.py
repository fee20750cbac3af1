"""What the tool is made of, so that no other version of it takes over what this one kept."""

from __future__ import annotations

import hashlib
import os
import platform
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import msgspec
import yaml

import ambimigrate
from ambimigrate import catalogue

_SOURCES = (".py", ".yaml", ".json")


@cache
def identity() -> str:
    """A hash of the versions of everything that reads and judges, and of the files of a checkout."""
    package = Path(ambimigrate.__file__).parent
    record = next(iter(sorted(package.parent.glob(f"ambimigrate-{ambimigrate.__version__}.dist-info/RECORD"))), None)
    is_installed = record is not None and catalogue.folder().is_relative_to(package)
    parts = [ambimigrate.__version__, platform.python_version(), msgspec.__version__, yaml.__version__]
    if is_installed and record is not None:
        parts.append(record.read_text(encoding="utf-8"))  # names each file with its hash
    else:
        parts += sorted(_stamps(str(package))) + sorted(_stamps(str(catalogue.folder())))
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()


def _stamps(folder: str) -> Iterator[str]:
    """Path, size and time of each file that may change while somebody works on it."""
    for each in os.scandir(folder):
        if each.is_dir(follow_symlinks=False):
            if each.name != "__pycache__":
                yield from _stamps(each.path)
        elif each.name.endswith(_SOURCES):
            status = each.stat()
            yield f"{each.path} {status.st_size} {status.st_mtime_ns}"
