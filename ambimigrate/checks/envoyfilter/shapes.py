"""What a patch of an EnvoyFilter does, recognised by the names of filters and fields in it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, NamedTuple

from ambimigrate.kinds import EnvoyFilter
from ambimigrate.kinds.networking import ConfigPatch
from ambimigrate.model import Resource

SIDECAR = frozenset({"", "ANY", "SIDECAR_INBOUND", "SIDECAR_OUTBOUND"})  # contexts that reach a sidecar
INBOUND = frozenset({"", "ANY", "SIDECAR_INBOUND"})  # and those that reach a waypoint
ROUTES = frozenset({"ROUTE_CONFIGURATION", "VIRTUAL_HOST", "HTTP_ROUTE"})


class Shape(NamedTuple):
    """The case of the catalogue entry and the words for what is lost."""

    case: str
    words: str


# The first whose pattern is found among the filter names and types of the patch; then by fields, then by applyTo.
_FILTERS = (
    ("local_?ratelimit", Shape("rate-limit", "the local rate limit")),
    (r"http\.ratelimit|filters\.http\.rate_limit|\.ratelimit", Shape("rate-limit", "the global rate limit")),
    ("ext_authz", Shape("ext-authz", "external authorization")),
    ("ext_proc", Shape("no-home", "external processing")),
    (r"\blua\b|\.lua", Shape("lua", "a Lua script")),
    ("wasm", Shape("wasm", "a Wasm filter")),
    ("oauth2", Shape("no-home", "the OAuth2 login")),
    ("jwt_authn", Shape("jwt", "the check of tokens")),
    ("rbac", Shape("rbac", "an RBAC filter")),
    ("csrf|bandwidth_limit|adaptive_concurrency|admission_control|http.cache", Shape("no-home", "an HTTP filter")),
    ("compressor|decompressor|gzip", Shape("no-home", "compression")),
    (r"filters\.http\.buffer", Shape("no-home", "the limit of request bodies")),
    ("grpc_web", Shape("grpc-web", "gRPC-Web")),
    ("grpc_json_transcoder|grpc_http1", Shape("no-home", "gRPC transcoding")),
    (r"filters\.http\.fault", Shape("no-home", "injected faults")),
    (r"filters\.http\.cors", Shape("cors", "CORS answers")),
    ("header_to_metadata|header_mutation|set_metadata", Shape("headers", "header edits")),
    (
        "redis_proxy|mongo_proxy|kafka_|mysql_proxy|postgres_proxy|dubbo|thrift",
        Shape("no-home", "another protocol's filter"),
    ),
)
_FIELDS = (
    (frozenset({"rate_limits"}), Shape("rate-limit", "the descriptors of the rate limit")),
    (frozenset({"access_log"}), Shape("observe", "access log settings")),
    (frozenset({"custom_tags", "tracing", "stats_tags"}), Shape("observe", "tracing settings")),
    (frozenset({"header_key_format"}), Shape("tuning", "the case of header names")),
    (
        frozenset({"server_header_transformation", "server_name", "request_headers_to_add", "response_headers_to_add",
                   "request_headers_to_remove", "response_headers_to_remove"}),
        Shape("headers", "header edits"),
    ),
    (
        frozenset({"xff_num_trusted_hops", "use_remote_address", "forward_client_cert_details",
                   "set_current_client_cert_details"}),
        Shape("tuning", "the trust in forwarded headers"),
    ),
    (frozenset({"per_connection_buffer_limit_bytes"}), Shape("tuning", "connection buffer limits")),
    (
        frozenset({"stream_idle_timeout", "request_timeout", "request_headers_timeout", "max_concurrent_streams",
                   "merge_slashes",
                   "initial_stream_window_size", "initial_connection_window_size", "path_with_escaped_slashes_action",
                   "headers_with_underscores_action", "normalize_path", "max_request_headers_kb", "max_headers_count",
                   "common_http_protocol_options", "http2_protocol_options", "http_protocol_options", "delayed_close_timeout",
                   "drain_timeout", "idle_timeout", "max_stream_duration", "max_connection_duration"}),
        Shape("tuning", "connection settings"),
    ),
    (frozenset({"circuit_breakers", "outlier_detection"}), Shape("upstream", "limits towards the upstream")),
    (
        frozenset({"upstream_connection_options", "tcp_keepalive", "connect_timeout", "max_requests_per_connection",
                   "typed_extension_protocol_options", "lb_policy", "track_cluster_stats"}),
        Shape("upstream", "settings of upstream connections"),
    ),
    (frozenset({"retry_policy"}), Shape("retry", "retry settings")),
    (frozenset({"direct_response"}), Shape("no-home", "a direct answer")),
    (frozenset({"transport_socket", "common_tls_context"}), Shape("tls", "TLS settings")),
)  # fmt: skip
_OTHER = {
    "CLUSTER": Shape("upstream", "a patch of clusters"),
    "LISTENER": Shape("no-home", "a listener of its own"),
    "NETWORK_FILTER": Shape("no-home", "a network filter"),
    "HTTP_FILTER": Shape("no-home", "an HTTP filter"),
}


def is_istios(envoy: Resource[EnvoyFilter]) -> bool:
    """Whether Istio itself installed the filter: up to 1.17 it shipped those of its own metrics."""
    return re.fullmatch(r"(tcp-)?(stats|metadata-exchange|stackdriver)-filter-1\.\d+(-\S+)?", envoy.name) is not None


def context(patch: ConfigPatch) -> str:
    """The context of a patch; empty for any."""
    found = (patch.match or {}).get("context", "")
    return found if isinstance(found, str) else ""


def of_sidecars(patch: ConfigPatch) -> bool:
    """Whether the patch reaches sidecars."""
    return context(patch) in SIDECAR


def is_new_cluster(patch: ConfigPatch) -> bool:
    """Whether the patch only adds a cluster, which a filter of the same object calls."""
    return patch.apply_to == "CLUSTER" and (patch.patch or {}).get("operation") == "ADD"


def shape(patch: ConfigPatch) -> Shape:
    """What the patch does."""
    value = (patch.patch or {}).get("value")
    names = " ".join(_names(value)) or " ".join(_names(patch.match))
    for pattern, found in _FILTERS:
        if re.search(pattern, names):
            return found
    keys = set(_keys(value))
    for fields, found in _FIELDS:
        if keys & fields:
            return found
    return _OTHER.get(patch.apply_to, Shape("no-home", f"a patch of {patch.apply_to or 'the proxy'}"))


def _names(value: Any) -> Iterator[str]:
    """The names and types of filters in a patch; the connection manager and the router stand for no shape."""
    if isinstance(value, dict):
        for key, inner in value.items():
            if key in {"name", "@type", "type_url"} and isinstance(inner, str):
                yield re.sub(r"(?<=[a-z])(?=[A-Z])", "_", inner).lower() if key != "name" else inner.lower()
            elif key in {"typed_per_filter_config", "typedPerFilterConfig"} and isinstance(inner, dict):
                yield from (str(name) for name in inner)
            else:
                yield from _names(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _names(inner)


def _keys(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        for key, inner in value.items():
            yield re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", str(key)).lower()
            yield from _keys(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _keys(inner)
