"""What a person writes in place of a patch that sets a proxy's connections, headers, logs or clusters."""

from __future__ import annotations

from typing import Any

from ambimigrate.converters.filters import clusters, values
from ambimigrate.converters.filters.lost import Lost
from ambimigrate.converters.filters.values import said
from ambimigrate.topology import policies
from ambimigrate.versions import at_least

SETTINGS_SINCE = "1.31.0"  # Istio, ProxyConfig.connectionSettings
HEADERS_SINCE = "1.19.0"  # Istio, ProxyConfig.proxyHeaders; gatewayTopology is older
CASING_SINCE = "1.25.0"  # Istio, ProxyConfig.proxyHeaders.preserveHttp1HeaderCase

# Fields of the connection manager -> connectionSettings (Istio, pilot/pkg/networking/core/connection_settings.go).
_SETTINGS = {
    "idle_timeout": "httpIdleTimeout", "max_connection_duration": "httpMaxConnectionDuration",
    "max_stream_duration": "httpMaxStreamDuration", "stream_idle_timeout": "httpStreamIdleTimeout",
    "request_timeout": "httpRequestTimeout", "request_headers_timeout": "httpRequestHeadersTimeout",
    "drain_timeout": "httpDrainTimeout", "max_concurrent_streams": "httpMaxConcurrentStreams",
    "initial_stream_window_size": "http2InitialStreamWindowSize",
    "initial_connection_window_size": "http2InitialConnectionWindowSize",
    "headers_with_underscores_action": "httpHeadersWithUnderscoresAction", "merge_slashes": "httpMergeSlashes",
    "path_with_escaped_slashes_action": "httpPathWithEscapedSlashesAction",
    "per_connection_buffer_limit_bytes": "listenerPerConnectionBufferLimitBytes",
}  # fmt: skip


def tuning(lost: Lost) -> str:
    if any(values.found(lost.value, "header_key_format")):
        return f"{_config(lost, 'proxyHeaders {preserveHttp1HeaderCase: true}', CASING_SINCE)}."
    if hops := said(lost.value, "xff_num_trusted_hops"):
        return f"{_config(lost, f'gatewayTopology {{numTrustedProxies: {hops}}}')}, if all its Services may have it."
    fields = {new: found for old, new in _SETTINGS.items() if (found := said(lost.value, old))}
    if not fields:
        return f"Drop {policies.listed(_keys(lost.value))}: nothing of Istio sets it at a waypoint."
    text = ", ".join(f"{name}: {each}" for name, each in fields.items())
    return f"{_config(lost, f'connectionSettings {{{text}}}', SETTINGS_SINCE)}, if all its Services may have it."


def _config(lost: Lost, text: str, since: str = HEADERS_SINCE) -> str:
    """What to write for the proxies of the waypoint, and from which release on they follow it."""
    late = "" if at_least(lost.mesh.target.istio, since) else f" from Istio {since[:4]} on"
    return f"Write {text} into the annotation proxy.istio.io/config of {lost.waypoint}{late}"


def _keys(tree: dict[str, Any]) -> list[str]:
    """The innermost fields of settings that are nested in mappings."""
    config = next((tree[each] for each in values.CONFIG if isinstance(tree.get(each), dict)), tree)
    found: list[str] = []
    for key, each in config.items():
        if not str(key).startswith("@") and key != "name":
            found += _keys(each) if isinstance(each, dict) else [values.snake(str(key))]
    return found


def headers(lost: Lost) -> str:
    proxied = {"server_header_transformation", "server_name"} & set(_keys(lost.value))
    if proxied:
        return f"{_config(lost, 'proxyHeaders.server')}, if all its Services may have it."
    return "Write values that do not ask the proxy (no %…%), or header filters of an HTTPRoute."


def observe(lost: Lost) -> str:
    if path := said(lost.value, "path"):
        return (
            f"Add envoyFileAccessLog with path {path} and this logFormat to extensionProviders of MeshConfig;"
            " convert then writes the Telemetry."
        )
    return f"Write a Telemetry {lost.pods} with a provider of extensionProviders (tracing: customTags); convert makes its twin."


def tls(lost: Lost) -> str:
    host = clusters.host(lost.patch)
    if not host:
        return "Drop it: between pods of the mesh ztunnel makes the TLS."
    name = said(lost.value, "sni")
    fields = "mode: SIMPLE" + (f", sni: {name}" if name else "")
    return (
        f"Write trafficPolicy.tls {{{fields}}} into a DestinationRule of {host} in place of the patch; convert then carries it."
    )


def upstream(lost: Lost) -> str:
    return clusters.remedy(lost.mesh, lost.patch, lost.aim.services)
