"""Requests at the boundaries of what random objects ask for, and the comparison of all who decide about them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from random import Random
from typing import Any

from msgspec.structs import replace

from ambimigrate.changes import Stage
from ambimigrate.convert import Conversion, after
from ambimigrate.model import Mesh
from ambimigrate.semantics import registry, retry, sidecar_connections, waypoint_connections
from ambimigrate.semantics.chain import chain_of
from ambimigrate.semantics.connections import Connection
from ambimigrate.semantics.decision import Client, Headers, Request
from ambimigrate.versions import Version
from tests.oracle import worlds
from tests.oracle.matches import NAMES, PATHS, VALUES

METHODS = ("GET", "GET", "GET", "POST", "OPTIONS", "PURGE", "P")
LINES = (None, None, "", *VALUES, "1x", "On", "x")
QUERIES = ("", "", "", "?q", "?q=", "?q=1", "?q=12", "?q=x&q=1", "?q=1&q=x", "?Q=1", "?q=on%20")
ORIGINS = ("https://a.example", "https://x.b.example", "https://x1.b.example", "http://evil.example", "null")
CALLERS = (Client("shop", (("app", "other"), ("version", "v1"))), Client("web"))
REPLY = (("x-b", "1"), ("x-s", "own"))
CALL = re.compile(r"/[^/]+/[^/]+")  # what a gRPC client sends; it needs no guard for /service alone (R21)
FEW = 48  # requests that are also sent through the stages before the end


def paths() -> list[str]:
    """For a literal L: L, L/, Lx, L/x, L without its last character, L in another case; and what ends patterns."""
    around = [each for path in PATHS for each in (path, f"{path}/", f"{path}x", f"{path}/x", path[:-1], path.swapcase())]
    return [*dict.fromkeys(each for each in (*around, "/a/12", "/a/12/", "/other", "/c//x") if each.startswith("/"))]


def asked(random: Random, host: str, port: int, *, is_grpc: bool = False) -> Iterator[Request]:
    """Each path three times, each time with other conditions."""
    full = worlds.full(host)
    names = [full, f"{full}:{port}"]
    names += [f"{host}.shop", f"{host}.shop:{port}", full.upper()] if host != full else []
    for path in paths() * 3:
        method = random.choice(METHODS)
        if not is_grpc or (method == "POST" and CALL.fullmatch(path)):
            yield Request(full, port, method, path + random.choice(QUERIES), random.choice(names), headers(random), reply=REPLY)


def headers(random: Random) -> Headers:
    found = tuple((name.lower(), line) for name in NAMES if (line := random.choice(LINES)) is not None)
    if random.random() < 0.15:
        found += ((random.choice(NAMES).lower(), random.choice(VALUES)),)
    if random.random() < 0.15:
        found += (("origin", random.choice(ORIGINS)), ("access-control-request-method", "GET"))
    return found + ((("x-c", random.choice(VALUES)),) if random.random() < 0.1 else ())


def places(mesh: Mesh) -> Iterator[tuple[str, int, str]]:
    """Host, port, and the protocol that its name declares; new Services were called by nobody."""
    for entry in registry.entries(mesh).values():
        name = entry.host.removesuffix(f".{worlds.SHOP}.svc.cluster.local")
        for port in entry.owner.body.spec.ports:
            yield name, getattr(port, "port", 0) or getattr(port, "number", 0), port.name.partition("-")[0]


def disagreement(mesh: Mesh, conversion: Conversion, random: Random) -> str:
    """Who decides otherwise than the sidecars of callers did, with the request; "" if all agree."""
    stages = _stages(mesh, conversion)
    for host, port, protocol in places(mesh):
        if protocol == "tcp":
            found = _connections(mesh, stages, worlds.full(host), port)
        else:
            found = _each(mesh, stages, list(asked(random, host, port, is_grpc=protocol == "grpc")), random)
        if first := next(filter(None, found), ""):
            return first
    return ""


def _each(mesh: Mesh, stages: dict[str, Mesh], requests: list[Request], random: Random) -> Iterator[str]:
    sample = set(random.sample(range(len(requests)), min(FEW, len(requests))))
    for number, request in enumerate(requests):
        before, *others = [worlds.plain(worlds.by_sidecar(mesh, request, each)) for each in CALLERS]
        if any(each != before for each in others):
            yield f"callers differ before: {request}"
        for stage, found in _later(mesh, stages, request, every=number in sample):
            if found != before:
                yield f"{stage}: {request}\n  {before}\n  {found}"


def _stages(mesh: Mesh, conversion: Conversion) -> dict[str, Mesh]:
    """Only the end differs from what is before where nothing is retired."""
    found = worlds.at_stages(mesh, conversion)
    return (
        found
        if any(each.stage is Stage.retire for each in conversion.changes)
        else {"retired": after(mesh, conversion.changes)}
    )


def _later(mesh: Mesh, stages: dict[str, Mesh], request: Request, *, every: bool) -> Iterator[tuple[str, Any]]:
    yield "waypoint, retired", at_destination(mesh, stages["retired"], request)
    for name in ("bound", "both") if every and len(stages) > 1 else ():
        yield f"waypoint, {name}", at_destination(mesh, stages[name], request)
    for each in CALLERS if every and len(stages) > 1 else ():
        yield f"sidecar of {each.namespace}, both", worlds.plain(worlds.by_sidecar(stages["both"], request, each))


def at_destination(mesh: Mesh, end: Mesh, request: Request, release: Version | None = None) -> Any:
    """The decision of the waypoint; where there is none nobody retries for the client as a sidecar does by default (2.9)."""
    found = worlds.by_waypoint(end, request, release)
    default = retry.mesh_default(end)
    if chain_of(end, request.to, request.port) is None and default is not None:
        own = worlds.by_sidecar(mesh, request).retries
        found = replace(found, retries=replace(default, other_hosts=own.other_hosts if own else default.other_hosts))
    return worlds.plain(found)


def _connections(mesh: Mesh, stages: dict[str, Mesh], host: str, port: int) -> Iterator[str]:
    for connection in (Connection(host, port, sni) for sni in ("", host, "x.example")):
        before = [worlds.plain(sidecar_connections.decide(mesh, each, connection)) for each in CALLERS]
        for name, end in stages.items():
            found = worlds.plain(waypoint_connections.decide(end, connection))
            if any(each != found for each in before):
                yield f"waypoint, {name}: {connection}\n  {before}\n  {found}"
