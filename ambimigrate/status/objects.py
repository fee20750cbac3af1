"""One change of the recorded plan against the mesh: whether it is there, and in which fields the object is otherwise."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from typing import Any

import msgspec

from ambimigrate.changes import Edit, Set
from ambimigrate.kinds import KINDS, ConfigMap
from ambimigrate.model import Mesh, Resource
from ambimigrate.plan.recorded import RecordedChange
from ambimigrate.status.work import by_ref
from ambimigrate.yamlio.trees import Missing, edited

_MOST = 3  # fields that are named
_LENGTH = 60
_MADE_BY_SERVERS = frozenset({"creationTimestamp", "deletionTimestamp", "ownerReferences", "generateName"})


def found(mesh: Mesh, change: RecordedChange) -> tuple[Resource[Any], ...]:
    """The objects that the change is about."""
    return by_ref(mesh).get(change.object.ref, ())


def is_readable(mesh: Mesh, change: RecordedChange) -> bool:
    """Whether an object that was not found does not exist: of a cluster few ConfigMaps are read, and `-n` leaves others out."""
    ref = change.object.ref
    view = KINDS.get((ref.group, ref.kind))
    if mesh.source == "files":
        return True
    return view is not None and view is not ConfigMap and mesh.is_whole(view, ref.namespace)


def is_there(mesh: Mesh, change: RecordedChange) -> bool:
    """Whether the object is as the change leaves it, as far as our views of objects show."""
    every = found(mesh, change)
    match change.action:
        case "create":
            return bool(every)
        case "delete":
            return not every
    return all(_changes_nothing(each, one.edit) for each in every for one in change.edits if _is_steady(one.edit))


def _is_steady(edit: Edit) -> bool:
    """Whether the route leads to the same place after the edit: items of lists move when others come and go."""
    return not any(isinstance(step, int) for step in edit.route)


def _changes_nothing(resource: Resource[Any], edit: Edit) -> bool:
    try:
        tree = edited(msgspec.to_builtins(resource.body), edit)
        return bool(msgspec.convert(tree, type(resource.body)) == resource.body)
    except Missing:
        return True
    except msgspec.ValidationError:
        return False


def is_otherwise(mesh: Mesh, change: RecordedChange) -> bool:
    """Whether what the change sets has another value now, rather than none."""
    return any(_value(each, one.edit) is not None for each in found(mesh, change) for one in change.edits if _is_set(one.edit))


def _is_set(edit: Edit) -> bool:
    return isinstance(edit, Set) and _is_steady(edit)


def _value(resource: Resource[Any], edit: Edit) -> Any:
    here = msgspec.to_builtins(resource.body)
    for step in edit.route:
        here = here.get(step) if isinstance(here, dict) else None
    return here


def edits_differing(mesh: Mesh, change: RecordedChange) -> str:
    """What the edits of a change wanted, and what is there."""
    said = []
    for resource in found(mesh, change):
        for each in (one.edit for one in change.edits):
            if _is_steady(each) and not _changes_nothing(resource, each):
                field = ".".join(map(str, each.route))
                wanted = _shown(each.value) if isinstance(each, Set) else "nothing"
                said.append(f"{field} is {_shown(_value(resource, each))}, not {wanted}")
    return "; ".join(dict.fromkeys(said[:_MOST]))


def differing(mesh: Mesh, change: RecordedChange, later: tuple[RecordedChange, ...]) -> str:
    """In which fields a created object differs from what the plan made of it, with or without later edits; else empty."""
    said = ""
    for resource in found(mesh, change):
        wanted: Any = _typed(change.value, type(resource.body))
        have = _plain(resource.body)
        shown = list(islice(_lines(wanted, have), _MOST))
        for each in later if shown else ():
            wanted = _after(wanted, each, type(resource.body))
            if _likened(wanted, have) == wanted:
                shown = []
                break
        said = said or "; ".join(shown)
    return said


def _typed(value: Any, view: Any) -> Any:
    try:
        return _plain(msgspec.convert(value, view))
    except msgspec.ValidationError:
        return value


def _plain(body: Any) -> Any:
    """The object as JSON has it: with lists, where views have tuples."""
    return msgspec.json.decode(msgspec.json.encode(body))


def _after(tree: Any, change: RecordedChange, view: Any) -> Any:
    try:
        for each in change.edits:
            tree = edited(tree, each.edit)
    except Missing:
        pass
    return _typed(tree, view)


def _likened(wanted: Any, have: Any) -> Any:
    """The object, without the fields that the plan says nothing about: servers add defaults."""
    if isinstance(wanted, dict) and isinstance(have, dict):
        keys = [key for key in have if key in wanted and key not in _MADE_BY_SERVERS]
        return {key: _likened(wanted[key], have[key]) for key in keys}
    if isinstance(wanted, list) and isinstance(have, list) and len(wanted) == len(have):
        return [_likened(one, other) for one, other in zip(wanted, have, strict=True)]
    return have


def _lines(wanted: Any, have: Any) -> Iterator[str]:
    have = _likened(wanted, have)
    if wanted == have:
        return
    from deepdiff import DeepDiff

    for items in DeepDiff(wanted, have, view="tree").values():
        for item in items:
            field = "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in item.path(output_format="list"))
            yield f"{field.removeprefix('.')} is {_shown(item.t2)}, not {_shown(item.t1)}"


def _shown(value: Any) -> str:
    if value is None or type(value).__name__ == "NotPresent":
        return "nothing"
    text = msgspec.json.encode(value).decode()
    return text if len(text) <= _LENGTH else f"{text[: _LENGTH - 3]}..."
