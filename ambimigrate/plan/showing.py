"""What shows in the cluster that a change is there: for each edit, object and deletion a command and what it prints."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from ambimigrate.changes import Change, Create, Set
from ambimigrate.checks.controllers import argocd
from ambimigrate.kinds import Application, FluxKustomization
from ambimigrate.model import Mesh, Resource
from ambimigrate.plan import deletions
from ambimigrate.plan.lines import NOTHING, jsonpath, kind, kubectl, target, told

_READY = 'jsonpath={.status.conditions[?(@.type=="Ready")].status}'


def delivered(mesh: Mesh, changes: Iterable[Change]) -> Iterator[str]:
    """What whoever applies the files says once that is done."""
    yield from dict.fromkeys(line for each in changes for line in _delivered(mesh, each))


def objects(changes: Iterable[Change]) -> Iterator[str]:
    """What is true of each object once the changes are applied."""
    yield from dict.fromkeys(line for each in changes if each.action is not None for line in _object(each))


def gone(changes: Iterable[Change]) -> Iterator[str]:
    """What shows that deleted objects are gone, once they are."""
    yield from dict.fromkeys(line for each in changes if each.action is None for line in _object(each))


def _delivered(mesh: Mesh, change: Change) -> Iterator[str]:
    """What Argo CD or Flux says about the objects, where the input shows that they apply them."""
    subject = change.action.beside if isinstance(change.action, Create) else change.subject
    if subject is None:
        return
    for owner in argocd.applications(mesh, subject):
        yield _synced(owner)
    for flux in mesh.of(FluxKustomization):
        if deletions.applies(flux, subject):
            yield told(kubectl(flux.namespace, "get", target(flux.ref), "-o", _READY), "prints True")


def _synced(owner: Resource[Application]) -> str:
    path = "jsonpath={.status.sync.status} {.status.health.status}"
    return told(kubectl(owner.namespace, "get", target(owner.ref), "-o", path), "prints Synced Healthy")


def _object(change: Change) -> Iterator[str]:
    ref = change.ref
    match change.action:
        case Create():
            name = f"{ref.kind.lower()}{f'.{ref.group}' if ref.group else ''}/{ref.name}"
            yield told(kubectl(ref.namespace, "get", target(ref), "-o", "name"), f"prints {name}")
        case None:
            yield told(kubectl(ref.namespace, "get", target(ref), "--ignore-not-found", "-o", "name"), NOTHING)
        case edits:
            yield from (_field(change, each) for each in edits)


def _field(change: Change, edit: Any) -> str:
    """What kubectl prints of an edited field; a value that is no scalar is compared by a person."""
    ref, route = change.ref, edit.route
    if any(isinstance(step, int) for step in route):  # items move when others go; the nearest field that does not
        route = route[: next(at for at, step in enumerate(route) if isinstance(step, int))]
        value: Any = None
    else:
        value = edit.value if isinstance(edit, Set) else ""
    command = kubectl(ref.namespace, "get", kind(ref), ref.name, "-o", jsonpath(route))
    if value == "":
        return told(command, NOTHING)
    if isinstance(value, str | int):
        return told(command, f"prints {str(value).lower() if isinstance(value, bool) else value}")
    return told(command, f"shows {'.'.join(str(step) for step in route)} as the file has it")
