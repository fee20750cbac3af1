"""Whether the changes can be made in the texts of their objects; those that cannot hold their namespaces."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from ambimigrate.changes import Change, Delete, Edit, Held, Set
from ambimigrate.checks.controllers import argocd
from ambimigrate.converters import elsewhere, overlays, shared
from ambimigrate.holds.reasons import reason
from ambimigrate.layout.rendered import Made
from ambimigrate.model import Mesh, Route
from ambimigrate.yamlio import Document
from ambimigrate.yamlio.edit import CannotEdit, apply

CANNOT_EDIT = "NS907"


def uneditable(meshes: tuple[Mesh, ...], changes: tuple[Change, ...]) -> Iterator[Held]:
    """Objects whose text cannot be changed: each document is tried with all that may happen to it."""
    by_name = {mesh.name: mesh for mesh in meshes}
    by_document: dict[tuple[str, int], list[Change]] = {}
    for change in sorted(changes, key=lambda each: each.stage):
        file, start, _ = shared.place(shared.anchor(change))
        by_document.setdefault((file, start), []).append(change)
    for members in by_document.values():
        try:
            _check_in_files(members, by_name)
            _try(members)
            for change in members:
                _check_ignored(change, by_name[change.mesh])
        except CannotEdit as error:
            for change in members:
                subject = shared.anchor(change)
                yield reason(by_name[change.mesh], change.namespace, CANNOT_EDIT, error.reason, subject)


def _check_in_files(members: list[Change], by_name: Mapping[str, Mesh]) -> None:
    """What only the cluster has cannot be changed in files that are laid over it, but for labels by a command."""
    for change in members:
        if by_name[change.mesh].source == "both" and (why := elsewhere.why_not(change)):
            raise CannotEdit(why)


def _try(members: list[Change]) -> None:
    document = shared.anchor(members[0]).origin
    if isinstance(document, Made) and document.is_template:
        raise CannotEdit(f"a template of a Helm chart makes it ({document.file}), and templates are never edited")
    if isinstance(document, Made):
        raise CannotEdit(f"a generator of {document.file} makes it")
    for change in members:
        _check_overlaid(change)
    if not isinstance(document, Document):
        return  # a live object: whoever applies the change has no text to keep
    if f"/{document.file}".find("/templates/") >= 0:
        raise CannotEdit("it is part of a Helm chart, whose templates are never edited")
    edits = dict.fromkeys(edit for change in members if not change.alone for edit in based(change))
    apply(document, edits)


def _check_overlaid(change: Change) -> None:
    """An edit of what a patch sets would not reach the cluster, and a patch without its object breaks the build."""
    if change.subject is None or (change.alone and all(level.is_last for level in shared.anchor(change).levels)):
        return  # what is written into the overlay comes after its patches
    found, by = change.subject.overlaid, overlays.naming(change.subject)
    if change.action is None and change.subject.addressed:
        raise CannotEdit(f"{by} names it, in `{change.subject.addressed[0].route[0]}`, and would name nothing any more")
    if found and change.action is None:
        raise CannotEdit(f"{by} patches its {_shown(found[0])}")
    for edit in change.action if isinstance(change.action, tuple) else ():
        for route in found:
            if edit.route[: len(route)] == route[: len(edit.route)]:
                raise CannotEdit(f"{by} patches its {_shown(route)}")


def _check_ignored(change: Change, mesh: Mesh) -> None:
    """An edit of a field that Argo CD leaves alone would never reach the cluster."""
    for edit in change.action if isinstance(change.action, tuple) else ():
        if change.subject and (found := argocd.ignoring(mesh, change.subject, edit.route)):
            raise CannotEdit(
                f"Application {found.name} ignores {_shown(edit.route)} of it (RespectIgnoreDifferences): an edit has no effect"
            )


def _shown(route: Route) -> str:
    return ".".join(str(step) for step in route)


def based(change: Change) -> tuple[Edit, ...]:
    """The edits of a change in terms of its document, where the object may be an item of a List."""
    if not isinstance(change.action, tuple) or change.subject is None:
        return ()
    base = change.subject.base
    return tuple(
        Set((*base, *each.route), each.value) if isinstance(each, Set) else Delete((*base, *each.route))
        for each in change.action
    )
