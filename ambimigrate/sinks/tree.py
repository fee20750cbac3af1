"""Trees of files: read as they are, copied whole, and changed file by file, each in one step."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path

from ambimigrate.sinks.texts import Files, listings

GIT = ".git"


class Unwritable(Exception):
    """The place cannot be written as asked; the message says why."""


def files(root: str) -> Files:
    """The tree at `root` as texts to change; names begin with the root, as in reports."""
    return Files(_read, listings(_names(root), _read), lambda name: Path(name).exists())


def _names(root: str) -> Iterator[str]:
    for folder, folders, names in os.walk(root):
        folders[:] = sorted(each for each in folders if each != GIT)
        for name in names:
            yield os.path.normpath(f"{folder}/{name}").replace(os.sep, "/")


def _read(name: str) -> str | None:
    try:
        return Path(name).read_bytes().decode()
    except (OSError, UnicodeDecodeError):
        return None


def check_out(root: str, out: str) -> None:
    """Raises Unwritable unless the folder is absent or empty, and not inside the tree."""
    place = Path(out)
    if place.exists() and (not place.is_dir() or any(place.iterdir())):
        raise Unwritable(f"{out} is there already and not empty")
    if place.resolve() == Path(root).resolve() or Path(root).resolve() in place.resolve().parents:
        raise Unwritable(f"{out} lies inside {root}")


def copy(root: str, out: str, changed: Iterable[tuple[str, str | None, str | None]]) -> None:
    """Writes the complete tree with its changes: other files byte for byte, links as links, without `.git`.

    The folder is new, so that nothing old can be lost: files are written plainly, which is many times faster.
    """
    texts = {os.path.normpath(name): (before, after) for name, before, after in changed}

    def ignore(folder: str, names: list[str]) -> set[str]:
        return {each for each in names if each == GIT or os.path.normpath(f"{folder}/{each}") in texts}

    shutil.copytree(root, out, symlinks=True, ignore=ignore, dirs_exist_ok=True)
    for name, (before, after) in texts.items():
        if after is not None:
            place = Path(out, os.path.relpath(name, root))
            place.write_bytes(after.encode())
            if before is not None:
                shutil.copymode(name, place)


def write(root: str, changed: Iterable[tuple[str, str | None, str | None]]) -> None:
    """Changes the tree in place, inside it only. Stopped at any moment, each file is either old or new.

    New files come first, so that no kustomization names one that is not there; deletions come last.
    """
    inside = Path(root).resolve()
    every = list(changed)
    for name, _, _ in every:
        _check_inside(Path(name), inside, root)
    for name, before, after in sorted(every, key=lambda each: (each[2] is None, each[1] is not None, each[0])):
        if _text(Path(name)) != before:
            raise Unwritable(f"{name} has changed since it was read")
        _put(Path(name), after)


def _check_inside(place: Path, inside: Path, root: str) -> None:
    if inside not in place.parent.resolve().joinpath("x").parents:
        raise Unwritable(f"{place} lies outside {root}")
    if place.is_symlink():
        raise Unwritable(f"{place} is a link; what it leads to is changed at its own place")


def _text(place: Path) -> str | None:
    """The text of a file, without a byte order mark's meaning; None if there is none."""
    return _read(str(place)) if place.exists() else None


def _put(place: Path, text: str | None) -> None:
    """Gives a file its text in one step, with the mode that it had; or removes it."""
    if text is None:
        place.unlink(missing_ok=True)
        _sync(place.parent)
        return
    handle, name = tempfile.mkstemp(dir=place.parent, prefix=f".{place.name}.")
    temporary = Path(name)
    try:
        with os.fdopen(handle, "wb") as out:
            out.write(text.encode())
            out.flush()
            os.fsync(out.fileno())
        if place.exists():
            shutil.copymode(place, temporary)
        else:
            temporary.chmod(0o666 & ~_umask())
        temporary.replace(place)
        _sync(place.parent)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def _sync(folder: Path) -> None:
    """Makes the names in a folder last; where a file system cannot, the rename alone has to do."""
    try:
        handle = os.open(folder, os.O_RDONLY)
    except OSError:
        return
    try:
        os.fsync(handle)
    except OSError:
        pass
    finally:
        os.close(handle)


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
