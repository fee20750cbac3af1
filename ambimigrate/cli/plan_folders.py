"""A plan of several folders: `convert` takes one of them, so that nothing moves that it would change otherwise from there."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Iterator
from typing import Any

from msgspec.structs import replace

from ambimigrate import report
from ambimigrate.changes import Change, Create, Held
from ambimigrate.cli import options
from ambimigrate.cli.options import Ask
from ambimigrate.convert import Choice
from ambimigrate.model import Mesh, Position, Ref
from ambimigrate.plan.staged import Staged, staged
from ambimigrate.report import Report
from ambimigrate.topology import injection

Space = tuple[str, str]  # mesh and namespace


def settled(made: Report, staying: tuple[Held, ...], ask: Ask, choice: Choice) -> Staged:
    """The changes of all folders, without those that the folders do not give one by one; their namespaces are held."""
    found = staged(made.meshes, made.findings, choice, staying)
    several = ask.paths if len(ask.paths) > 1 and made.source != "cluster" else ()
    alone = {path: frozenset(_alone(replace(ask, paths=(path,)), choice)) for path in several}
    held: dict[Space, Held] = {}
    while new := [each for each in _differing(found.changes, alone) if each not in held]:
        held |= {each: _held(made.meshes, each, several) for each in new}
        found = staged(made.meshes, made.findings, choice, (*staying, *held.values()))
        found = replace(found, changes=tuple(each for each in found.changes if (each.mesh, each.namespace) not in held))
    return found


def _alone(ask: Ask, choice: Choice) -> Iterator[tuple[Space, Hashable]]:
    """What the changes are where only one folder is read."""
    made = report.report(options.read(ask, every=True), strict=False)
    return _said(staged(made.meshes, made.findings, choice).changes)


def _said(changes: Iterable[Change]) -> Iterator[tuple[Space, Hashable]]:
    return (((each.mesh, each.namespace), (each.stage, each.ref, _file(each), _action(each.action))) for each in changes)


def _action(action: Any) -> str:
    return repr(action.value) if isinstance(action, Create) else repr(action)


def _file(change: Change) -> str:
    resource = change.action.beside if isinstance(change.action, Create) else change.subject
    return resource.file if resource is not None else ""


def _differing(changes: Iterable[Change], alone: dict[str, frozenset[tuple[Space, Hashable]]]) -> Iterator[Space]:
    """The namespaces for which one of the folders alone gives more, less, or something else."""
    together = frozenset(_said(changes)) if alone else frozenset()
    spaces = {space for space, _ in together}
    apart = frozenset(each for found in alone.values() for each in found if each[0] in spaces)
    yield from sorted({space for space, _ in together ^ apart})


def _held(meshes: Iterable[Mesh], space: Space, paths: tuple[str, ...]) -> Held:
    name, namespace = space
    own = next((injection.namespaces(mesh).get(namespace) for mesh in meshes if mesh.name == name), None)
    reason = (
        f"convert takes one folder, and {' and '.join(paths)} one by one do not give what they give together:"
        " plan the folder that holds them"
    )
    return Held(
        name, namespace, Ref("Namespace", "", "", namespace), own.at() if own else Position(paths[0], None, None), reason
    )
