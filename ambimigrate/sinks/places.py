"""Where changes are written that no document holds yet: new objects by the habit of their folder, and patches in overlays."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from ambimigrate.changes import Change, Create, Delete, Edit, Set
from ambimigrate.converters import overlays, shared
from ambimigrate.layout.kustomize import FILE_NAMES
from ambimigrate.sinks.parts import BOM, Files, Parts, Read, Slot, is_blank
from ambimigrate.yamlio import Document, Unreadable, documents, values
from ambimigrate.yamlio.edit import CannotEdit, apply
from ambimigrate.yamlio.write import text as yaml_text

_CAMEL = re.compile(r"[a-z0-9][A-Z]")


def slot(change: Change, create: Create) -> Slot:
    """What a new object is known by: several environments may make the same one."""
    origin = create.beside.origin
    name = create.value["metadata"]["name"]
    return shared.beside(change), origin.start if isinstance(origin, Document) else 0, f"{create.ref.kind}/{name}"


def put(change: Change, create: Create, files: Files) -> None:
    """Writes a new object beside its source: into the same file if that holds several, else into one of its own."""
    key = slot(change, create)
    if key in files.created:
        return
    beside = create.beside.file
    if change.alone:
        for level in create.beside.levels:
            file = _new(_free(create, posixpath.dirname(level.file), files), overlays.created(create, level), beside, files)
            files.created.setdefault(key, file)
            enter(level.file, file, files, wanted=True)
        return
    if _holds_several(beside, files):
        parts = files.opened(beside)
        parts.add(_written(create.value, beside, files))
        store(beside, parts, files)
        files.created[key] = beside
        return
    file = files.created[key] = _new(_free(create, posixpath.dirname(beside), files), create.value, beside, files)
    for kustomization in files.listed.get(beside, ()):
        enter(kustomization, file, files, wanted=True)


def _new(file: str, value: Mapping[str, Any], beside: str, files: Files) -> str:
    """Writes a new file with the line ends of the one beside it."""
    files.set(file, _written(value, beside, files))
    return file


def _written(value: Mapping[str, Any], beside: str, files: Files) -> str:
    text = yaml_text(value)
    return text.replace("\n", "\r\n") if "\r\n" in files.text(beside) else text


def _holds_several(file: str, files: Files) -> bool:
    """Whether it is the habit of the file to hold many objects; JSON holds one only."""
    if file.endswith(".json") or not files.text(file):
        return False
    return sum(not is_blank(each) for each in files.opened(file).documents) > 1


def store(file: str, parts: Parts, files: Files) -> None:
    """Gives a file the text of its parts; if nothing is left it goes, and with it where it is listed."""
    if parts.is_empty():
        files.set(file, None)
        for kustomization in files.listed.get(file, ()):
            enter(kustomization, file, files, wanted=False)
        return
    mark = BOM if files.text(file).startswith(BOM) else ""
    files.set(file, mark + parts.joined())


def patch(change: Change, files: Files) -> None:
    """Adds the change to the patch of its object in each of its overlays."""
    subject = shared.anchor(change)
    for level in subject.levels:
        file = shared.patch(level, change.ref.kind)
        if not files.text(file):
            _new(file, overlays.head(subject, level), subject.file, files)
            enter(level.file, file, files, wanted=True, key="patches")
        parts = Parts.of(file, files.text(file))
        tree = values(parts.documents[0]).value
        if not isinstance(tree, dict) or tree.get("kind") != change.ref.kind or len(parts.documents) > 1:
            raise CannotEdit(f"{file} is in the way of its patch")
        parts.replace(0, apply(parts.documents[0], overlays.edits(change)))
        files.set(file, parts.joined())


def _free(create: Create, folder: str, files: Files) -> str:
    """A name in the folder that no file has, with the ending that the source has."""
    ending = ".yml" if create.beside.file.endswith(".yml") else ".yaml"
    kind, name = create.ref.kind.lower(), create.value["metadata"]["name"]
    stem = _styled(name if kind == "gateway" else f"{name}-{kind}", create.beside.file)
    for number in range(1, 1000):
        file = posixpath.join(folder, f"{stem}{f'-{number}' if number > 1 else ''}{ending}")
        if not files.taken(file) and file not in files.after:
            return file
    raise CannotEdit(f"there are too many files called {stem}")


def _styled(stem: str, like: str) -> str:
    """The name as the file beside it is named: kebab-case, unless that one is in snake_case or camelCase."""
    known = posixpath.splitext(posixpath.basename(like))[0]
    if "-" not in known and "_" in known:
        return stem.replace("-", "_")
    if "-" not in known and _CAMEL.search(known):
        first, *rest = stem.split("-")
        return first + "".join(each[:1].upper() + each[1:] for each in rest)
    return stem


def enter(kustomization: str, file: str, files: Files, *, wanted: bool, key: str = "resources") -> None:
    """Enters a file in the resources (or patches) of a kustomization, or takes it out."""
    text = files.text(kustomization)
    parts = Parts.of(kustomization, text.removeprefix(BOM))
    number = next((i for i, each in enumerate(parts.documents) if not is_blank(each)), 0)
    document = parts.documents[number]
    spec = values(document).value or {}
    resources = spec.get(key) or []
    folder = posixpath.dirname(kustomization)
    edit: Edit
    if wanted:
        path = posixpath.relpath(file, folder or ".")
        edit = Set((key, len(resources)), {"path": path} if key == "patches" else path)
    else:
        paths = [posixpath.normpath(posixpath.join(folder, each)) if isinstance(each, str) else None for each in resources]
        edit = Delete(("resources", paths.index(file)))
    parts.replace(number, apply(document, [edit]))
    mark = BOM if text.startswith(BOM) else ""
    files.set(kustomization, mark + parts.joined())


def listings(names: Iterable[str], read: Read) -> Mapping[str, tuple[str, ...]]:
    """Every file that some kustomization lists under `resources`, with those that do."""
    found: dict[str, list[str]] = {}
    for name in sorted(names):
        if posixpath.basename(name) in FILE_NAMES:
            for entry in _resources(name, read(name) or ""):
                found.setdefault(posixpath.normpath(posixpath.join(posixpath.dirname(name), entry)), []).append(name)
    return {file: tuple(kustomizations) for file, kustomizations in found.items()}


def _resources(name: str, text: str) -> Iterator[str]:
    for document in documents(name, text.removeprefix(BOM)):
        try:
            spec = values(document).value
        except Unreadable:
            return
        if isinstance(spec, dict):
            entries = spec.get("resources")
            yield from (each for each in (entries if isinstance(entries, list) else ()) if isinstance(each, str))
            return
