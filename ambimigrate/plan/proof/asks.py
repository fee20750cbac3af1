"""What is asked of the Services of a namespace: one request for each class that no policy tells apart."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from msgspec import Struct

from ambimigrate.kinds import AuthorizationPolicy, RequestAuthentication, Service
from ambimigrate.kinds.security import Rule
from ambimigrate.model import Mesh, Resource
from ambimigrate.semantics.authz import paths, settings
from ambimigrate.semantics.authz.strings import fits
from ambimigrate.semantics.decision import Received
from ambimigrate.verify import places, requests
from ambimigrate.verify.values import Ask, Place, Settings

_EFFORT = Settings(requests=24)
Wanted = tuple[Place, Resource[Service], tuple[Ask, ...]]


class Lists(Struct, frozen=True):
    """The lists of values in policies, by what of a request they are compared with."""

    methods: tuple[tuple[str, ...], ...]
    paths: tuple[tuple[str, ...], ...]
    hosts: tuple[tuple[str, ...], ...]
    reads_headers: bool
    normalisation: str


NOTHING = Lists((), (), (), reads_headers=False, normalisation=paths.NONE)


def wanted(before: Mesh, end: Mesh, own: Iterable[Place]) -> Iterator[Wanted]:
    """The requests for each place that is a Service's, in the parts of the mesh that decide about them."""
    told = _joined(lists(before), lists(end))
    for place in own:
        service = places.service(before, place) or places.service(end, place)
        if service is None:
            continue
        asked = requests.asked(before, end, place, _EFFORT)
        routed = any(places.routing(mesh, place) for mesh in (before, end))
        yield place, service, asked if routed or not place.is_http else _one_each(asked, told)


def _one_each(asked: Iterable[Ask], told: Lists) -> tuple[Ask, ...]:
    found: dict[Any, Ask] = {}
    for each in asked:
        key = _asked(each, told)
        if key not in found or each.size < found[key].size:
            found[key] = each
    return tuple(found.values())


def _asked(ask: Ask, told: Lists) -> tuple[Any, ...]:
    """Equal for requests that every list treats alike; a Host that means something else is routed elsewhere."""
    return ask.direct, ask.host if ask.foreign or "." not in ask.host else "", signature(ask, told)


def signature(ask: Ask | Received, told: Lists) -> tuple[Any, ...]:
    """Equal for requests that every list treats alike."""
    path = paths.without_query(paths.normalised(ask.path, told.normalisation))
    host = ask.host.lower()
    return (
        ask.headers if told.reads_headers else (),
        tuple(any(fits(value, ask.method) for value in each) for each in told.methods),
        tuple(any(_fits_path(value, path) for value in each) for each in told.paths),
        tuple(any(fits(value.lower(), host) for value in each) for each in told.hosts),
    )


def _fits_path(value: str, path: str) -> bool:
    return paths.fits_template(value, path) if paths.is_template(value) else fits(value, path)


def lists(mesh: Mesh, names: Iterable[str] | None = None) -> Lists:
    """The lists in the policies of a mesh, or of some namespaces of it."""
    tokens = mesh.of(RequestAuthentication) if names is None else mesh.within(RequestAuthentication, *sorted(names))
    policies = mesh.of(AuthorizationPolicy) if names is None else mesh.within(AuthorizationPolicy, *sorted(names))
    rules = [rule for each in policies for rule in each.body.spec.rules or ()]
    found = [each.operation for rule in rules for each in rule.to if each.operation is not None]
    return Lists(
        tuple(dict.fromkeys(each for one in found for each in (one.methods, one.not_methods) if each)),
        tuple(dict.fromkeys(each for one in found for each in (one.paths, one.not_paths) if each)),
        tuple(dict.fromkeys(each for one in found for each in (one.hosts, one.not_hosts) if each)),
        bool(tokens) or any(map(_reads_headers, rules)),
        settings.normalisation(mesh),
    )


def _joined(one: Lists, other: Lists) -> Lists:
    return Lists(
        tuple(dict.fromkeys((*one.methods, *other.methods))),
        tuple(dict.fromkeys((*one.paths, *other.paths))),
        tuple(dict.fromkeys((*one.hosts, *other.hosts))),
        one.reads_headers or other.reads_headers,
        one.normalisation,
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
