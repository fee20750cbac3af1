"""Files of snapshots: compressed, and known by their first bytes."""

from __future__ import annotations

import zlib
from collections.abc import Collection, Iterable
from pathlib import Path

from ambimigrate.decode import Reading
from ambimigrate.model import Target
from ambimigrate.snapshot import NoSnapshot, restored

_GZIP = b"\x1f\x8b"


def is_snapshot(path: str) -> bool:
    """Whether the path is a compressed file, as only snapshots are among what is read."""
    file = Path(path)
    if not file.is_file():
        return False
    with file.open("rb") as content:
        return content.read(len(_GZIP)) == _GZIP


def read_snapshots(paths: Iterable[str], target: Target, given: Collection[str] = ()) -> Reading:
    """The clusters of all these files; NoSnapshot with its path for one that cannot be read."""
    return joined(_read(path, target, given) for path in paths)


def _read(path: str, target: Target, given: Collection[str]) -> Reading:
    import gzip  # what few scans need is loaded by them alone

    try:
        return restored(gzip.decompress(Path(path).read_bytes()), target, given)
    except gzip.BadGzipFile:
        raise NoSnapshot(f"{path} is no snapshot, which `ambimigrate scan --save` writes") from None
    except OSError as error:
        raise NoSnapshot(f"{path} cannot be read: {error.strerror or error}") from None
    except (EOFError, zlib.error) as error:
        raise NoSnapshot(f"{path} cannot be read: {error}") from None
    except NoSnapshot as error:
        raise NoSnapshot(f"{path} {error}") from None


def joined(readings: Iterable[Reading]) -> Reading:
    """Several clusters as one input: a mesh each."""
    first, *others = readings
    for each in others:
        first.counts.objects.update(each.counts.objects)
        first.counts.skipped.update(each.counts.skipped)
        first.counts.documents += each.counts.documents
    every = (first, *others)
    return Reading(
        tuple(mesh for each in every for mesh in each.meshes),
        tuple(problem for each in every for problem in each.problems),
        first.counts,
        None,
        tuple(dict.fromkeys(note for each in every for note in each.notes)),
    )
