"""What a picture of a mesh shows: namespaces with their data plane and waypoints, and the calls between them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from msgspec import Struct
from msgspec.structs import replace

from ambimigrate.model import Mesh, grouped
from ambimigrate.render.html.values import Page
from ambimigrate.topology import callgraph, injection, waypoints
from ambimigrate.topology.workloads import in_namespace
from ambimigrate.verdicts import Standing

if TYPE_CHECKING:
    from ambimigrate.plan.values import Edge

GATEWAY, SYSTEM = "gateway", "system"
_STAYS = frozenset({"wait", "unknown", "not-in-mesh"})
PLAIN, SIDECARS, HBONE = "plain", "mtls", "hbone"


class Box(Struct, frozen=True):
    """A namespace: its data plane, how many workloads it has, and whether a waypoint stands in front of it."""

    name: str
    plane: str  # sidecar | ambient | mixed | none | gateway | system
    workloads: int
    waypoint: bool = False


class Line(Struct, frozen=True):
    """One namespace calls another, and what shows it."""

    caller: str
    callee: str
    because: str
    file: str = ""
    line: int | None = None
    guessed: bool = False


class Scene(Struct, frozen=True):
    """One state of one mesh."""

    boxes: tuple[Box, ...]
    edges: tuple[Line, ...]

    def kind(self, edge: Line) -> str:
        """How a call travels: with the mTLS of sidecars, over HBONE (as soon as one end is ambient), or plain."""
        planes = {each.name: each.plane for each in self.boxes}
        ends = planes.get(edge.caller, injection.NONE), planes.get(edge.callee, injection.NONE)
        if injection.NONE in ends or SYSTEM in ends:
            return PLAIN
        return HBONE if injection.AMBIENT in ends or injection.MIXED in ends else SIDECARS


def today(page: Page, mesh: Mesh) -> Scene:
    """The mesh as it was read."""
    return _scene(page, mesh, mesh)


def later(page: Page, mesh: Mesh) -> Scene:
    """The mesh after the plan, or for a scan what its verdicts let expect."""
    ends = {each.name: each for each in page.ends}
    if mesh.name in ends:
        return _scene(page, ends[mesh.name], mesh)
    now = today(page, mesh)
    return replace(now, boxes=tuple(_expected(each, page.standings.get((mesh.name, each.name))) for each in now.boxes))


def _expected(box: Box, standing: Standing | None) -> Box:
    if standing is None or standing.verdict in _STAYS or box.plane not in {injection.SIDECAR, injection.MIXED}:
        return box
    return replace(box, plane=injection.AMBIENT, waypoint=standing.waypoint is not None)


def _scene(page: Page, mesh: Mesh, first: Mesh) -> Scene:
    fronted = {each.namespace for each in waypoints.waypoints(mesh)}
    edges = calls(page, first)
    names = {each.name for each in page.report.namespaces if each.mesh == mesh.name}
    names |= {end for edge in edges for end in (edge.caller, edge.callee)}
    boxes = tuple(_box(mesh, each, waypoint=each in fronted) for each in sorted(names))
    return Scene(boxes, tuple(edge for edge in edges if edge.caller in names and edge.callee in names))


def _box(mesh: Mesh, name: str, *, waypoint: bool) -> Box:
    members = in_namespace(mesh, name)
    if injection.is_system(mesh, name):
        return Box(name, SYSTEM, len(members))
    gateways = bool(members) and all(map(injection.is_gateway, members))
    return Box(name, GATEWAY if gateways else injection.mode(mesh, name), len(members), waypoint)


def calls(page: Page, mesh: Mesh) -> tuple[Line, ...]:
    """Who calls whom: of the plan where it says so, else what the configuration shows."""
    graphs = page.plan.graphs if page.plan else ()
    for graph in graphs:
        if graph.mesh == mesh.name:
            return tuple(_once(map(_line, graph.edges)))
    return tuple(_once(Line(each.caller, each.callee, str(each.ref), guessed=each.guessed) for each in callgraph.calls(mesh)))


def _line(edge: Edge) -> Line:
    return Line(edge.caller, edge.callee, edge.because, edge.file, edge.line, edge.guessed)


def _once(edges: Iterable[Line]) -> Iterator[Line]:
    """One for each pair, one that is no guess where there is one; it says how many more things show the call."""
    ordered = sorted(edges, key=lambda each: (each.caller, each.callee, each.guessed))
    for (caller, callee), same in grouped(((each.caller, each.callee), each) for each in ordered).items():
        if caller != callee:
            more = f" and {len(same) - 1} more" if len(same) > 1 else ""
            yield replace(same[0], because=same[0].because + more)
