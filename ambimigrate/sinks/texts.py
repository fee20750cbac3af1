"""Changes as new texts of files: edits spliced, documents taken out, new ones added, files entered in kustomizations."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from ambimigrate.changes import Change, Create, Delete, Edit
from ambimigrate.converters import elsewhere
from ambimigrate.converters.json_patches import from_the_end
from ambimigrate.sinks.parts import Files, Parts
from ambimigrate.sinks.patches import patch
from ambimigrate.sinks.places import listings, put, slot, store
from ambimigrate.yamlio import Document
from ambimigrate.yamlio.edit import apply

Edits = Callable[[Change], tuple[Edit, ...]]


def rewrite(changes: Iterable[Change], edits: Edits, files: Files) -> None:
    """Makes the changes, stage by stage, but for those of objects that only a cluster has. Raises CannotEdit."""
    ordered = sorted((each for each in changes if not elsewhere.command(each)), key=lambda each: each.stage)
    for stage in sorted({each.stage for each in ordered}):
        own = [each for each in ordered if each.stage is stage]
        for change in own:
            if isinstance(change.action, Create):
                put(change, change.action, files)
            elif change.alone:
                patch(change, files)
        for file, members in _by_file(own).items():
            parts = files.opened(file)
            _edit(parts, members, edits)
            store(file, parts, files)


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
        parts.replace(number, apply(parts.documents[number], from_the_end(wanted)))
    for start in sorted(dropped, reverse=True):
        parts.drop(parts.starts.index(start))


__all__ = ["Files", "Parts", "listings", "rewrite", "slot"]
