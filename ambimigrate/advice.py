"""Advice for the mesh as a whole: which situation it is in, and the findings that say so."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from msgspec import Struct

from ambimigrate.model import Finding, Mesh
from ambimigrate.topology import injection
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
    return tuple(_all(tuple(meshes), moving, tuple(findings)))


def _all(meshes: tuple[Mesh, ...], moving: list[Standing], findings: tuple[Finding, ...]) -> Iterator[Advice]:
    if not moving and any(injection.namespaces(mesh) for mesh in meshes):
        yield Advice(
            "No namespace has sidecars",
            "Install Istio with the ambient profile and label the namespaces; there is nothing to migrate.",
            (),
        )
    if several := _ids(findings, "MC"):
        yield Advice(
            "Several clusters",
            "Move the namespaces whose callers are all in one cluster first; ambient multi-network is beta from 1.29,"
            " and primary-remote is not supported.",
            several,
        )
    if machines := _ids(findings, "WE"):
        yield Advice(
            "Workloads on virtual machines",
            "Keep the machines and the namespaces that call them on sidecars; ztunnel calls them in plaintext.",
            machines,
        )
    yield from _extensions(moving, findings)
    yield from _layers(moving)


def _extensions(moving: list[Standing], findings: tuple[Finding, ...]) -> Iterator[Advice]:
    extended = [each for each in findings if each.rule[:2] in {"EF", "EX"}]
    spaces = {each.ref.namespace for each in extended}
    if moving and len(spaces) >= max(1, MANY * len({each.name for each in moving})):
        yield Advice(
            "Heavy use of EnvoyFilter or Wasm",
            "Replace them before anything else: each has to become a policy with targetRefs, a TrafficExtension or part of"
            " a route; leave these namespaces for last.",
            _ids(extended, "EF", "EX"),
        )


def _layers(moving: list[Standing]) -> Iterator[Advice]:
    moving = [each for each in moving if each.verdict not in {"wait", "unknown"}]  # of these nothing can be said yet
    if not moving:
        return
    needing = [each for each in moving if each.waypoint]
    all_names, names = {each.name for each in moving}, {each.name for each in needing}
    if len(names) * 2 > len(all_names):
        because = tuple(sorted({reason for each in needing if each.waypoint for reason in each.waypoint.because}))
        yield Advice(
            "Mostly HTTP rules",
            f"{len(names)} of {len(all_names)} namespaces need a waypoint: move clients before servers, and bind each waypoint"
            " before the first of its callers becomes ambient.",
            because,
        )
    else:
        yield Advice(
            "Mostly L4",
            f"{len(all_names - names)} of {len(all_names)} namespaces need no waypoint: start with those, they only lose"
            " their sidecars.",
            (),
        )


def _ids(findings: Iterable[Finding], *families: str) -> tuple[str, ...]:
    return tuple(sorted({each.rule for each in findings if each.rule[:2] in families}))
