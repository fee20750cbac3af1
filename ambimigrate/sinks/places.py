"""Where new objects are written, by the habit of their folder, and how files are entered in kustomizations."""

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
            text = yaml_text(overlays.created(create, level))
            file = write_new(_free(create, posixpath.dirname(level.file), files), text, beside, files)
            files.created.setdefault(key, file)
            enter(level.file, file, files, wanted=True)
        return
    if _holds_several(beside, files):
        parts = files.opened(beside)
        parts.add(_ended(yaml_text(create.value), beside, files))
        store(beside, parts, files)
        files.created[key] = beside
        return
    file = write_new(_free(create, posixpath.dirname(beside), files), yaml_text(create.value), beside, files)
    files.created[key] = file
    for kustomization in files.listed.get(beside, ()):
        enter(kustomization, file, files, wanted=True)


def write_new(file: str, text: str, beside: str, files: Files) -> str:
    """Writes a new file with the line ends of the one beside it."""
    files.set(file, _ended(text, beside, files))
    return file


def _ended(text: str, beside: str, files: Files) -> str:
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


def enter(kustomization: str, file: str, files: Files, *, wanted: bool | Mapping[str, Any], key: str = "resources") -> None:
    """Enters a file in the resources of a kustomization, or as what is wanted in its patches; or takes it out."""
    text = files.text(kustomization)
    parts = Parts.of(kustomization, text.removeprefix(BOM))
    number = next((i for i, each in enumerate(parts.documents) if not is_blank(each)), 0)
    document = parts.documents[number]
    spec = values(document).value or {}
    entries = spec.get(key) or []
    folder = posixpath.dirname(kustomization)
    edit: Edit
    if wanted:
        path = posixpath.relpath(file, folder or ".")
        edit = Set((key, len(entries)), path if wanted is True else {**wanted, "path": path})
    else:
        paths = [each.get("path") if isinstance(each, dict) else each for each in entries]
        joined = [posixpath.normpath(posixpath.join(folder, each)) if isinstance(each, str) else None for each in paths]
        edit = Delete((key, joined.index(file)))
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
