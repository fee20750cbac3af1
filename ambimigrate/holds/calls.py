"""Namespaces that are held for what their calls, or calls from them, would meet on the way."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from msgspec.structs import replace

from ambimigrate import catalogue
from ambimigrate.changes import Change, Held, Stage
from ambimigrate.checks.destinationrule import dr004_tls_origination
from ambimigrate.converters.apply import after
from ambimigrate.converters.beginning import BEGINS
from ambimigrate.converters.beginning import beginning as beginnings
from ambimigrate.converters.halfway import uncarried
from ambimigrate.converters.policies.judging import concerns
from ambimigrate.converters.routing import passing
from ambimigrate.holds.reasons import reason
from ambimigrate.kinds import AuthorizationPolicy, DestinationRule, VirtualService
from ambimigrate.model import Mesh, Position, Resource, grouped
from ambimigrate.topology import injection, reach, waypoints
from ambimigrate.topology.callgraph import calls
from ambimigrate.topology.policies import listed
from ambimigrate.topology.virtualservices import is_of_mesh
from ambimigrate.traffic import Flow

CALLER, HALFWAY, PAST = "NS906", "NS909", "AP906"
_ABOUT_REQUESTS = frozenset({"AP905", "AP907"})  # changes of policies that sidecars carry out and ztunnel does not
Place = tuple[str, str]  # mesh, namespace
Accepts = Callable[[str, Resource[Any]], bool]
Flows = Callable[[Mesh], Iterable[Flow]]
Told = tuple[Accepts, Flows]


def nobody(_mesh: Mesh) -> tuple[Flow, ...]:
    """Where no traffic was measured."""
    return ()


def callers(meshes: Iterable[Mesh], left: tuple[Change, ...], free: set[Place], flows: Flows = nobody) -> Iterator[Held]:
    """Namespaces that call Services whose VirtualService, or whose TLS, only sidecars would still carry out."""
    for mesh in meshes:
        kept: dict[str, Resource[Any]] = {**dict(_encrypted(mesh, left)), **dict(_kept(mesh, left))}
        for caller, callee, shown in _calls(mesh, flows) if kept else ():
            if (mesh.name, caller) in free and callee in kept:
                stays = kept[callee]
                text = f"it calls {callee}, as {shown} shows; only sidecars follow {stays.kind} {stays.name} there"
                yield reason(mesh, caller, CALLER, text)


def _encrypted(mesh: Mesh, left: tuple[Change, ...]) -> Iterator[tuple[str, Resource[DestinationRule]]]:
    """Namespaces with a Service towards which sidecars start TLS, and no waypoint will."""
    if not any(dr004_tls_origination.starts(dr.body) for dr in mesh.of(DestinationRule)):
        return
    end = after(mesh, left)
    for dr in end.of(DestinationRule):
        for hit in dr004_tls_origination.check(dr, end):
            yield from ((each.partition("/")[0], dr) for each in hit.services)


def _calls(mesh: Mesh, flows: Flows) -> Iterator[tuple[str, str, str]]:
    """Who calls whom, and what shows it: the configuration, then what was measured."""
    known = {(each.caller, each.callee): str(each.ref) for each in calls(mesh)}
    for flow in flows(mesh):
        if flow.source_namespace and flow.source_namespace != flow.namespace:
            shown = f"traffic to {flow.service or 'its pods'}"
            known.setdefault((flow.source_namespace, flow.namespace), shown)
    return ((caller, callee, shown) for (caller, callee), shown in known.items())


def judged(meshes: Iterable[Mesh], left: tuple[Change, ...], held: Iterable[Place], flows: Flows = nobody) -> Iterator[Held]:
    """Namespaces whose rules about requests only a waypoint will carry out, while sidecars that stay call them past it.

    Only callers whom such a rule can mean, or what closes the way for it, keep a namespace.
    """
    staying = set(held)
    for mesh in meshes:
        about = grouped(_about(mesh, left))
        for caller, callee, shown in _calls(mesh, flows) if about else ():
            if callee not in about or (mesh.name, caller) not in staying or not _has_sidecars(mesh, caller):
                continue
            if any(policy is None or concerns(mesh, policy, caller) for policy in about[callee]):
                text = f"namespace {caller} is held and keeps its sidecars, which call it past the waypoint ({shown})"
                fix = catalogue.entry(PAST).cases["sidecars"].fix
                yield replace(reason(mesh, callee, CALLER, text), because=(PAST,), alternative=fix)


def _about(mesh: Mesh, left: tuple[Change, ...]) -> Iterator[tuple[str, Resource[AuthorizationPolicy] | None]]:
    """The namespaces with such rules, each with its policies; None for one that is not in the input."""
    known = mesh.index(_by_position)
    for each in left:
        if each.mesh == mesh.name and not _ABOUT_REQUESTS.isdisjoint(each.because):
            yield from dict.fromkeys((each.namespace, known.get(position)) for position in each.sources or (None,))


def _by_position(mesh: Mesh) -> dict[Position | None, Resource[AuthorizationPolicy]]:
    return {each.at(): each for each in mesh.of(AuthorizationPolicy)}


def halfway(meshes: Iterable[Mesh], left: tuple[Change, ...], held: Iterable[Place]) -> Iterator[Held]:
    """Namespaces whose callers, once ambient, would cross a waypoint before the policies behind it know of that."""
    for mesh in meshes:
        moving = enrolling(mesh, left, held)
        for policy, service in uncarried(mesh, left) if moving else ():
            for namespace in moving:
                text = f"Service {service.namespace}/{service.name} has a waypoint already, and {policy.ref} does not know it"
                yield reason(mesh, namespace, HALFWAY, f"{text}: it would judge the waypoint in place of callers from here")


def beginning(meshes: Iterable[Mesh], left: tuple[Change, ...], held: Iterable[Place], accepts: Accepts) -> Iterator[Held]:
    """Namespaces whose calls would be judged by policies that judge nobody's calls today."""
    for mesh in meshes:
        moving = enrolling(mesh, left, held)
        for policy, service in beginnings(mesh, left) if moving else ():
            if not accepts(BEGINS, policy):
                text = (
                    f"calls of Service {service.namespace}/{service.name} from here would cross a waypoint for the first time"
                )
                yield from (reason(mesh, each, BEGINS, f"{text}, which carries it out", policy) for each in moving)


def unretried(meshes: Iterable[Mesh], left: tuple[Change, ...], held: Iterable[Place], proposal: Told) -> Iterator[Held]:
    """Namespaces that call Services of held ones past whose waypoints, which stand already, nobody retries by default."""
    accepts, flows = proposal
    for mesh in meshes:
        moving = enrolling(mesh, left, held)
        lost = grouped((each.namespace, each) for each in passing.unretried(mesh, left)) if moving else {}
        for caller, callee, shown in _calls(mesh, flows) if lost else ():
            service = next((each for each in lost.get(callee, ()) if not accepts(passing.LOST, each)), None)
            if caller in moving and service is not None:
                text = f"it calls {callee}, as {shown} shows; the waypoint of Service {service.name} retries otherwise there"
                yield reason(mesh, caller, passing.LOST, text)


def staying(meshes: Iterable[Mesh], left: tuple[Change, ...]) -> Iterator[tuple[Mesh, Resource[Any], list[str]]]:
    """What routes and only sidecars follow, and the namespaces whose pods no longer will, though none is seen to call."""
    for mesh in meshes:
        moving = enrolling(mesh, left, ())
        for vs in {id(vs): vs for _, vs in _kept(mesh, left)}.values() if moving else ():
            yield mesh, vs, moving


def marked(meshes: Iterable[Mesh], left: tuple[Change, ...]) -> tuple[Change, ...]:
    """The changes, the enrolments among them with the VirtualServices that callers from there would no longer follow."""
    found: dict[Place, list[Resource[Any]]] = defaultdict(list)
    for mesh, vs, moving in staying(meshes, left):
        for namespace in moving:
            found[mesh.name, namespace].append(vs)
    left = _without_retries(meshes, left)
    return tuple(_noted(each, found[place]) if (place := _enrols(each)) in found else each for each in left) if found else left


def _without_retries(meshes: Iterable[Mesh], left: tuple[Change, ...]) -> tuple[Change, ...]:
    """The changes, the enrolments among them with the Services whose waypoints do not retry for callers from there."""
    lost = {
        mesh.name: places for mesh, services, _ in _silent(meshes, left) if (places := tuple(each.at() for each in services))
    }
    return tuple(
        replace(
            each,
            because=tuple(dict.fromkeys((*each.because, passing.LOST))),
            sources=tuple(dict.fromkeys((*each.sources, *lost[each.mesh]))),
        )
        if each.stage is Stage.enroll and each.mesh in lost
        else each
        for each in left
    )


def _silent(meshes: Iterable[Mesh], left: tuple[Change, ...]) -> Iterator[tuple[Mesh, list[Resource[Any]], list[str]]]:
    """The Services past whose waypoints nobody retries by default, and the namespaces whose pods lose that."""
    for mesh in meshes:
        moving = enrolling(mesh, left, ())
        if services := list(passing.unretried(mesh, left)) if moving else []:
            yield mesh, services, moving


def _enrols(change: Change) -> Place | None:
    return (change.mesh, change.namespace) if change.stage is Stage.enroll else None


def _noted(change: Change, kept: Iterable[Resource[Any]]) -> Change:
    positions = tuple(vs.at() for vs in kept)
    return replace(change, because=(*change.because, CALLER), sources=tuple(dict.fromkeys((*change.sources, *positions))))


def notes(meshes: Iterable[Mesh], left: tuple[Change, ...]) -> Iterator[str]:
    """What nobody is seen to call, in words for the report: a line for all of a kind about which it says the same."""
    kept = grouped(
        ((mesh.name, each.kind, tuple(moving)), f"{each.namespace}/{each.name}") for mesh, each, moving in staying(meshes, left)
    )
    alike = grouped(((names, kind, moving), mesh) for (mesh, kind, moving), names in kept.items())
    for (names, kind, moving), found in alike.items():
        where = f" of {', '.join(found)}" if any(found) else ""
        many, one = (f"{kind}s stay", "them", "their"), (f"{_article(kind)} {kind} stays", "it", "its")
        what, them, their = many if len(names) > 1 else one
        yield (
            f"{what}, and only sidecars follow {them}: {', '.join(names)}{where}. A pod of {listed(moving)} that calls {their} "
            "hosts would take the default route once ambient. None is seen to call them; ask before these enrol."
        )


def losses(meshes: Iterable[Mesh], left: tuple[Change, ...]) -> Iterator[str]:
    """The Services whose waypoints stand already and do not retry as sidecars do, in words for the report."""
    for mesh, services, moving in _silent(meshes, left):
        where = f" of {mesh.name}" if mesh.name else ""
        named = listed([f"{each.namespace}/{each.name}" for each in services])
        yield (
            f"{named}{where}: bound to a waypoint already, and up to Istio 1.30.2 that does not retry by default as sidecars "
            f"do. A pod of {listed(moving)} that calls there loses these retries."
        )


def _article(kind: str) -> str:
    return "An" if kind.startswith("HTTP") else "A"


def enrolling(mesh: Mesh, left: tuple[Change, ...], held: Iterable[Place]) -> list[str]:
    """The namespaces with sidecars that the changes enrol."""
    staying = set(held)
    found = {each.namespace for each in left if each.mesh == mesh.name and each.stage >= Stage.enroll}
    return sorted(each for each in found if (mesh.name, each) not in staying and _has_sidecars(mesh, each))


def _has_sidecars(mesh: Mesh, namespace: str) -> bool:
    return injection.mode(mesh, namespace) in {injection.SIDECAR, injection.MIXED}


def _kept(mesh: Mesh, left: tuple[Change, ...]) -> Iterator[tuple[str, Resource[Any]]]:
    """Namespaces with a Service that a remaining VirtualService or route of the mesh routes and no waypoint serves."""
    gone = {id(each.subject) for each in left if each.mesh == mesh.name and each.action is None}
    if not any(reach.routes(mesh)) and all(id(vs) in gone for vs in mesh.of(VirtualService) if is_of_mesh(vs.body)):
        return
    end = after(mesh, left)
    for vs in end.of(VirtualService):
        if is_of_mesh(vs.body):
            targets = (each for host in vs.body.spec.hosts for each in reach.targets(end, host, vs.namespace, vs.file))
            yield from ((each.namespace, vs) for each in targets if not waypoints.is_bound(end, each))
    for route in reach.routes(end):
        parents = (reach.parent(ref, route.namespace) for ref in route.body.spec.parent_refs)
        routed = (reach.find(end, named, route.file) for named in parents if named)
        yield from ((each.namespace, route) for each in routed if each and not waypoints.is_bound(end, each))
