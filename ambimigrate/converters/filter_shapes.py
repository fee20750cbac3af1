"""Patches of EnvoyFilters that are recognised: by the exact name of the filter and a closed set of fields."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from msgspec import Struct

from ambimigrate.checks.envoyfilter import shapes
from ambimigrate.converters import access_logs
from ambimigrate.converters.access_logs import Log
from ambimigrate.kinds.networking import ConfigPatch

_HCM = "envoy.filters.network.http_connection_manager"
_ROUTER = "envoy.filters.http.router"
_LUA = "type.googleapis.com/envoy.extensions.filters.http.lua.v3.Lua"
_OUTSIDE = (
    "httpcall",
    "filename",
    "io.open",
    "require",
    ":metadata(",
)  # what a script could ask of its own pod or of other clusters
_FIRST, _BEFORE = "INSERT_FIRST", "INSERT_BEFORE"

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
        frozenset({"stat_prefix", "token_bucket", "filter_enabled", "filter_enforced", "response_headers_to_add", "status"}),
    ),
}
_MUTATION = "envoy.filters.http.header_mutation"
_COUNTING = frozenset({"envoy.filters.http.local_ratelimit"})


class Filter(Struct, frozen=True):
    """An HTTP filter that a waypoint takes as it is, as a patch of `main_internal`; `counts` if it counts requests."""

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
    if (log := access_logs.shape(patch)) is not None:
        return log
    place, port = _place(patch)
    value = (patch.patch or {}).get("value")
    if place is None or not isinstance(value, dict) or value.keys() != {"name", "typed_config"}:
        return None
    name, config = value["name"], value["typed_config"]
    if not isinstance(name, str) or not isinstance(config, dict):
        return None
    moved = {"applyTo": "HTTP_FILTER", "match": _at_waypoint(place), "patch": dict(patch.patch or {})}
    if config.get("@type") == _LUA:
        code = _code(config)
        if code is None:
            return None
        return Filter(moved, counts=False, port=port) if place == _FIRST else Lua(code, moved, port=port)
    known = _TYPES.get(name)
    if known is None or config.get("@type") != f"type.googleapis.com/envoy.extensions.filters.http.{known[0]}":
        return None
    if not config.keys() - {"@type"} <= known[1] or (name == _MUTATION and any(map(_is_of_proxy, _texts(config)))):
        return None
    return Filter(moved, name in _COUNTING, port)


def _texts(tree: Any) -> Iterator[str]:
    """The texts in a configuration."""
    if isinstance(tree, dict):
        yield from (text for value in tree.values() for text in _texts(value))
    elif isinstance(tree, list):
        yield from (text for value in tree for text in _texts(value))
    elif isinstance(tree, str):
        yield tree


def _is_of_proxy(text: str) -> bool:
    """Whether a name or value of a header asks the proxy for something, or names a part of the request line."""
    return "%" in text or text.startswith(":") or text.lower() == "host"


def _place(patch: ConfigPatch) -> tuple[str | None, int | None]:
    """Where the patch inserts, if it is into every HTTP chain (or those of one port): before the router, or first."""
    if patch.apply_to != "HTTP_FILTER" or (patch.patch or {}).keys() != {"operation", "value"}:
        return None, None
    match = dict(patch.match or {})
    if match.pop("context", "ANY") not in ("ANY", "SIDECAR_INBOUND"):  # of any type
        return None, None
    listener = dict(match["listener"]) if isinstance(match.get("listener"), dict) else {}
    port = listener.pop("portNumber", None)
    match["listener"] = listener
    if port is not None and not isinstance(port, int):
        return None, None
    operation = (patch.patch or {})["operation"]
    chain = {"filterChain": {"filter": {"name": _HCM}}}
    before = {"filterChain": {"filter": {"name": _HCM, "subFilter": {"name": _ROUTER}}}}
    if operation == _BEFORE and match == {"listener": before}:
        return _BEFORE, port
    if operation in (_FIRST, _BEFORE) and match == {"listener": chain}:
        return (
            _FIRST,
            port,
        )  # without a filter to stand before, INSERT_BEFORE puts it first (Istio, networking/core/envoyfilter)
    return None, None


def _at_waypoint(place: str) -> dict[str, Any]:
    """The listener has a name, since the tunnel's own connection manager would be patched, too."""
    own = {"name": _HCM} if place == _FIRST else {"name": _HCM, "subFilter": {"name": _ROUTER}}
    return {"context": "SIDECAR_INBOUND", "listener": {"name": "main_internal", "filterChain": {"filter": own}}}


def _code(config: dict[str, Any]) -> str | None:
    """The script, if it is there in full and asks nothing of its own pod."""
    fields = config.keys() - {"@type"}
    code: Any = None
    if fields in ({"inline_code"}, {"inlineCode"}):
        code = config[next(iter(fields))]
    elif fields in ({"default_source_code"}, {"defaultSourceCode"}):
        source = config[next(iter(fields))]
        if isinstance(source, dict) and len(source) == 1:
            code = source.get("inline_string", source.get("inlineString"))
    if not isinstance(code, str) or any(word in code.lower() for word in _OUTSIDE):
        return None
    return code


def case_of(patch: ConfigPatch) -> str:
    """The case of the catalogue for a patch that is not recognised: by what would replace it."""
    found = shapes.shape(patch).case
    return found if found in _CASES else "default"


_CASES = frozenset(
    {
        "rate-limit", "ext-authz", "jwt", "rbac", "lua", "wasm", "headers", "cors", "grpc-web", "retry", "upstream", "tuning",
        "observe", "tls",
    }
)  # fmt: skip
