"""Requests at the boundaries of every condition: what just fits, what just does not, and mixtures of both.

For a literal path L: L, L/, Lx, L/x, L without its last character, L in another case; for a header or query parameter: absent,
empty, the literal, the literal and x, repeated; usual and unknown methods; the Host header with and without port.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Iterable, Iterator
from itertools import zip_longest
from random import Random
from typing import Any

from msgspec.structs import replace

from ambimigrate.model import Mesh, Resource
from ambimigrate.semantics.decision import Header, Headers
from ambimigrate.topology import hosts
from ambimigrate.verify import places
from ambimigrate.verify.shapes import Shape, shapes
from ambimigrate.verify.values import Ask, Place, Settings

METHODS = ("GET", "POST", "DELETE", "PURGE")
_DIRECT = 60  # how many of them are also sent to the address of a pod, where there are policies
REPLY = (("x-answer", "1"),)


def asked(before: Mesh, after: Mesh, place: Place, settings: Settings) -> tuple[Ask, ...]:
    """The requests for a port, always the same ones for the same input and seed."""
    looked_for = _shapes(before, after, place)
    if not place.is_http:
        servers = dict.fromkeys(("", place.host, *(each.host for each in looked_for)))
        if any(places.is_tls_outside(mesh, place) for mesh in (before, after)):
            del servers[""]
        return (*(Ask("", "", name) for name in servers), Ask("", "", direct=True))
    chosen = around(place, looked_for, settings)
    reply = replies(looked_for)
    own = (*names(place), *short_names(place))
    made = tuple(replace(each, reply=reply, foreign=each.host.lower() not in own) for each in chosen)
    return made + tuple(replace(each, direct=True) for each in made[: _DIRECT if _has_policies(before, after, place) else 1])


def replies(looked_for: Iterable[Shape]) -> Headers:
    """What backends answer with: a header of their own, and those that somebody changes."""
    changed = dict.fromkeys(name for each in looked_for for name in each.reply)
    return (*REPLY, *((name, "from-backend") for name in changed))


def around(place: Place, looked_for: list[Shape], settings: Settings) -> list[Ask]:
    """The user's own requests, those near the conditions, and mixtures, as many as the settings say."""
    mixed = Random(f"{settings.seed}/{place.host}:{place.port}")
    near = list(dict.fromkeys(_in_turn([_plain(place), *(_around(place, each) for each in looked_for)])))
    room = settings.requests - settings.requests // 5  # the rest is for mixtures
    crossed = _crossed(place, looked_for, mixed, settings.requests)
    given = [each for each in settings.own if each.host.lower() in (*names(place), *short_names(place))]
    return given + list(dict.fromkeys((*near[:room], *crossed, *near[room:])))[: settings.requests]


def _has_policies(before: Mesh, after: Mesh, place: Place) -> bool:
    return any(places.policies(mesh, place) for mesh in (before, after))


def unknown_patterns(mesh: Mesh, place: Place) -> Iterator[tuple[Resource[Any], str]]:
    """The objects with a pattern for which no request was made."""
    for resource in (*places.routing(mesh, place), *places.policies(mesh, place)):
        yield from ((resource, each.unknown) for each in shapes(mesh, resource) if each.unknown)


def _shapes(before: Mesh, after: Mesh, place: Place) -> list[Shape]:
    objects = [(mesh, each) for mesh in (before, after) for each in places.routing(mesh, place)]
    objects += [(mesh, each) for mesh in (before, after) for each in places.policies(mesh, place)]
    found = list(dict.fromkeys(shape for mesh, each in objects for shape in shapes(mesh, each)))
    return [each for each in found if not (each.issuers or each.claims)] + _with_tokens(found)


def _with_tokens(found: list[Shape]) -> list[Shape]:
    """Requests with tokens of every issuer that is believed or named, with the claims that policies ask for."""
    issuers = dict.fromkeys(issuer for each in found for issuer in each.issuers)
    claims = dict.fromkeys(((), *(each.claims for each in found)))
    tokens = (_token(issuer, each) for issuer in issuers for each in claims)
    return [Shape(headers=(("authorization", f"Bearer {token}"),)) for token in tokens]


def _token(issuer: str, claims: Headers) -> str:
    """A token without a signature: evaluators are told to take it as signed."""
    body = {"iss": issuer, "sub": "somebody", **dict(claims)}
    parts = (json.dumps(each, separators=(",", ":")).encode() for each in ({"alg": "none"}, body))
    return ".".join(base64.urlsafe_b64encode(each).decode().rstrip("=") for each in parts) + "."


def names(place: Place) -> tuple[str, ...]:
    """The Host headers that mean the place itself, in lower case."""
    if not place.host.endswith(f".{hosts.DOMAIN}"):
        plain: tuple[str, ...] = (place.host,)
    else:
        name = place.host.partition(".")[0]
        plain = (place.host, f"{name}.{place.namespace}", f"{name}.{place.namespace}.svc")
    return (*plain, *(f"{each}:{place.port}" for each in plain))


def short_names(place: Place) -> tuple[str, ...]:
    """The Host headers that mean the place to callers of its own namespace alone."""
    name, _, domain = place.host.partition(".")
    return (name, f"{name}:{place.port}") if domain.endswith(f"svc.{hosts.DOMAIN.partition('.')[2]}") else ()


def _plain(place: Place) -> Iterator[Ask]:
    base = Ask(host=place.host)
    yield base
    yield replace(base, path="/no-such-path")
    yield from (replace(base, host=name) for name in (f"{place.host}:{place.port}", *names(place)[1:3]))
    yield from (replace(base, method=method) for method in METHODS[1:])


def _around(place: Place, shape: Shape) -> Iterator[Ask]:
    """The request that fits, then those that differ from it in one thing."""
    whole = _made(place, shape)
    yield whole
    yield from (_made(place, replace(shape, path=path)) for path in _paths(shape.path))
    yield from (_made(place, replace(shape, headers=each)) for each in _lines(shape.headers))
    yield from (_made(place, replace(shape, query=each)) for each in _lines(shape.query))
    yield from (_made(place, replace(shape, headers=shape.headers + lines)) for lines in _lines(shape.without))
    if shape.without:
        yield _made(place, replace(shape, headers=shape.headers + shape.without))
    yield from (replace(whole, method=each) for each in METHODS)
    yield from (replace(whole, host=each) for each in (f"{place.host}:{place.port}", place.host))
    if "." in whole.host:
        yield replace(whole, host=whole.host.upper())


def _made(place: Place, shape: Shape) -> Ask:
    query = "&".join(f"{name}={value}" for name, value in shape.query)
    path = (shape.path or "/") + (f"?{query}" if query else "")
    return Ask(shape.method or "GET", path, shape.host or place.host, shape.headers)


def _paths(path: str) -> tuple[str, ...]:
    if not path or path == "/":
        return ("/", "/x", "/x/")
    found = (f"{path}/", f"{path}x", f"{path}/x", path[:-1], path.swapcase(), "/")
    return tuple(each for each in found if each.startswith("/"))


def _lines(conditions: Headers) -> Iterator[Headers]:
    """Each of the lines absent, empty, longer, in another case, and repeated."""
    for index, (name, value) in enumerate(conditions):
        before, after = conditions[:index], conditions[index + 1 :]
        yield before + after
        for other in ("", f"{value}x", value.swapcase()):
            yield (*before, (name, other), *after)
        yield (*before, (name, value), (name, f"{value}x"), *after)
        yield (*before, (name, f"{value}x"), (name, value), *after)


def _crossed(place: Place, found: list[Shape], mixed: Random, limit: int) -> Iterator[Ask]:
    """Conditions of different matches in one request, as many as there is room for."""
    paths = list(dict.fromkeys(each for shape in found for each in (shape.path, *_paths(shape.path)) if each)) or ["/"]
    headers: list[Header | None] = [None, *dict.fromkeys(each for shape in found for each in (*shape.headers, *shape.without))]
    query: list[Header | None] = [None, *dict.fromkeys(each for shape in found for each in shape.query)]
    methods = ["GET", *METHODS, *dict.fromkeys(shape.method for shape in found if shape.method)]
    if len(paths) * len(headers) * len(query) * len(found) <= 1:
        return
    for _ in range(2 * limit):
        some = tuple(dict.fromkeys(each for each in (mixed.choice(headers), mixed.choice(headers)) if each))
        other = tuple(each for each in (mixed.choice(query),) if each)
        yield _made(place, Shape(mixed.choice(paths), mixed.choice(methods), "", some, other))


def _in_turn(lists: Iterable[Iterator[Ask]]) -> Iterator[Ask]:
    """The first of each, then the second of each, …: what is cut off at the end is least."""
    for row in zip_longest(*lists):
        yield from (each for each in row if each is not None)
