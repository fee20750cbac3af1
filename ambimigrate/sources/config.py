"""The configuration file: found upwards from what is read, checked against its schema, every error with its line."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from msgspec import Struct, field

from ambimigrate import catalogue
from ambimigrate.model import Position
from ambimigrate.yamlio import Document, Unreadable, values

NAME = ".ambimigrate.yaml"


class ConfigError(Exception):
    """A configuration that is not valid: one line for each error."""


class Agreement(Struct, frozen=True):
    """A difference that was agreed to by its id: for which object, why, and until when (ISO date, empty: for good)."""

    id: str
    namespace: str
    name: str
    because: str
    until: str = ""


class Config(Struct, frozen=True):
    """What the configuration says; all of it is optional. Paths are relative to `folder`."""

    folder: Path | None = None
    target: Mapping[str, str] = field(default_factory=dict)
    namespace: str = ""
    exclude: tuple[str, ...] = ()
    meshes: Mapping[str, Mapping[str, str]] = field(default_factory=dict)  # name -> its target
    paths: Mapping[str, str] = field(default_factory=dict)  # folder -> name of its mesh
    accept: tuple[Agreement, ...] = ()
    close_direct_access: bool = False
    keep_virtual_services: tuple[str, ...] = ()
    waypoints: str = ""

    def folders_below(self, root: str) -> Mapping[str, str] | None:
        """Folder below `root` -> mesh, None if the configuration names no meshes."""
        if not self.paths or self.folder is None:
            return None
        top = Path(root).resolve()
        found = {}
        for path, mesh in self.paths.items():
            full = (self.folder / path).resolve()
            if full.is_relative_to(top):
                found[full.relative_to(top).as_posix().removeprefix(".")] = mesh
        return found

    def is_excluded(self, file: str) -> bool:
        """Whether a file (a path as the user gave it) is not to be read."""
        if not self.exclude or self.folder is None:
            return False
        full = Path(file).resolve()
        if not full.is_relative_to(self.folder):
            return False
        below = full.relative_to(self.folder)
        return any(_matches(below, pattern) for pattern in self.exclude)


def _matches(path: Path, pattern: str) -> bool:
    plain = pattern.rstrip("/").removesuffix("/**")
    return any(part.match(plain) for part in (path, *path.parents) if part.name)


def find(path: str) -> Path | None:
    """The configuration of a tree: in its folder or one above it, never above the root of the git repository."""
    folder = Path(path).resolve()
    for each in (folder, *folder.parents) if folder.is_dir() else folder.parents:
        if (each / NAME).is_file():
            return each / NAME
        if (each / ".git").exists():
            return None
    return None


def load(path: Path) -> Config:
    """Reads and checks the file; ConfigError names every fault with its line."""
    try:
        document = Document(str(path), 0, 1, path.read_text(encoding="utf-8").removeprefix("\ufeff"))
        read = values(document)
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read: {error.strerror}") from None
    except (UnicodeDecodeError, Unreadable) as error:
        raise ConfigError(f"{path}:{getattr(error, 'line', 1)}: {getattr(error, 'message', 'is not UTF-8')}") from None
    tree = {} if read.value is None else read.value
    faults = [f"{path}:{line}: key {name!r} stands twice" for name, line in read.duplicates] + list(_faults(document, tree))
    if faults:
        raise ConfigError("\n".join(faults))
    return _config(path.resolve().parent, tree)


def _config(folder: Path, tree: dict[str, Any]) -> Config:
    meshes = tree.get("meshes", [])
    return Config(
        folder,
        tree.get("target", {}),
        tree.get("namespace", ""),
        tuple(tree.get("exclude", ())),
        {mesh["name"]: mesh.get("target", {}) for mesh in meshes},
        {path: mesh["name"] for mesh in meshes for path in mesh["paths"]},
        tuple(Agreement(**each) for each in tree.get("accept", ())),
        tree.get("closeDirectAccess", False),
        tuple(tree.get("keepVirtualServices", ())),
        tree.get("waypoints", ""),
    )


def _faults(document: Document, tree: Any) -> Iterator[str]:
    import jsonschema

    schema = json.loads((catalogue.folder() / "schemas" / "config.json").read_text(encoding="utf-8"))
    errors = jsonschema.Draft202012Validator(schema).iter_errors(tree)
    for error in sorted(errors, key=lambda each: [str(step) for step in each.absolute_path]):
        route = tuple(error.absolute_path)
        if error.validator == "additionalProperties":
            known = list(error.schema.get("properties", {}))
            for key in sorted(set(error.instance) - set(known)):
                yield f"{_place(document.at((*route, key)))}: unknown key {key!r}{_nearest(key, known)}"
        else:
            where = ".".join(str(step) for step in route)
            yield f"{_place(document.at(route))}: {where + ': ' if where else ''}{error.message}"


def _place(position: Position) -> str:
    return f"{position.file}:{position.line}"


def _nearest(key: str, known: list[str]) -> str:
    from difflib import get_close_matches

    close = get_close_matches(key, known, 1, 0.5)
    return f"; did you mean {close[0]!r}?" if close else f"; known are {', '.join(known)}"
