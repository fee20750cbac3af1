"""What is asked of the Services of a namespace: one request for each class that no policy tells apart."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from msgspec import Struct

from ambimigrate.kinds import AuthorizationPolicy, RequestAuthentication, Service
from ambimigrate.kinds.security import Rule
from ambimigrate.model import Mesh, Resource
from ambimigrate.semantics.authz import paths
from ambimigrate.semantics.authz.strings import fits
from ambimigrate.verify import places, requests
from ambimigrate.verify.values import Ask, Place, Settings

_EFFORT = Settings(requests=24)
Wanted = tuple[Place, Resource[Service], tuple[Ask, ...]]


class _Lists(Struct, frozen=True):
    """The lists of values in policies, by what of a request they are compared with."""

    methods: tuple[tuple[str, ...], ...]
    paths: tuple[tuple[str, ...], ...]
    hosts: tuple[tuple[str, ...], ...]
    reads_headers: bool


def wanted(before: Mesh, end: Mesh, own: Iterable[Place]) -> Iterator[Wanted]:
    """The requests for each place that is a Service's, in the parts of the mesh that decide about them."""
    lists = _lists((before, end))
    for place in own:
        service = places.service(before, place) or places.service(end, place)
        if service is None:
            continue
        asked = requests.asked(before, end, place, _EFFORT)
        routed = any(places.routing(mesh, place) for mesh in (before, end))
        yield place, service, asked if routed or not place.is_http else _one_each(asked, lists)


def _one_each(asked: Iterable[Ask], lists: _Lists) -> tuple[Ask, ...]:
    found: dict[Any, Ask] = {}
    for each in asked:
        key = _signature(each, lists)
        if key not in found or each.size < found[key].size:
            found[key] = each
    return tuple(found.values())


def _signature(ask: Ask, lists: _Lists) -> tuple[Any, ...]:
    """Equal for requests that every list treats alike; a Host that means something else is routed elsewhere."""
    path = paths.without_query(ask.path)
    return (
        ask.direct,
        ask.host if ask.foreign or "." not in ask.host else "",
        ask.headers if lists.reads_headers else (),
        tuple(any(fits(value, ask.method) for value in each) for each in lists.methods),
        tuple(any(_fits_path(value, path) for value in each) for each in lists.paths),
        tuple(any(fits(value.lower(), ask.host.lower()) for value in each) for each in lists.hosts),
    )


def _fits_path(value: str, path: str) -> bool:
    return paths.fits_template(value, path) if paths.is_template(value) else fits(value, path)


def _lists(meshes: Iterable[Mesh]) -> _Lists:
    meshes = tuple(meshes)
    rules = [rule for mesh in meshes for each in mesh.of(AuthorizationPolicy) for rule in each.body.spec.rules or ()]
    found = [each.operation for rule in rules for each in rule.to if each.operation is not None]
    tokens = any(mesh.of(RequestAuthentication) for mesh in meshes)
    return _Lists(
        tuple(dict.fromkeys(each for one in found for each in (one.methods, one.not_methods) if each)),
        tuple(dict.fromkeys(each for one in found for each in (one.paths, one.not_paths) if each)),
        tuple(dict.fromkeys(each for one in found for each in (one.hosts, one.not_hosts) if each)),
        tokens or any(map(_reads_headers, rules)),
    )


def _reads_headers(rule: Rule) -> bool:
    """Also addresses from headers, and tokens, which are headers."""
    if any(not each.key.startswith(("source.", "destination.")) for each in rule.when):
        return True
    sources = (each.source for each in rule.from_ if each.source is not None)
    return any(
        (*each.request_principals, *each.not_request_principals, *each.remote_ip_blocks, *each.not_remote_ip_blocks)
        for each in sources
    )
