"""The configuration file: found upwards from what is read, checked against its schema, every error with its line."""

from __future__ import annotations

import posixpath
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

from msgspec import Struct, field

from ambimigrate.sources.config_faults import faults
from ambimigrate.suppressions.globs import is_namespace, matches
from ambimigrate.suppressions.levels import OFF, Levels, Override
from ambimigrate.suppressions.values import CONFIGURATION, Scope, Silence
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


class Section(Struct, frozen=True):
    """A part that one command alone reads: what it says, and the document that tells where."""

    document: Document
    tree: Mapping[str, Any]


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
    gateways: bool = False
    levels: Levels = Levels()  # what is said of rules, severities and thresholds
    migrated: tuple[str, ...] = ()  # NAMESPACE or MESH/NAMESPACE, `*` for any characters
    suppressions: tuple[Silence, ...] = ()
    plan: Section | None = None

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
        below = self.relative(file)
        return below is not None and any(matches(below, pattern) for pattern in self.exclude)

    def relative(self, file: str) -> str | None:
        """The path of a file (as the user gave it) below the folder of the configuration, None if it is not there."""
        return _relative(self.folder, file) if self.folder and not file.startswith(("cluster/", "<")) else None

    def is_migrated(self, mesh: str, namespace: str) -> bool:
        """Whether the namespace is declared to be ambient for good."""
        return any(is_namespace(each, mesh, namespace) for each in self.migrated)


def _relative(folder: Path, file: str) -> str | None:
    above, name = _resolved(posixpath.dirname(file)), posixpath.basename(file)
    return (above / name).relative_to(folder).as_posix() if above.is_relative_to(folder) else None


@lru_cache(maxsize=4096)
def _resolved(folder: str) -> Path:
    return Path(folder).resolve()


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
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read: {error.strerror}") from None
    except UnicodeDecodeError:
        raise ConfigError(f"{path}:1: is not UTF-8") from None
    return load_text(_shown(path), text, path.resolve().parent)


def _shown(path: Path) -> str:
    """The path as seen from where the command runs, if it lies below."""
    here = Path.cwd()
    return path.relative_to(here).as_posix() if path.is_relative_to(here) else path.as_posix()


def load_text(name: str, text: str, folder: Path) -> Config:
    """Checks a text that was read in another way; `name` is how its faults call it, its paths are relative to `folder`."""
    document = Document(name, 0, 1, text.removeprefix("\ufeff"))
    try:
        read = values(document)
    except Unreadable as error:
        raise ConfigError(f"{name}:{error.line}: {error.message}") from None
    tree = {} if read.value is None else read.value
    found = [f"{name}:{line}: key {key!r} stands twice" for key, line in read.duplicates] + list(faults(document, tree))
    if found:
        raise ConfigError("\n".join(found))
    return _config(document, folder.resolve(), tree)


def _config(document: Document, folder: Path, tree: dict[str, Any]) -> Config:
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
        tree.get("gateways", False),
        _levels(tree),
        tuple(tree.get("migrated", ())),
        tuple(_silence(document, number, each) for number, each in enumerate(tree.get("suppressions", ()))),
        Section(document, tree["plan"]) if tree.get("plan") else None,
    )


def _levels(tree: dict[str, Any]) -> Levels:
    overrides = (
        Override(tuple(each.get("paths", ())), tuple(each.get("namespaces", ())), _rules(each), each.get("failOn", ""))
        for each in tree.get("overrides", ())
    )
    return Levels(_rules(tree), tree.get("failOn", ""), tuple(overrides))


def _rules(tree: dict[str, Any]) -> dict[str, str]:
    return {id: said or OFF for id, said in tree.get("rules", {}).items()}  # `off` is false in YAML 1.1


def _silence(document: Document, number: int, tree: dict[str, Any]) -> Silence:
    ids = (tree["id"],) if isinstance(tree["id"], str) else tuple(tree["id"])
    scope = Scope(*(tree.get(key, "") for key in ("namespace", "kind", "name", "path")))
    position = document.at(("suppressions", number))
    return Silence(CONFIGURATION, ids, tree["because"], tree.get("until", ""), position, scope=scope)
