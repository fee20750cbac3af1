"""Patches of EnvoyFilters that are recognised: by the exact name of the filter and a closed set of fields."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from msgspec import Struct

from ambimigrate.converters.filters import logs, values
from ambimigrate.converters.filters.logs import Log
from ambimigrate.kinds.networking import ConfigPatch

_HCM = "envoy.filters.network.http_connection_manager"
_ROUTER = "envoy.filters.http.router"
# Istiod matches the names of before, too (pilot/pkg/networking/core/envoyfilter, listener_patch.go `nameMatches`).
_OLDER = {"envoy.http_connection_manager": _HCM, "envoy.router": _ROUTER}
_MANAGER = "envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager"
_LUA = "envoy.extensions.filters.http.lua.v3.Lua"
OUTSIDE = ("httpcall", "filename", "io.open", "require", ":metadata(")  # what asks a script's own pod or other clusters
_FIRST, _BEFORE, _MERGE = "INSERT_FIRST", "INSERT_BEFORE", "MERGE"

# Name of the filter -> the version of its type and the fields that mean the same in any proxy.
_TYPES: Mapping[str, tuple[str, frozenset[str]]] = {
    "envoy.filters.http.compressor": (
        "compressor.v3.Compressor",
        frozenset({"request_direction_config", "response_direction_config", "compressor_library", "choose_first"}),
    ),
    "envoy.filters.http.decompressor": (
        "decompressor.v3.Decompressor",
        frozenset({"request_direction_config", "response_direction_config", "decompressor_library"}),
    ),
    "envoy.filters.http.header_mutation": ("header_mutation.v3.HeaderMutation", frozenset({"mutations"})),
    "envoy.filters.http.grpc_web": ("grpc_web.v3.GrpcWeb", frozenset()),
    "envoy.filters.http.buffer": ("buffer.v3.Buffer", frozenset({"max_request_bytes"})),
    "envoy.filters.http.local_ratelimit": (
        "local_ratelimit.v3.LocalRateLimit",
        frozenset({"stat_prefix", "token_bucket", "filter_enabled", "filter_enforced", "response_headers_to_add", "status",
                   "enable_x_ratelimit_headers", "rate_limited_as_resource_exhausted"}),
    ),
}  # fmt: skip
_COUNTING = frozenset({"envoy.filters.http.local_ratelimit"})
# Of the connection manager: how long one request may take, which is no matter of the connections it comes by.
_TIMES = frozenset({"stream_idle_timeout", "request_timeout", "request_headers_timeout"})
_COMMON, _COMMON_TIMES = "common_http_protocol_options", frozenset({"max_stream_duration"})


class Filter(Struct, frozen=True):
    """What a waypoint takes as it is, as a patch of `main_internal`; `counts` if it counts requests."""

    patch: dict[str, Any]
    counts: bool
    port: int | None = None  # the only port of the pods for which it is


class Lua(Struct, frozen=True):
    """A script before the router; `patch` is the same for an EnvoyFilter on a waypoint."""

    code: str
    patch: dict[str, Any]
    counts: bool = False
    port: int | None = None


def shape(patch: ConfigPatch) -> Filter | Lua | Log | None:
    """What the patch is, None if it is not exactly one of these."""
    if (log := logs.shape(patch)) is not None:
        return log
    place, port = _place(patch)
    read = values.filtered(patch)
    if place is None or read is None:
        return None
    name, kind, fields = read
    moved = {"applyTo": patch.apply_to, "match": _at_waypoint(place), "patch": dict(patch.patch or {})}
    if place == _MERGE:
        return Filter(moved, counts=False, port=port) if name in {_HCM, ""} and _is_timing(kind, fields) else None
    if name and kind == _LUA:
        code = _code(fields)
        if code is None:
            return None
        return Filter(moved, counts=False, port=port) if place == _FIRST else Lua(code, moved, port=port)
    return None if other_fields(name, kind, fields) else Filter(moved, name in _COUNTING, port)


def other_fields(name: str, kind: str, fields: Mapping[str, Any]) -> tuple[str, ...]:
    """What of an HTTP filter is not known to mean the same at a waypoint: its type, or these fields."""
    known = _TYPES.get(name)
    if known is None or kind != f"envoy.extensions.filters.http.{known[0]}":
        return (kind or name or "its type",)
    asking = {key for key, each in fields.items() if any(map(_is_of_proxy, values.texts(each)))}
    return tuple(sorted((fields.keys() - known[1]) | asking))


def _is_of_proxy(text: str) -> bool:
    """Whether a name or value of a header asks the proxy for something, or names a part of the request line."""
    return "%" in text or text.startswith(":") or text.lower() == "host"


def _is_timing(kind: str, fields: Mapping[str, Any]) -> bool:
    common = fields.get(_COMMON, {})
    if kind != _MANAGER or not fields or not isinstance(common, dict):
        return False
    inner = {values.snake(key) for key in common}
    return fields.keys() - {_COMMON} <= _TIMES and inner <= _COMMON_TIMES


def _place(patch: ConfigPatch) -> tuple[str | None, int | None]:
    """Where the patch acts, if it is on every HTTP chain (or those of one port): before the router, first, or on the whole."""
    operation = (patch.patch or {}).get("operation")
    if (patch.patch or {}).keys() != {"operation", "value"}:
        return None, None
    match = dict(patch.match or {})
    if match.pop("context", "ANY") not in ("ANY", "SIDECAR_INBOUND"):  # of any type
        return None, None
    listener = dict(match["listener"]) if isinstance(match.get("listener"), dict) else {}
    port = listener.pop("portNumber", None)
    if match.keys() != {"listener"} or (port is not None and not isinstance(port, int)):
        return None, None
    named = _names(listener)
    if patch.apply_to == "NETWORK_FILTER":
        return (_MERGE, port) if operation == _MERGE and named == (_HCM,) else (None, None)
    if patch.apply_to != "HTTP_FILTER":
        return None, None
    if operation == _BEFORE and named == (_HCM, _ROUTER):
        return _BEFORE, port
    if operation in (_FIRST, _BEFORE) and named == (_HCM,):
        return _FIRST, port  # with no filter to stand before, INSERT_BEFORE puts it first (Istio, networking/core/envoyfilter)
    return None, None


def _names(listener: dict[str, Any]) -> tuple[str, ...] | None:
    """The network filter and the HTTP filter in it, if a match says nothing else."""
    match listener:
        case {"filterChain": {"filter": {"name": str(name), **inside}, **chain}, **rest} if not (chain or rest or inside):
            return (_OLDER.get(name, name),)
        case {
            "filterChain": {"filter": {"name": str(name), "subFilter": {"name": str(inner), **inside}, **outer}, **chain}
        } if len(listener) == 1 and not (chain or outer or inside):
            return _OLDER.get(name, name), _OLDER.get(inner, inner)
    return None


def _at_waypoint(place: str) -> dict[str, Any]:
    """The listener has a name, since the tunnel's own connection manager would be patched, too."""
    own = {"name": _HCM, "subFilter": {"name": _ROUTER}} if place == _BEFORE else {"name": _HCM}
    return {"context": "SIDECAR_INBOUND", "listener": {"name": "main_internal", "filterChain": {"filter": own}}}


def _code(fields: dict[str, Any]) -> str | None:
    """The script, if it is there in full and asks nothing of its own pod."""
    code: Any = None
    if fields.keys() == {"inline_code"}:
        code = fields["inline_code"]
    elif fields.keys() == {"default_source_code"} and isinstance(source := fields["default_source_code"], dict):
        code = next(iter(source.values())) if {values.snake(key) for key in source} == {"inline_string"} else None
    if not isinstance(code, str) or any(word in code.lower() for word in OUTSIDE):
        return None
    return code
