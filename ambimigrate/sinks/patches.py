"""Changes of one environment written into its overlay: a merge patch for mappings, a JSON patch for what lies in lists."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec
from msgspec import Struct

from ambimigrate.changes import Change, Edit, Set
from ambimigrate.converters import json_patches, overlays, shared
from ambimigrate.converters.outcome import written
from ambimigrate.model import Level, Resource, Route
from ambimigrate.sinks.parts import Files, Parts
from ambimigrate.sinks.places import enter, write_new
from ambimigrate.yamlio import Unreadable, values
from ambimigrate.yamlio.edit import CannotEdit, apply
from ambimigrate.yamlio.write import text as yaml_text

Op = json_patches.Op


class _Patched(Struct, frozen=True):
    """An object in one of its overlays: the files of its merge patch and of its JSON patch there."""

    subject: Resource[Any]
    level: Level
    files: Files

    @property
    def merge(self) -> str:
        return shared.patch(self.level, self.subject.kind)

    @property
    def json(self) -> str:
        return shared.json_patch(self.level, self.subject.kind)

    def ops(self, text: str | None) -> Sequence[Op]:
        found = _value(self.json, text) or []
        if not isinstance(found, list) or not all(isinstance(each, dict) and "path" in each for each in found):
            raise CannotEdit(f"{self.json} is in the way of its patch")
        return found

    def state(self, merge: str | None, ops: str | None) -> Any:
        """What the two patches make of the object, if they have these texts."""
        return json_patches.replayed(json_patches.merged(written(self.subject), _value(self.merge, merge) or {}), self.ops(ops))


def patch(change: Change, files: Files) -> None:
    """Adds the change to the patches of its object in each of its overlays."""
    subject = shared.anchor(change)
    for level in subject.levels:
        own = _Patched(subject, level, files)
        if change.action is None and files.text(own.json):
            enter(level.file, own.json, files, wanted=False, key="patches")
            files.set(own.json, None)
        ops = own.ops(files.text(own.json))
        edits = change.action if isinstance(change.action, tuple) else ()
        listed = [each for each in edits if json_patches.is_exact_only_here(each, ops)]
        merged = [each for each in edits if each not in listed]
        if merged or change.action is None:
            _merge(own, list(overlays.edits(change, merged)))
        if listed:
            _list(own, listed)


def _merge(own: _Patched, edits: list[Edit]) -> None:
    files, file = own.files, own.merge
    if not files.text(file):
        write_new(file, yaml_text(overlays.head(own.subject, own.level)), own.subject.file, files)
        enter(own.level.file, file, files, wanted={"path": file}, key="patches")
    parts = Parts.of(file, files.text(file))
    tree = values(parts.documents[0]).value
    if not isinstance(tree, dict) or tree.get("kind") != own.subject.kind or len(parts.documents) > 1:
        raise CannotEdit(f"{file} is in the way of its patch")
    parts.replace(0, apply(parts.documents[0], edits))
    files.set(file, parts.joined())


def _list(own: _Patched, edits: list[Edit]) -> None:
    files, file = own.files, own.json
    before = own.state(files.read(own.merge), files.read(file))
    for edit in edits:
        _check_known(own.subject, before, edit.route)
    found = json_patches.operations(own.state(files.text(own.merge), files.text(file)), edits)
    if not files.text(file) and found:
        lines = yaml_text({"patch": found}).splitlines(keepends=True)[1:]
        write_new(file, "".join(line.removeprefix("  ") for line in lines), own.subject.file, files)
        enter(own.level.file, file, files, wanted=overlays.entry(own.subject, own.level, file), key="patches")
        return
    parts = Parts.of(file, files.text(file))
    count = len(own.ops(files.text(file)))
    parts.replace(0, apply(parts.documents[0], [Set((count + number,), dict(each)) for number, each in enumerate(found)]))
    files.set(file, parts.joined())


def _check_known(subject: Resource[Any], state: Any, route: Route) -> None:
    """The list must be the one that the object has in the cluster, so that its items are counted alike."""
    depth = next((number for number, step in enumerate(route) if isinstance(step, int)), len(route))
    place = route[:depth]
    if not any(each[: len(place)] == place[: len(each)] for each in subject.overlaid):
        return
    try:
        ours = _at(msgspec.to_builtins(msgspec.convert(state, type(subject.body))), place)
    except msgspec.ValidationError:
        ours = None
    if ours is None or ours != _at(msgspec.to_builtins(subject.body), place):
        raise CannotEdit(f"{overlays.naming(subject)} patches its {'.'.join(map(str, place))}")


def _at(tree: Any, route: Route) -> Any:
    for step in route:
        tree = tree.get(step) if isinstance(tree, dict) else None
    return tree


def _value(file: str, text: str | None) -> Any:
    """What the one document of a file holds."""
    if not text:
        return None
    try:
        (document,) = Parts.of(file, text).documents
        return values(document).value
    except (Unreadable, ValueError):
        raise CannotEdit(f"{file} is in the way of its patch") from None
