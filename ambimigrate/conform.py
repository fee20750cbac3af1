"""What does not pass the CRDs of the target: fields of the input that they do not have, and objects that we would write."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any

import msgspec
from msgspec import Struct

from ambimigrate import crds
from ambimigrate.changes import Change, Create, Held
from ambimigrate.converters import made, shared
from ambimigrate.converters.outcome import Refused, held, written
from ambimigrate.crds.metadata import named
from ambimigrate.kinds import (
    AuthorizationPolicy,
    DestinationRule,
    PeerAuthentication,
    RequestAuthentication,
    ServiceEntry,
    Sidecar,
    Telemetry,
    TrafficExtension,
    VirtualService,
    WasmPlugin,
)
from ambimigrate.model import Mesh, Position, Problem, Resource, Route
from ambimigrate.topology.virtualservices import is_of_mesh
from ambimigrate.yamlio import Document
from ambimigrate.yamlio.trees import Missing, edited

REFUSED, UNKNOWN = "NS920", "NS921"
CARRIED = (  # kinds whose fields convert carries over to what it makes, or to which it adds
    AuthorizationPolicy,
    DestinationRule,
    PeerAuthentication,
    RequestAuthentication,
    ServiceEntry,
    Sidecar,
    Telemetry,
    TrafficExtension,
    VirtualService,
    WasmPlugin,
)


class Misread(Struct, frozen=True):
    """An object with a field that its CRD does not have: the typed view, like an API server, sees nothing of it."""

    mesh: Mesh
    resource: Resource[Any]
    route: Route
    reason: str
    exact: bool  # whether the CRD is the target's own, not only the nearest that is known


def misread(meshes: Iterable[Mesh], takes: Callable[[Mesh, str], bool]) -> tuple[Misread, ...]:
    """The unknown fields of objects that convert carries over, in the namespaces that `takes` names."""
    return tuple(each for mesh in meshes for each in mesh.index(_misread) if takes(mesh, each.resource.namespace))


def _misread(mesh: Mesh) -> tuple[Misread, ...]:
    return tuple(
        each for kind in CARRIED for resource in mesh.of(kind) if _matters(resource) for each in _unknown(mesh, resource)
    )


def _matters(resource: Resource[Any]) -> bool:
    """Only files show what an API server dropped; VirtualServices of gateways stay as they are."""
    body = resource.body
    return isinstance(resource.origin, Document) and (not isinstance(body, VirtualService) or is_of_mesh(body))


def _unknown(mesh: Mesh, resource: Resource[Any]) -> Iterator[Misread]:
    tree = written(resource)
    found = crds.defined(tree, mesh.target)
    if found is None or found.schema is None:
        return
    for each in crds.unknown(tree, found.schema):
        if str(each.route[-1]).startswith("$"):
            continue  # a directive of a patch, such as `$patch: delete`
        owner = "metadata" if each.route[0] == "metadata" else f"the CRD of {found.name}"
        text = f"{owner} has no field {each.route[-1]} here; {_hint(tree, each, found)}"
        yield Misread(mesh, resource, each.route, text, found.exact)


def _hint(tree: dict[str, Any], unknown: crds.Unknown, found: crds.Definition) -> str:
    known = crds.releases_with(tree, unknown.route)
    if known and unknown.route[0] == "spec":
        return f"that of Istio {known[0]} has it" if len(known) == 1 else f"those of Istio {known[0]} to {known[-1]} have it"
    if unknown.near:
        return f"did you mean {unknown.near}?"
    if found.schema is not None and len(unknown.route) > 1 and crds.has(found.schema, (*unknown.route[:-2], unknown.route[-1])):
        return f"it belongs one level higher, beside {unknown.route[-2]}"
    return "an API server drops it or refuses the object"


def problems(found: Iterable[Misread]) -> tuple[Problem, ...]:
    """Unknown fields as problems of the input."""
    exact = sorted((each for each in found if each.exact), key=lambda each: each.resource.at(*each.route).order)
    return tuple(dict.fromkeys(map(_problem, exact)))


def _problem(each: Misread) -> Problem:
    at = each.resource.at(*each.route)
    return Problem(f"{each.resource.ref}: {each.reason}", at.file, at.line, each.resource.namespace or None, each.resource.kind)


def notes(found: Iterable[Misread]) -> tuple[str, ...]:
    """Unknown fields that a newer or older release than those known may have."""
    return tuple(dict.fromkeys(f"{_place(each)}: {each.resource.ref}: {each.reason}" for each in found if not each.exact))


def _place(each: Misread) -> str:
    at = each.resource.at(*each.route)
    return f"{at.file}:{at.line}"


def holding(found: Iterable[Misread]) -> tuple[Held, ...]:
    """Those objects as held ones."""
    return tuple(
        held(each.mesh, each.resource, UNKNOWN, Refused("default", each.route, each.reason)) for each in found if each.exact
    )


def without(changes: Iterable[Change], found: Iterable[Misread]) -> tuple[Change, ...]:
    """The changes that neither touch such an object nor come from one."""
    objects = {id(each.resource): each.resource.at() for each in found if each.exact}
    places: set[Position] = set(objects.values())
    return tuple(each for each in changes if id(shared.anchor(each)) not in objects and places.isdisjoint(each.sources))


# --- what we would write --------------------------------------------------------------------------------------------


class Fitting(Struct, frozen=True):
    """The changes whose outcome the target takes, and the others as reasons to hold."""

    changes: tuple[Change, ...]
    held: tuple[Held, ...]


def fitting(meshes: Iterable[Mesh], changes: tuple[Change, ...]) -> Fitting:
    """Checks every object as each stage leaves it. What we make badly is our fault, but it is never written."""
    by_name = {mesh.name: mesh for mesh in meshes}
    edits: dict[tuple[str, int], list[Change]] = {}
    bad: dict[int, tuple[Change, crds.Fault]] = {}
    for change in changes:
        if isinstance(change.action, Create):
            if fault := _fault(_made(change.action), by_name[change.mesh], is_placed=bool(change.namespace)):
                bad[id(change)] = change, fault
        elif change.action is not None:
            edits.setdefault((change.mesh, id(change.subject)), []).append(change)
    for members in edits.values():
        if fault := _broken(members, by_name[members[0].mesh]):
            bad |= {id(change): (change, fault) for change in members}
    return Fitting(
        tuple(each for each in changes if id(each) not in bad),
        tuple(_refused(by_name[change.mesh], change, fault) for change, fault in bad.values()),
    )


def _made(create: Create) -> dict[str, Any]:
    try:
        value = made.placed(create.value, create.beside)
    except Refused:
        value = dict(create.value)
    return dict(msgspec.json.decode(msgspec.json.encode(value)))


def _fault(tree: dict[str, Any], mesh: Mesh, *, is_placed: bool) -> crds.Fault | None:
    """The first thing that an API server has against a new object, but for a namespace that is not known yet."""
    found = (*named(tree), *crds.faults(tree, mesh.target))
    return next((each for each in found if is_placed or each.route[-1:] != ("namespace",)), None)


def _broken(members: list[Change], mesh: Mesh) -> crds.Fault | None:
    """The first thing that an edit, stage by stage, brings in; what was wrong before may stay (ratcheting validation)."""
    subject = members[0].subject
    tree = written(subject) if subject is not None and isinstance(subject.origin, Document) else {}
    if not tree or crds.defined(tree, mesh.target) is None:
        return None
    known = {each.reason for each in crds.faults(tree, mesh.target)}
    for change in sorted(members, key=lambda each: each.stage):
        for edit in change.action if isinstance(change.action, tuple) else ():
            try:
                tree = edited(tree, edit)
            except Missing:
                return None  # the text itself is tried later, and says so
        value = msgspec.json.decode(msgspec.json.encode(tree))
        if new := next((each for each in crds.faults(value, mesh.target) if each.reason not in known), None):
            return new
    return None


def _refused(mesh: Mesh, change: Change, fault: crds.Fault) -> Held:
    where = ".".join(str(step) for step in fault.route)
    text = f"{change.ref}, as it would be written, does not pass: {where}{': ' if where else ''}{fault.reason}"
    case = "name" if fault.route == ("metadata", "name") else "default"
    return held(mesh, shared.anchor(change), REFUSED, Refused(case, (), text), change.namespace)
