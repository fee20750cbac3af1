"""Header changes, rewrites and redirects of a VirtualService as filters of an HTTPRoute."""

from __future__ import annotations

import re
from typing import Any

from ambimigrate.converters.conditions import ANY, EVERYTHING, EXACT, PREFIX, REGEX, Test
from ambimigrate.converters.outcome import Account, Refused
from ambimigrate.kinds.routes import HeaderOperations, Headers, HTTPRedirect, HTTPRewrite
from ambimigrate.model import Route

_HOSTNAME = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*")
_BACKSLASH_DIGIT = re.compile(r"\\[0-9]")
_MOST = 16  # entries of a list in a header filter
_AUTHORITY = frozenset({"host", ":authority"})
CODES = frozenset({301, 302, 303, 307, 308})

Filter = dict[str, Any]


def modifiers(headers: Headers | None, route: Route, account: Account) -> list[Filter]:
    """RequestHeaderModifier and ResponseHeaderModifier for one level of header operations."""
    if headers is None:
        return []
    found = []
    for kind, field, own in (("Request", "request", headers.request), ("Response", "response", headers.response)):
        if own is not None and (lists := operations(own, (*route, field), account)):
            found.append({"type": f"{kind}HeaderModifier", f"{field}HeaderModifier": lists})
    return found


def operations(own: HeaderOperations, route: Route, account: Account) -> dict[str, Any]:
    """`set`, `add` and `remove` as lists; Istio applies removes, then sets, then adds on both sides."""
    lists: dict[str, Any] = {}
    for name, pairs in (("set", own.set), ("add", own.add)):
        entries = [_entry(header, value, (*route, name, header)) for header, value in pairs.items()]
        account.carry((*route, name))
        if entries := [each for each in entries if each["value"]]:  # Envoy skips an empty value
            lists[name] = entries
    account.carry((*route, "remove"))
    if own.remove:
        lists["remove"] = list(own.remove)
    for name, entries in lists.items():
        lower = [(each if name == "remove" else each["name"]).lower() for each in entries]
        if len(lower) > _MOST or len(set(lower)) < len(lower):
            raise Refused("headers", (*route, name), f"a header filter holds at most {_MOST} different names in {name}")
    return lists


def _entry(name: str, value: str, route: Route) -> dict[str, str]:
    if name.lower() in _AUTHORITY:
        raise Refused("headers", route, "it changes the authority; write rewrite.authority instead")
    if name.startswith(":"):
        raise Refused("headers", route, f"{name} is no header that an HTTPRoute may change")
    if "%" in value:
        raise Refused("headers", route, f"the value {value!r} is computed by the proxy, which is the waypoint then")
    if value != value.strip() or not value.isprintable() or len(value) > 4096:
        raise Refused("headers", route, f"the value of {name} does not fit into an HTTPRoute")
    return {"name": name, "value": value}


def is_hostname(text: str) -> bool:
    """Whether the Gateway API takes the text for a precise host name."""
    return len(text) <= 253 and bool(_HOSTNAME.fullmatch(text)) and not re.fullmatch(r"[0-9.]+", text)


def rewrite(own: HTTPRewrite, path: Test, route: Route, account: Account) -> Filter | None:
    """URLRewrite for entries with this path; None if it changes nothing."""
    if own.uri_regex_rewrite is not None:
        raise Refused("rewrite", (*route, "uriRegexRewrite"), "an HTTPRoute cannot rewrite by a pattern")
    account.carry(route, "uri", "authority")
    found: dict[str, Any] = {}
    if own.authority:
        if not is_hostname(own.authority):
            raise Refused("rewrite", (*route, "authority"), f"{own.authority!r} is no lower-case DNS name without port")
        found["hostname"] = own.authority
    if own.uri and (changed := _path(own.uri, path, (*route, "uri"))):
        found["path"] = changed
    return {"type": "URLRewrite", "urlRewrite": found} if found else None


def _path(to: str, path: Test, route: Route) -> dict[str, str] | None:
    if path.kind in {EXACT, REGEX} or path.text == EVERYTHING:
        if _BACKSLASH_DIGIT.search(to) or "?" in to:
            raise Refused("rewrite", route, f"{to!r} is no plain path")
        return {"type": "ReplaceFullPath", "replaceFullPath": to}
    prefix = "/" if path.kind == ANY else path.text
    if to == prefix:
        return None
    if path.kind == PREFIX and not path.fold and prefix.endswith("/") and to.endswith("/") and prefix != "/":
        return {"type": "ReplacePrefixMatch", "replacePrefixMatch": to.rstrip("/") or "/"}
    left = prefix if prefix.endswith("/") else f"{prefix}x"
    became = to + left[len(prefix) :] if not prefix.endswith("/") else to
    reason = f"prefix {prefix} to {to} replaces text, an HTTPRoute replaces path elements"
    raise Refused("rewrite", route, reason, f"GET {left}… becomes {became}… in the sidecar, which no HTTPRoute does")


def redirect(own: HTTPRedirect, port: int, route: Route, account: Account) -> Filter:
    """RequestRedirect that writes the same Location; `port` is the one of the Service."""
    account.carry(route, "uri", "authority", "scheme", "port", "derivePort", "redirectCode")
    if own.prefix_rewrite:
        raise Refused("redirect", (*route, "prefixRewrite"), "an HTTPRoute replaces path elements, not text")
    if own.redirect_code not in CODES:
        raise Refused("redirect", (*route, "redirectCode"), f"an HTTPRoute cannot answer {own.redirect_code}")
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
    return {"type": "RequestRedirect", "requestRedirect": found | {"statusCode": own.redirect_code}}


def _target_path(uri: str, route: Route) -> dict[str, str]:
    if not uri.startswith("/") or any(each in uri for each in "?%#\\"):
        raise Refused("redirect", route, f"{uri!r} is no plain path")
    return {"type": "ReplaceFullPath", "replaceFullPath": uri}


def _port(own: HTTPRedirect, written_port: str, port: int, route: Route) -> int | None:
    """Istio writes the Service port where neither scheme nor port is given, and leaves port 80 without scheme away."""
    if own.derive_port not in {None, "FROM_REQUEST_PORT", "FROM_PROTOCOL_DEFAULT"}:
        raise Refused("redirect", (*route, "derivePort"), f"derivePort {own.derive_port} is unknown")
    if own.derive_port == "FROM_PROTOCOL_DEFAULT":
        raise Refused("redirect", (*route, "derivePort"), "an HTTPRoute cannot ask for the default port of the protocol")
    if written_port and (own.port or own.derive_port):
        raise Refused("redirect", (*route, "authority"), "the authority names a port beside the field port")
    number = int(written_port) if written_port else own.port or (port if own.derive_port else None)
    if number is None:
        return None if own.scheme else 80
    if own.scheme and number == {"http": 80, "https": 443}[own.scheme] and not own.authority:
        raise Refused("redirect", route, "the default port of the scheme counts as not given, the caller's port then stays")
    return number
