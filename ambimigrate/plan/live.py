"""Changes of a cluster that no file explains, as kubectl commands."""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterator, Mapping
from typing import Any

from ambimigrate.changes import Change, Create, Delete, Set
from ambimigrate.model import Route
from ambimigrate.plan.lines import kind, kubectl, told


def commands(change: Change) -> Iterator[str]:
    """What makes the change: a manifest through the pipe, a merge patch, or a deletion."""
    namespace, named = change.ref.namespace, (kind(change.ref), change.ref.name)
    match change.action:
        case Create(value=value):
            yield f"echo {shlex.quote(_json(value))} | kubectl apply --server-side -f -"
        case None:
            yield kubectl(namespace, "delete", *named)
        case edits:
            patch: dict[str, Any] = {}
            for edit in edits:
                _put(patch, edit.route, edit.value if isinstance(edit, Set) else None)
            if _is_mergeable(edits):
                yield kubectl(namespace, "patch", *named, "--type=merge", "-p", _json(patch))
            else:
                yield told(kubectl(namespace, "edit", *named), _words(edits))


def _is_mergeable(edits: tuple[Set | Delete, ...]) -> bool:
    """Whether no edit goes into a list, which a merge patch can only replace as a whole."""
    return all(isinstance(step, str) for edit in edits for step in edit.route)


def _put(patch: dict[str, Any], route: Route, value: Any) -> None:
    here = patch
    for step in route[:-1]:
        here = here.setdefault(str(step), {})
    here[str(route[-1])] = value


def _words(edits: tuple[Set | Delete, ...]) -> str:
    return "; ".join(
        f"{'set' if isinstance(edit, Set) else 'take out'} {'.'.join(str(step) for step in edit.route)}" for edit in edits
    )


def _json(value: Mapping[str, Any]) -> str:
    return json.dumps(value, separators=(",", ":"))
