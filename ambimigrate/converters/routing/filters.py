"""Rewrites and redirects of a VirtualService as filters of an HTTPRoute."""

from __future__ import annotations

import re
from typing import Any

from ambimigrate.converters.outcome import Account, Refused
from ambimigrate.converters.routing.conditions import Condition
from ambimigrate.converters.routing.context import Context
from ambimigrate.converters.routing.strings import ANY, EVERYTHING, EXACT, PREFIX, REGEX, Test
from ambimigrate.converters.routing.witnesses import Shown
from ambimigrate.kinds.routes import HTTPRedirect, HTTPRewrite
from ambimigrate.model import Route
from ambimigrate.versions import Version, at_least

_HOSTNAME = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*")
_MENDED = "1.33.0"  # up to 1.32 Istio puts the new text before the path without its first slash (istio#54920, istio#60182)
_BACKSLASH_DIGIT = re.compile(r"\\[0-9]")

Filter = dict[str, Any]


def is_hostname(text: str) -> bool:
    """Whether the Gateway API takes the text for a precise host name."""
    return len(text) <= 253 and bool(_HOSTNAME.fullmatch(text)) and not re.fullmatch(r"[0-9.]+", text)


def rewrite(own: HTTPRewrite | None, authority: str, path: Test, route: Route, context: Context) -> Filter | None:
    """URLRewrite for entries with this path, and to this authority; None if it changes nothing."""
    found: dict[str, Any] = {"hostname": authority} if authority else {}
    if own is not None:
        context.account.carry(route, "uri", "authority", "uriRegexRewrite")
        field = "uri" if own.uri else "uriRegexRewrite"
        to = own.uri or _by_pattern(own, path, (*route, field))
        if to and (changed := _path(to, path, (*route, field), context.target.istio)):
            found["path"] = changed
    return {"type": "URLRewrite", "urlRewrite": found} if found else None


def _by_pattern(own: HTTPRewrite, path: Test, route: Route) -> str:
    """What `^/p/(.*)$` to `/q/\\1` puts in place of the prefix `/p/` that the entry asks for; no other pattern has a form."""
    if own.uri_regex_rewrite is None:
        return ""
    shape = re.fullmatch(
        r"\^?(?P<prefix>(?:[^\\.+*?()|\[\]{}^$]|\\[.+*?()|\[\]{}^$\\])*/)\(\.\*\)\$?", own.uri_regex_rewrite.match
    )
    prefix = re.sub(r"\\(.)", r"\1", shape["prefix"]) if shape else None
    to = re.fullmatch(r"(?P<to>[^\\]*/)\\1", own.uri_regex_rewrite.rewrite)
    if to is None or path != Test(PREFIX, prefix or ""):
        raise Refused("rewrite", route, "an HTTPRoute cannot rewrite by a pattern")
    return to["to"]


def _path(to: str, path: Test, route: Route, istio: Version) -> dict[str, str] | None:
    if path.kind in {EXACT, REGEX} or path.text == EVERYTHING:
        if _BACKSLASH_DIGIT.search(to) or "?" in to:
            raise Refused("rewrite", route, f"{to!r} is no plain path")
        return {"type": "ReplaceFullPath", "replaceFullPath": to}
    prefix = "/" if path.kind == ANY else path.text
    if to == prefix and not path.fold:
        return None
    is_elements = prefix.endswith("/") and to.endswith("/") and not to.endswith("//")
    if path.kind == PREFIX and not path.fold and is_elements and prefix != "/":
        return {"type": "ReplacePrefixMatch", "replacePrefixMatch": to.rstrip("/") or "/"}
    if prefix == "/" and to.startswith("/") and not to.endswith("/") and not at_least(istio, _MENDED):
        return {"type": "ReplacePrefixMatch", "replacePrefixMatch": to}
    reason = f"prefix {prefix} to {to} replaces text, an HTTPRoute replaces path elements"
    needs = Condition(path=Test(EXACT, f"{prefix}x"))
    case = "rewrite-text" if path.kind == PREFIX and not path.fold and prefix != "/" else "rewrite"
    raise Shown(case, route, reason, needs, f"becomes {to}x in the sidecar, which no HTTPRoute does")


def redirect(own: HTTPRedirect, port: int, route: Route, account: Account) -> Filter:
    """RequestRedirect that writes the same Location; `port` is the one of the Service."""
    account.carry(route, "uri", "authority", "scheme", "port", "derivePort", "redirectCode")
    if own.prefix_rewrite:
        raise Refused("redirect", (*route, "prefixRewrite"), "an HTTPRoute replaces path elements, not text")
    found: dict[str, Any] = {"scheme": own.scheme} if own.scheme else {}
    if own.scheme not in {"", "http", "https"}:
        raise Refused("redirect", (*route, "scheme"), f"an HTTPRoute redirects to http or https, not {own.scheme}")
    host, _, written_port = own.authority.partition(":")
    if own.authority:
        if not is_hostname(host) or (written_port and not written_port.isdigit()):
            raise Refused("redirect", (*route, "authority"), f"{own.authority!r} is no lower-case DNS name")
        found["hostname"] = host
    if own.uri:
        found["path"] = _target_path(own.uri, (*route, "uri"))
    if (number := _port(own, written_port, port, route)) is not None:
        found["port"] = number
    return {"type": "RequestRedirect", "requestRedirect": found | {"statusCode": own.redirect_code or 301}}


def _target_path(uri: str, route: Route) -> dict[str, str]:
    if not uri.startswith("/") or any(each in uri for each in "?%#\\"):
        raise Refused("redirect", route, f"{uri!r} is no plain path")
    return {"type": "ReplaceFullPath", "replaceFullPath": uri}


def _port(own: HTTPRedirect, written_port: str, port: int, route: Route) -> int | None:
    """Istio writes the Service port where neither scheme nor port is given, and leaves port 80 without scheme away.

    The default port of the scheme counts as not given, in a VirtualService and in an HTTPRoute; FROM_PROTOCOL_DEFAULT says
    nothing (route.go `ApplyRedirect`). A port that stands in the authority is written whatever it is.
    """
    if own.derive_port not in {None, "FROM_REQUEST_PORT", "FROM_PROTOCOL_DEFAULT"}:
        raise Refused("redirect", (*route, "derivePort"), f"derivePort {own.derive_port} is unknown")
    number = own.port or (port if own.derive_port == "FROM_REQUEST_PORT" else None)
    usual = {"": 80, "http": 80, "https": 443}[own.scheme]
    if written_port:
        if number not in {None, usual} or int(written_port) == usual:
            reason = f"the authority {own.authority} names a port that an HTTPRoute would not write so"
            raise Refused("redirect", (*route, "authority"), reason)
        return int(written_port)
    if number in {None, usual}:
        return None if own.scheme else 80
    return number
