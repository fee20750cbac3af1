"""What plays a part in the traffic and is not compared, object by object with the reason."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from ambimigrate.kinds import EnvoyFilter, Service, WasmPlugin
from ambimigrate.model import Mesh, Ref, Resource
from ambimigrate.topology.workloads import behind
from ambimigrate.verify import places, requests, unchecked_gateways
from ambimigrate.verify.values import Unchecked

_KINDS: dict[type, str] = {
    EnvoyFilter: "EnvoyFilters change proxies in ways that are not evaluated",
    WasmPlugin: "WasmPlugins are programs, which are not evaluated",
}


def unchecked(before: Mesh, after: Mesh) -> Iterator[Unchecked]:
    """Nothing for meshes that hold the same objects: what is not evaluated is the same, too."""
    if same(before, after):
        return
    seen: set[tuple[Ref, str]] = set()
    for each in (*_of(before), *_of(after)):
        key = (each.object, each.because)
        if key not in seen:
            seen.add(key)
            yield each


def same(before: Mesh, after: Mesh) -> bool:
    """Whether both meshes hold equal objects for an equal target."""
    one, other = (sorted(_plain(mesh.resources), key=lambda pair: pair[0]) for mesh in (before, after))
    return before.target == after.target and one == other


def _plain(resources: Iterable[Resource[Any]]) -> list[tuple[str, Any]]:
    return [(f"{each.ref} {each.ref.group} {each.body!r}", each.body) for each in resources]


def _of(mesh: Mesh) -> Iterator[Unchecked]:
    for resource in mesh.resources:
        if because := _KINDS.get(type(resource.body)):
            yield _made(mesh, resource, because)
    yield from (_made(mesh, resource, because) for resource, because in unchecked_gateways.reasons(mesh))
    yield from _without_pods(mesh)
    for place in places.places(mesh, mesh):
        for resource, pattern in requests.unknown_patterns(mesh, place):
            yield _made(mesh, resource, f"no request is known that the pattern {pattern} matches")


def _without_pods(mesh: Mesh) -> Iterator[Unchecked]:
    for service in mesh.of(Service):
        if service.body.spec.selector and not behind(mesh, service):
            yield _made(mesh, service, "its pods are not in the input, so who may call them is not compared")


def _made(mesh: Mesh, resource: Resource[Any], because: str) -> Unchecked:
    return Unchecked(mesh.name, resource.ref, resource.at(), because)
