"""Changes as new texts of files: edits spliced, documents taken out, new files named and listed in their kustomizations."""

from __future__ import annotations

import posixpath
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from msgspec import Struct, field

from ambimigrate.changes import Change, Create, Delete, Edit, Set
from ambimigrate.converters import overlays, shared
from ambimigrate.layout.kustomize import FILE_NAMES
from ambimigrate.yamlio import Document, Unreadable, documents, values
from ambimigrate.yamlio.edit import CannotEdit, apply
from ambimigrate.yamlio.write import text as yaml_text

_BOM = "\ufeff"
Read = Callable[[str], str | None]  # the text of a file, None if there is none
Edits = Callable[[Change], tuple[Edit, ...]]
Slot = tuple[str, int, str]  # file and document beside which an object is made, and its name in the text


class Files(Struct):
    """Texts that change: before and after by file name, None where there is no such file; where new objects went."""

    read: Read
    listed: Mapping[str, tuple[str, ...]]  # file -> kustomizations that list it
    taken: Callable[[str], bool]  # whether a file of the name exists
    before: dict[str, str | None] = field(default_factory=dict)
    after: dict[str, str | None] = field(default_factory=dict)
    created: dict[Slot, str] = field(default_factory=dict)

    def fresh(self) -> Files:
        """The same tree with nothing changed."""
        return Files(self.read, self.listed, self.taken)

    def text(self, file: str) -> str:
        """The text as it is by now."""
        if file not in self.after:
            self.before[file] = self.after[file] = self.read(file)
        return self.after[file] or ""

    def set(self, file: str, text: str | None) -> None:
        """Gives the file a text, or none."""
        self.before.setdefault(file, None)
        self.after[file] = text

    @property
    def changed(self) -> Iterator[tuple[str, str | None, str | None]]:
        """Name, text before and text after of every file that is not the same, by name."""
        for file in sorted(self.after):
            if self.before[file] != self.after[file]:
                yield file, self.before[file], self.after[file]


class Parts(Struct):
    """A file as documents and what stands between them; a document keeps the offset at which it was read."""

    documents: list[Document]
    between: list[str]  # between[i] precedes documents[i]; the last one ends the file
    starts: list[int]

    @staticmethod
    def of(file: str, text: str) -> Parts:
        """The parts of a text without byte order mark."""
        found = list(documents(file, text))
        between, at = [], 0
        for each in found:
            between.append(text[at : each.start])
            at = each.start + len(each.text)
        return Parts(found, [*between, text[at:]], [each.start for each in found])

    def joined(self) -> str:
        """The text of the whole file."""
        texts = [gap + each.text for gap, each in zip(self.between, self.documents, strict=False)]
        return "".join(texts) + self.between[-1]

    def replace(self, number: int, text: str) -> None:
        """Gives a document another text."""
        old = self.documents[number]
        self.documents[number] = Document(old.file, old.start, old.first_line, text)

    def drop(self, number: int) -> None:
        """Takes a document out with the marker before it, or, of the first one, the marker behind it."""
        if number or len(self.documents) == 1:
            marker = self.between[number] if not number else ""
            self.between[number : number + 2] = [marker + self.between[number + 1]]
        else:
            rest = self.documents[1].text
            self.replace(1, rest[rest.find("\n") + 1 :] if "\n" in rest else "")
            self.between[0:2] = [self.between[0]]
        del self.documents[number]
        del self.starts[number]

    def is_empty(self) -> bool:
        """Whether no document holds anything but comments."""
        return all(_is_blank(each) for each in self.documents)


def _is_blank(document: Document) -> bool:
    try:
        return values(document).value is None
    except Unreadable:
        return False


def rewrite(changes: Iterable[Change], edits: Edits, files: Files) -> None:
    """Makes the changes, stage by stage. Raises CannotEdit."""
    ordered = sorted(changes, key=lambda each: each.stage)
    parts: dict[str, Parts] = {}
    for stage in sorted({each.stage for each in ordered}):
        own = [each for each in ordered if each.stage is stage]
        for change in own:
            if isinstance(change.action, Create):
                _create(change, change.action, files)
            elif change.alone:
                _patch(change, files)
        for file, members in _by_file(own).items():
            if file not in parts:
                parts[file] = Parts.of(file, files.text(file).removeprefix(_BOM))
            _edit(parts[file], members, edits)
            _store(file, parts[file], files)


def _by_file(changes: Iterable[Change]) -> dict[str, list[Change]]:
    found: dict[str, list[Change]] = {}
    for change in changes:
        if not isinstance(change.action, Create) and not change.alone and change.subject is not None:
            found.setdefault(change.subject.file, []).append(change)
    return found


def _edit(parts: Parts, members: list[Change], edits: Edits) -> None:
    by_document: dict[int, dict[Edit, None]] = {}
    dropped: set[int] = set()
    for change in members:
        subject = change.subject
        start = subject.origin.start if subject and isinstance(subject.origin, Document) else 0
        if change.action is not None:
            by_document.setdefault(start, {}).update(dict.fromkeys(edits(change)))
        elif subject and subject.base:
            by_document.setdefault(start, {})[Delete(subject.base)] = None
        else:
            dropped.add(start)
    for start, wanted in by_document.items():
        number = parts.starts.index(start)
        parts.replace(number, apply(parts.documents[number], _from_the_end(wanted)))
    for start in sorted(dropped, reverse=True):
        parts.drop(parts.starts.index(start))


def _from_the_end(edits: Iterable[Edit]) -> list[Edit]:
    """List items go from the last to the first, so that no deletion moves the next."""
    every = list(edits)
    items = [each for each in every if isinstance(each, Delete) and isinstance(each.route[-1], int)]
    items.sort(key=lambda each: [step if isinstance(step, int) else -1 for step in each.route], reverse=True)
    return [each for each in every if each not in items] + items


def _store(file: str, parts: Parts, files: Files) -> None:
    if parts.is_empty():
        files.set(file, None)
        for kustomization in files.listed.get(file, ()):
            _list(kustomization, file, files, wanted=False)
        return
    mark = _BOM if files.text(file).startswith(_BOM) else ""
    files.set(file, mark + parts.joined())


# --- new files ------------------------------------------------------------------------------------------------------


def slot(change: Change, create: Create) -> Slot:
    """What a new object is known by: several environments may make the same one."""
    origin = create.beside.origin
    name = create.value["metadata"]["name"]
    return shared.beside(change), origin.start if isinstance(origin, Document) else 0, f"{create.ref.kind}/{name}"


def _create(change: Change, create: Create, files: Files) -> None:
    key = slot(change, create)
    if key in files.created:
        return
    beside = create.beside.file
    if change.alone:
        for level in create.beside.levels:
            file = _new(_free(create, posixpath.dirname(level.file), files), overlays.created(create, level), beside, files)
            files.created.setdefault(key, file)
            _list(level.file, file, files, wanted=True)
        return
    file = files.created[key] = _new(_free(create, posixpath.dirname(beside), files), create.value, beside, files)
    for kustomization in files.listed.get(beside, ()):
        _list(kustomization, file, files, wanted=True)


def _new(file: str, value: Mapping[str, Any], beside: str, files: Files) -> str:
    """Writes a new file with the line ends of the one beside it."""
    written = yaml_text(value)
    files.set(file, written.replace("\n", "\r\n") if "\r\n" in files.text(beside) else written)
    return file


def _patch(change: Change, files: Files) -> None:
    """Adds the change to the patch of its object in each of its overlays."""
    subject = shared.anchor(change)
    for level in subject.levels:
        file = shared.patch(level, change.ref.kind)
        if not files.text(file):
            _new(file, overlays.head(subject, level), subject.file, files)
            _list(level.file, file, files, wanted=True, key="patches")
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
    stem = name if kind == "gateway" else f"{name}-{kind}"
    for number in range(1, 1000):
        file = posixpath.join(folder, f"{stem}{f'-{number}' if number > 1 else ''}{ending}")
        if not files.taken(file) and file not in files.after:
            return file
    raise CannotEdit(f"there are too many files called {stem}")


def _list(kustomization: str, file: str, files: Files, *, wanted: bool, key: str = "resources") -> None:
    """Enters a file in the resources (or patches) of a kustomization, or takes it out."""
    text = files.text(kustomization)
    parts = Parts.of(kustomization, text.removeprefix(_BOM))
    number = next((i for i, each in enumerate(parts.documents) if not _is_blank(each)), 0)
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
    mark = _BOM if text.startswith(_BOM) else ""
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
    for document in documents(name, text.removeprefix(_BOM)):
        try:
            spec = values(document).value
        except Unreadable:
            return
        if isinstance(spec, dict):
            entries = spec.get("resources")
            yield from (each for each in (entries if isinstance(entries, list) else ()) if isinstance(each, str))
            return
