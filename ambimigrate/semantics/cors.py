"""Envoy's CORS filter: the answer to a preflight, and the headers on every other response."""

from __future__ import annotations

from ambimigrate.semantics.decision import Headers
from ambimigrate.semantics.envoy import Cors
from ambimigrate.semantics.mutation import Message
from ambimigrate.semantics.strings import accepts

_METHOD = "access-control-request-method"
_ORIGIN = "access-control-allow-origin"


def preflight(cors: Cors, asked: Message) -> Headers | None:
    """The headers of the answer to a preflight, None if the request goes on; another origin is told everything but its name."""
    origin = _first(asked, "origin")
    if not origin or asked.method != "OPTIONS" or not _first(asked, _METHOD):
        return None
    if _allowed(cors, origin):
        return tuple(sorted(((_ORIGIN, origin), *cors.grants)))
    return None if cors.forwards else tuple(sorted(cors.grants))


def stamped(cors: Cors | None, asked: Message, response: Headers) -> Headers:
    """The response with the CORS headers in place of any of their names."""
    origin = _first(asked, "origin")
    if cors is None or not origin or not _allowed(cors, origin):
        return response
    mine = ((_ORIGIN, origin), *cors.exposes)
    names = {name for name, _ in mine}
    return (*(each for each in response if each[0] not in names), *mine)


def _allowed(cors: Cors, origin: str) -> bool:
    """A matcher that accepts `*` accepts every origin."""
    return any(accepts(each, "*") or accepts(each, origin) for each in cors.origins)


def _first(asked: Message, name: str) -> str:
    return next(iter(asked.values(name)), "")
