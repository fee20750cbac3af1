"""Rules of an HTTPRoute as those of a GRPCRoute, where each is for a method, for a gRPC service, or for everything."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Any

from ambimigrate.kinds.core import ServicePort

Rule = dict[str, Any]
Key = tuple[int, int, int]

_SERVICE = r"(?P<service>[A-Za-z_][A-Za-z_0-9]*(?:\.[A-Za-z_][A-Za-z_0-9]*)*)"  # Gateway API, GRPCMethodMatch
_METHOD = re.compile(rf"/{_SERVICE}/(?P<method>[A-Za-z_][A-Za-z_0-9]*)")
_WHOLE_SERVICE = re.compile(rf"/{_SERVICE}/")
_GUARD = re.compile(rf"/{_SERVICE}")
_KEPT = {"RequestHeaderModifier", "ResponseHeaderModifier", "RequestMirror"}
_PADDING = "(?:)"


def is_grpc(port: ServicePort) -> bool:
    """Whether the port is declared as gRPC (Istio, pkg/config/kube/conversion.go `ConvertProtocol`)."""
    declared = (port.app_protocol or "").lower()
    name = port.name.lower()
    is_named = name.partition("-")[0] == "grpc" and not (name == "grpc-web" or name.startswith("grpc-web-"))
    return declared == "grpc" or (not declared and is_named)


def rules(found: Sequence[Rule]) -> list[Rule] | None:
    """The same rules for a GRPCRoute, None if it cannot say them.

    A service (`/pkg.Service/`) also takes the path `/pkg.Service`, which no call of gRPC has: what the HTTPRoute says
    about that path alone is left out.
    """
    made: list[Rule] = []
    for rule in found:
        if rule.keys() - {"matches", "filters", "backendRefs", "name"} or not rule.get("backendRefs"):
            return None
        if any(each["type"] not in _KEPT for each in rule.get("filters", ())):
            return None
        matches = [_match(each) for each in rule["matches"] if not _is_guard(each, found)]
        if None in matches:
            return None
        if matches:
            made.append({**rule, "matches": matches})
    return made if made and _is_ordered(made) else None


def written(rule: Rule) -> Rule:
    """The rule as it stands in the object: without matches it is for every call."""
    return {key: value for key, value in rule.items() if key != "matches" or value != [{}]}


def _is_guard(match: Rule, found: Sequence[Rule]) -> bool:
    """Whether it is about the bare path of a service that other matches are about."""
    path = match["path"]
    if path["type"] != "Exact" or not _GUARD.fullmatch(path["value"]):
        return False
    services = {_plain(each["path"]) for rule in found for each in rule["matches"]}
    return f"{path['value']}/" in services


def _plain(path: Rule) -> str | None:
    """The text that a path begins with or is; None for other patterns."""
    if path["type"] != "RegularExpression":
        return str(path["value"])
    text = path["value"].replace(_PADDING, "")
    if text in {"/.*", ".*"}:
        return "/"
    text = text.removesuffix(".*")
    plain = re.sub(r"\\(.)", r"\1", text)
    return plain if re.sub(r"([\\.+*?()|\[\]{}^$])", r"\\\1", plain) == text else None


def _match(match: Rule) -> Rule | None:
    if match.keys() - {"path", "headers"} or any(each["name"].lower() == "host" for each in match.get("headers", ())):
        return None
    path, text = match["path"], _plain(match["path"])
    headers = {"headers": match["headers"]} if "headers" in match else {}
    if text is None:
        return None
    is_prefix = path["type"] == "PathPrefix" or (
        path["type"] == "RegularExpression" and path["value"].replace(_PADDING, "").endswith(".*")
    )
    if text == "/" and is_prefix:
        return headers
    if is_prefix and (found := _WHOLE_SERVICE.fullmatch(text if text.endswith("/") else "")):
        return {"method": {"type": "Exact", "service": found["service"]}} | headers
    if not is_prefix and (found := _METHOD.fullmatch(text)):
        return {"method": {"type": "Exact", "service": found["service"], "method": found["method"]}} | headers
    return None


def _is_ordered(made: Sequence[Rule]) -> bool:
    """Whether Istio keeps the order where it matters: a match that ranks higher comes first, or is for other calls."""
    known = list(_ranked(made))
    return all(
        other[0] >= first[0] or first[1] == other[1] or _apart(first[2], other[2])
        for i, first in enumerate(known)
        for other in known[i + 1 :]
    )


def _ranked(made: Sequence[Rule]) -> Iterator[tuple[Key, int, Rule]]:
    """Each match with its rank (conversion.go `sortHTTPRoutes`: methods, services, the longer first, more headers first)."""
    for number, rule in enumerate(made):
        for match in rule["matches"]:
            method = match.get("method", {})
            kind = 0 if "method" in method else 1 if method else 2
            length = len(method.get("service", "")) + len(method.get("method", ""))
            yield (kind, -length, -len(match.get("headers", ()))), number, method


def _apart(first: Rule, other: Rule) -> bool:
    """Whether no call is for both."""
    if not first or not other:
        return False
    if first["service"] != other["service"]:
        return True
    return "method" in first and "method" in other and first["method"] != other["method"]
