"""Which namespaces are held at `prepare`, and why: the one decision that convert and plan share."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from msgspec import Struct

from ambimigrate import catalogue
from ambimigrate.changes import Change, Held, Stage
from ambimigrate.converters import made, shared
from ambimigrate.converters.apply import after
from ambimigrate.converters.outcome import with_name
from ambimigrate.converters.settings import DEFAULT
from ambimigrate.holds import calls
from ambimigrate.holds.calls import Accepts, Place
from ambimigrate.holds.ends import End
from ambimigrate.holds.reasons import reason
from ambimigrate.model import Finding, Mesh, Position, Ref, Resource, Severity, grouped
from ambimigrate.topology import injection, reach, waypoints
from ambimigrate.topology.virtualservices import is_of_mesh
from ambimigrate.verdicts import Standing, namespace_of, scope_of

UNKNOWN, REMAINS, SHARED = "NS903", "NS904", "NS905"
# Of the root: each namespace has its twins.
_TWINNED = frozenset({"AuthorizationPolicy", "RequestAuthentication", "WasmPlugin", "TrafficExtension"})
Check = Callable[[tuple[Mesh, ...]], Iterable[Finding]]


class Proposal(Struct, frozen=True):
    """What could be done if nothing were held: changes, refusals; with what the user agreed to, and who was seen to call."""

    changes: tuple[Change, ...]
    held: tuple[Held, ...]
    accepts: Accepts = DEFAULT.accepts
    flows: calls.Flows = calls.nobody


class Decision(Struct, frozen=True):
    """The held namespaces with the reasons, and by mesh what the others come to."""

    holding: Mapping[Place, tuple[Held, ...]]
    ends: Mapping[str, End]


def decide(
    meshes: tuple[Mesh, ...], findings: tuple[Finding, ...], standings: Iterable[Standing], proposal: Proposal, check: Check
) -> Decision:
    """Which namespaces are held. Holding one may hold others: until nothing more follows.

    `check` finds what is wrong in the mesh that the changes would lead to.
    """
    found: dict[Place, list[Held]] = {}
    ends: dict[str, End] = {}
    _add(found, proposal.held)
    by_name = {mesh.name: mesh for mesh in meshes}
    moving = {(each.mesh, each.namespace) for each in proposal.changes}
    for standing in standings:
        if standing.verdict == "unknown" and (standing.mode != injection.AMBIENT or (standing.mesh, standing.name) in moving):
            _add(found, [_unknown(by_name[standing.mesh], standing)])
    known = shared.twins(meshes)
    while True:
        left = permitted(proposal.changes, found)
        more = [*_shared(by_name, left, known), *calls.callers(meshes, left, moving - found.keys(), proposal.flows)]
        more += calls.judged(meshes, left, found.keys(), proposal.flows)
        more += calls.halfway(meshes, left, found.keys())
        more += calls.beginning(meshes, left, found.keys(), proposal.accepts)
        more += calls.unretried(meshes, left, found.keys(), (proposal.accepts, proposal.flows))
        if all((each.mesh, each.namespace) in found for each in more):  # what is said of held ones again is nothing new
            ends = {mesh.name: _end(mesh, left, check) for mesh in meshes if any(each.mesh == mesh.name for each in left)}
            more += [
                held
                for mesh in meshes
                for held in _remaining(mesh, findings, left, ends)
                if (mesh.name, held.namespace) not in found
            ]
        if not _add(found, more):
            break
    for mesh in meshes:
        held = {namespace for name, namespace in found if name == mesh.name}
        if held:
            whole = _end(mesh, proposal.changes, check)
            _add(found, _grave(mesh, _left(mesh, findings, proposal.changes, whole), held))
    return Decision({key: tuple(dict.fromkeys(reasons)) for key, reasons in found.items()}, ends)


def _end(mesh: Mesh, changes: Iterable[Change], check: Check) -> End:
    end = after(mesh, (each for each in changes if each.mesh == mesh.name))
    return End(end, tuple(check((end,))))


def permitted(changes: Iterable[Change], held: Mapping[Place, Any]) -> tuple[Change, ...]:
    """The changes that holds leave: all of namespaces that are not held, of the others those that are neutral."""
    return tuple(each for each in changes if each.stage is Stage.prepare or (each.mesh, each.namespace) not in held)


def _add(found: dict[Place, list[Held]], more: Iterable[Held]) -> bool:
    """Adds reasons; whether a namespace is held now that was not before."""
    before = len(found)
    for each in more:
        found.setdefault((each.mesh, each.namespace), []).append(each)
    return len(found) > before


def _unknown(mesh: Mesh, standing: Standing) -> Held:
    return reason(mesh, standing.name, UNKNOWN, f"not read: {', '.join(standing.not_seen)}")


def _shared(
    meshes: Mapping[str, Mesh], left: tuple[Change, ...], known: Mapping[shared.Place, tuple[shared.Twin, ...]]
) -> Iterator[Held]:
    for change, twin in shared.disagreeing(left, known):
        subject = shared.anchor(change)
        where = twin.resource.namespace or twin.resource.name
        other = f"namespace {where}" + (f" of {twin.mesh}" if twin.mesh != change.mesh else "")
        text = f"its text also stands for {other}, which does not change in the same way"
        yield reason(meshes[change.mesh], change.namespace, SHARED, text, subject)


def _key(finding: Finding) -> tuple[Any, ...]:
    return finding.rule, finding.hit.case, finding.ref


def _grave(mesh: Mesh, left: Iterable[Finding], held: set[str]) -> Iterator[Held]:
    """The errors and blockers of namespaces that are held anyway, but for those that their own conversion would settle."""
    for finding in left:
        if scope_of(finding, mesh) == "namespace":
            yield from _holding(mesh, finding, held)


def _remaining(mesh: Mesh, findings: tuple[Finding, ...], left: tuple[Change, ...], ends: Mapping[str, End]) -> Iterator[Held]:
    """What holds the namespaces that change, since their changes leave it or bring it."""
    moving = {each.namespace for each in left if each.mesh == mesh.name}
    for finding in _left(mesh, findings, left, ends[mesh.name]) if moving else ():
        yield from _holding(mesh, finding, moving)


def _left(mesh: Mesh, findings: tuple[Finding, ...], changes: tuple[Change, ...], end: End) -> Iterator[Finding]:
    """Errors and blockers that are there before and that no change settles, and those that the changes bring."""
    own = [each for each in changes if each.mesh == mesh.name]
    before = [each for each in findings if mesh.name in each.meshes and each.severity >= Severity.error]
    then = [each for each in end.findings if each.severity >= Severity.error]
    changed, still = {each.ref for each in own}, {_key(each) for each in then}
    answered = frozenset((id, place) for each in own for id in each.because for place in each.sources)
    places = frozenset(place for each in own for place in each.sources if all(_is_of_convert(id) for id in each.because))
    known = {_key(each) for each in findings if mesh.name in each.meshes}
    left_of = {_key(each): each for each in then if each.ref.kind in _TWINNED}
    for finding in before:
        if _key(finding) in still or not (
            finding.ref in changed
            or _is_bound(end.mesh, finding)
            or _is_source(mesh, finding, places)
            or _is_made(mesh, finding)
            or _is_answered(mesh, finding, answered)
        ):
            yield left_of.get(_key(finding), finding)
    yield from (finding for finding in then if _key(finding) not in known)


def _is_source(mesh: Mesh, finding: Finding, places: frozenset[Position]) -> bool:
    """Whether a change comes from the object of the finding, which itself stays as it is."""
    return any(each.at() in places for each in mesh.index(_by_ref).get(finding.ref, ()))


def _is_answered(mesh: Mesh, finding: Finding, answered: frozenset[tuple[str, Position]]) -> bool:
    """Whether a change names the finding, and the object at which it stands, which need not change."""
    return any((finding.rule, each.at()) in answered for each in mesh.index(_by_ref).get(finding.ref, ()))


def _is_of_convert(id: str) -> bool:
    return catalogue.entry(id).by == "convert"


def _is_made(mesh: Mesh, finding: Finding) -> bool:
    """Whether the finding is about an object of an earlier stage, which waits for what a later one does elsewhere."""
    return any(made.is_ours(each) for each in mesh.index(_by_ref).get(finding.ref, ()))


def _by_ref(mesh: Mesh) -> Mapping[Ref, tuple[Resource[Any], ...]]:
    return grouped((each.ref, each) for each in mesh.resources)


def _is_bound(end: Mesh, finding: Finding) -> bool:
    """Whether the finding asks for a waypoint and every Service that it names has one in the end."""
    named = [reach.find(end, ("Service", *_split(each))) for each in finding.hit.services]
    return bool(named) and all(each is not None and waypoints.is_bound(end, each) for each in named)


def _split(name: str) -> tuple[str, str]:
    namespace, _, rest = name.partition("/")
    return namespace, rest


def _holding(mesh: Mesh, finding: Finding, moving: set[str]) -> Iterator[Held]:
    scope = scope_of(finding, mesh)
    if scope == "mesh" and finding.ref.kind in _TWINNED and finding.hit.services:
        moving = moving & {_split(each)[0] for each in finding.hit.services}
    held = moving if scope == "mesh" else {namespace_of(finding)} & moving if scope == "namespace" else set()
    for namespace in sorted(held):
        yield Held(
            mesh.name,
            namespace,
            finding.ref,
            finding.hit.position,
            finding.hit.message,
            (finding.rule,),
            None,
            with_name(finding.fix, finding.ref),
        )


__all__ = ["Decision", "End", "Place", "Proposal", "Stage", "catalogue", "decide", "is_of_mesh", "permitted"]
