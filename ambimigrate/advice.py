"""Advice for the mesh as a whole: which situation it is in, and the findings that say so."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from msgspec import Struct

from ambimigrate import support
from ambimigrate.model import Finding, Mesh, Severity
from ambimigrate.topology import gatewaypods, injection, meshconfig
from ambimigrate.verdicts import Standing

MANY = 0.25  # the share of namespaces from which on something is said to be heavily used


class Advice(Struct, frozen=True):
    """A situation, what we would do in it, and the ids of the findings that lead to it."""

    situation: str
    recommendation: str
    because: tuple[str, ...]


def advice(meshes: Iterable[Mesh], standings: Iterable[Standing], findings: Iterable[Finding]) -> tuple[Advice, ...]:
    """Everything that holds for this input, most consequential first."""
    standings = tuple(standings)
    moving = [each for each in standings if each.mode in {injection.SIDECAR, injection.MIXED}]
    moved = any(each.mode == injection.AMBIENT for each in standings)
    return tuple(_all(tuple(meshes), moving, tuple(findings), moved=moved))


def _all(meshes: tuple[Mesh, ...], moving: list[Standing], findings: tuple[Finding, ...], *, moved: bool) -> Iterator[Advice]:
    if not moving and not moved and any(injection.namespaces(mesh) for mesh in meshes):
        yield Advice(
            "No namespace has sidecars",
            "Install Istio with the ambient profile and label the namespaces; there is nothing to migrate.",
            _ids(findings, "PF001"),
        )
    if several := _ids((each for each in findings if each.hit.case != "alone"), "MC"):
        level = support.status("multicluster-multi-network", "ztunnel", meshes[0].target.istio)
        yield Advice(
            "Several clusters",
            f"Move the namespaces whose callers are all in one cluster first; ambient mode over several networks is {level} in"
            f" Istio {meshes[0].target.istio}, with several primaries only.",
            several,
        )
    if machines := _ids(findings, "WE"):
        yield Advice(
            "Workloads on virtual machines",
            "Keep the machines and the namespaces that call them on sidecars; ztunnel calls them in plaintext.",
            machines,
        )
    yield from _extensions(meshes, moving, findings)
    yield from _nodes(findings)
    yield from _layers(meshes, moving)


def _extensions(meshes: tuple[Mesh, ...], moving: list[Standing], findings: tuple[Finding, ...]) -> Iterator[Advice]:
    extended = [each for each in findings if each.rule[:2] in {"EF", "EX"} and each.severity >= Severity.warning]
    spaces, names = {each.ref.namespace for each in extended}, {each.name for each in moving}
    everywhere = any(meshconfig.root_namespace(mesh) in spaces for mesh in meshes)  # what stands there is for all
    touched = names if everywhere else names & spaces
    if touched and len(touched) >= MANY * len(names):
        yield Advice(
            "Heavy use of EnvoyFilter or Wasm",
            "Replace them before anything else: each has to become a policy with targetRefs, a TrafficExtension or part of"
            " a route; leave these namespaces for last.",
            _ids(extended, "EF", "EX"),
        )


def _nodes(findings: tuple[Finding, ...]) -> Iterator[Advice]:
    if tight := _ids(findings, "PF017", "CT009"):
        yield Advice(
            "Few resources per node",
            "Make room for ztunnel and istio-cni on every node before the installation, raise quotas where waypoints go, and"
            " let several namespaces share one waypoint.",
            tight,
        )


def _layers(meshes: tuple[Mesh, ...], moving: list[Standing]) -> Iterator[Advice]:
    edges = {(mesh.name, name) for mesh in meshes for name in injection.namespaces(mesh) if gatewaypods.only(mesh, name)}
    moving = [each for each in moving if (each.mesh, each.name) not in edges]
    moving = [each for each in moving if each.verdict not in {"wait", "unknown"}]  # of these nothing can be said yet
    if not moving:
        return
    needing = [each for each in moving if each.waypoint]
    all_names, names = {each.name for each in moving}, {each.name for each in needing}
    because = tuple(sorted({reason for each in needing if each.waypoint for reason in each.waypoint.because}))
    if len(names) * 2 > len(all_names):
        yield Advice(
            "Mostly HTTP rules",
            f"A waypoint is needed in {_share(names, all_names)}: move clients before servers, and bind each"
            " waypoint before the first of its callers becomes ambient.",
            because,
        )
    else:
        yield Advice(
            "Mostly L4",
            f"{_lead(all_names - names, all_names)}; pods there only lose their sidecars, so start with them.",
            because,
        )


def _share(some: set[str], every: set[str]) -> str:
    return f"{len(some)} of {len(every)} namespaces" if some < every else "every namespace"


def _lead(some: set[str], every: set[str]) -> str:
    return f"No waypoint is needed in {_share(some, every)}" if some < every else "No namespace needs a waypoint"


def _ids(findings: Iterable[Finding], *prefixes: str) -> tuple[str, ...]:
    return tuple(sorted({each.rule for each in findings if each.rule.startswith(prefixes)}))
