"""The figures of an estimate, from numbers that are given or from meshes that were read; what is given comes first."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from msgspec import Struct

from ambimigrate.estimate import Assumption, Figures
from ambimigrate.estimate.amounts import Amount, Range
from ambimigrate.estimate.measured import CNI, SIDECAR, WAYPOINT, ZTUNNEL, Measured, measured
from ambimigrate.model import Mesh
from ambimigrate.topology.workloads import workloads
from ambimigrate.verdicts import Standing

_DEFAULTS = "Istio's defaults (ztunnel 200m/512Mi and istio-cni 100m/100Mi on each node, waypoint 100m/128Mi)"


class Request(Struct, frozen=True):
    """What was given for one component; None is not given."""

    cpu: Range | None = None
    memory: Range | None = None

    def over(self, default: Amount) -> Amount:
        """The amount with the default where nothing was given."""
        return Amount(self.cpu or default.cpu, self.memory or default.memory)

    def __bool__(self) -> bool:
        return self.cpu is not None or self.memory is not None


class Given(Struct, frozen=True):
    """The numbers of a user."""

    pods: int | None = None
    nodes: int | None = None
    namespaces: int | None = None
    waypoints: int | None = None
    replicas: int = 2
    sidecar: Request = Request()
    ztunnel: Request = Request()
    cni: Request = Request()
    waypoint: Request = Request()


def of_numbers(given: Given) -> Figures:
    """The figures without any mesh."""
    pods = given.pods or 0
    sidecars = given.sidecar.over(SIDECAR).times(pods)
    return _figures(given, Measured(pods, sidecars, given.namespaces or 0, given.waypoints, False, ()))


def of_meshes(meshes: Iterable[Mesh], standings: Iterable[Standing], given: Given) -> Figures:
    """The figures of all meshes together."""
    standings = tuple(standings)
    every = tuple(meshes)
    found = [measured(mesh, standings, given.nodes) for mesh in every]
    pods = sum(each.pods for each in found)
    is_seen = any(workloads(mesh) if mesh.source == "files" else mesh.resources for mesh in every)  # else unknown, and no zero
    total = sum((each.sidecars for each in found), Amount() if is_seen else Amount(None, None))
    own = given.sidecar.over(SIDECAR).times(pods)
    sidecars = Amount(own.cpu if given.sidecar.cpu else total.cpu, own.memory if given.sidecar.memory else total.memory)
    namespaces = sum(each.namespaces for each in found) if given.namespaces is None else given.namespaces
    waypoints = sum(each.waypoints or 0 for each in found) if given.waypoints is None else given.waypoints
    assumed = tuple(one for each in found for one in each.assumptions)
    return _figures(given, Measured(pods, sidecars, namespaces, waypoints, any(each.cni_before for each in found), assumed))


def _figures(given: Given, found: Measured) -> Figures:
    return Figures(
        found.pods,
        found.sidecars,
        given.nodes,
        found.namespaces,
        found.waypoints,
        given.replicas,
        given.ztunnel.over(ZTUNNEL),
        given.cni.over(CNI),
        given.waypoint.over(WAYPOINT),
        found.cni_before,
        tuple(dict.fromkeys((*found.assumptions, *_assumed(given)))),
    )


def _assumed(given: Given) -> Iterator[Assumption]:
    if not (given.ztunnel and given.cni and given.waypoint):
        yield Assumption("what was not given of ztunnel, istio-cni and waypoints", _DEFAULTS)
    if given.nodes is None:
        yield Assumption("the number of nodes is not known: give --nodes", "nothing that was read shows it")
    if given.waypoints is None and given.pods is not None:
        yield Assumption("how many waypoints are needed is not known: give --waypoints, or read the mesh", "no mesh was read")
    yield Assumption("istiod and gateways are not counted", "both modes have them")
