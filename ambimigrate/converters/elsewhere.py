"""Objects that the cluster has and no file of the tree: what is written for them, what a command does, what is held."""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from msgspec.structs import replace

from ambimigrate.changes import Change, Create, Set
from ambimigrate.converters import shared
from ambimigrate.model import Mesh, Resource, grouped
from ambimigrate.yamlio import Document

_LABELLED = {"Namespace", "Service", "ServiceEntry"}  # whose labels `kubectl label` sets without a restart
_LABELS = ("metadata", "labels")


def is_elsewhere(resource: Resource[Any]) -> bool:
    """Whether it was read from a cluster, so that there is no text to change; such an object has no line."""
    return resource.at().line is None


def command(change: Change) -> str:
    """The command that makes a change of labels of an object that no file has, "" for any other change."""
    subject, edits = change.subject, change.action
    if subject is None or not isinstance(edits, tuple) or not is_elsewhere(subject) or subject.kind not in _LABELLED:
        return ""
    if any(each.route[:-1] != _LABELS for each in edits):
        return ""
    words = [f"{each.route[-1]}={each.value}" if isinstance(each, Set) else f"{each.route[-1]}-" for each in edits]
    space = ["-n", subject.namespace] if subject.namespace else []
    again = ["--overwrite"] if any(isinstance(each, Set) for each in edits) else []
    return shlex.join(["kubectl", "label", subject.kind.lower(), *space, subject.name, *words, *again])


def why_not(change: Change) -> str:
    """Why a change of an object of the cluster, or beside one, cannot be made here; "" if it can."""
    found = shared.anchor(change)
    if not is_elsewhere(found) or command(change):
        return ""
    if isinstance(change.action, Create):
        return f"it would stand beside {found.ref}, and no file of the tree has an object of namespace {change.namespace}"
    return "the cluster has it and no file of the tree: change it where it comes from"


def beside_files(changes: Iterable[Change], meshes: Iterable[Mesh]) -> Iterator[Change]:
    """The changes, with new objects that come from an object of the cluster beside a file of the same namespace."""
    homes = {mesh.name: _homes(mesh) for mesh in meshes if mesh.source == "both"}
    for change in changes:
        own = homes.get(change.mesh, {}).get(change.namespace, ())
        if own and isinstance(change.action, Create) and is_elsewhere(change.action.beside):
            same = next((each for each in own if each.at() in change.sources), own[0])
            yield replace(change, action=replace(change.action, beside=same))
        else:
            yield change


def _homes(mesh: Mesh) -> Mapping[str, tuple[Resource[Any], ...]]:
    """By namespace the objects of files beside which another may be written, in the order of the files."""
    found = (each for each in mesh.resources if isinstance(each.origin, Document) and "/templates/" not in f"/{each.file}")
    return grouped((each.namespace, each) for each in sorted(found, key=lambda each: each.at().order))
