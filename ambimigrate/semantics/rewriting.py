"""Paths rewritten and locations written, as Envoy does both."""

from __future__ import annotations

from ambimigrate.semantics.envoy import Match, PrefixRewrite, Redirect, RegexRewrite, Rewrite
from ambimigrate.semantics.mutation import Message
from ambimigrate.semantics.paths import split
from ambimigrate.semantics.strings import Elements, Prefix, expression


def path(match: Match, rewrite: Rewrite | None, text: str) -> str:
    """The path after the rewrite of a route that matched it; the query survives."""
    plain, query = split(text)
    match rewrite:
        case PrefixRewrite(value):
            rest = plain[len(match.path.value) :] if isinstance(match.path, Prefix | Elements) else ""
            return value + rest + query
        case RegexRewrite(pattern, substitution):
            compiled = expression(pattern)
            return (compiled.sub(substitution, plain) if compiled else plain) + query
        case None:
            return text


def location(match: Match, redirect: Redirect, asked: Message) -> str:
    """Envoy, source/common/router/config_impl.cc `newUri`."""
    scheme = redirect.scheme or asked.scheme
    port = f":{redirect.port}" if redirect.port else ""
    host = redirect.host or _host(asked, scheme, has_port=bool(port))
    return f"{scheme}://{host}{port}{_target(match, redirect, asked.path)}"


def _target(match: Match, redirect: Redirect, text: str) -> str:
    if redirect.rewrite is not None:
        return path(match, redirect.rewrite, text)
    if not redirect.path:
        return text
    return redirect.path if "?" in redirect.path else redirect.path + split(text)[1]


def _host(asked: Message, scheme: str, *, has_port: bool) -> str:
    """The Host header, without its port where another is written or it was the default of a scheme that changes."""
    name, colon, port = asked.host.rpartition(":")
    if not colon or not port.isdigit():
        return asked.host
    default = {"http": "80", "https": "443"}.get(asked.scheme)
    return name if has_port or (scheme != asked.scheme and port == default) else asked.host
