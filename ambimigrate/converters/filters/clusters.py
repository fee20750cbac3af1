"""Patches of clusters: which host they are for, and what a DestinationRule says in their place."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from ambimigrate.checks.envoyfilter import shapes
from ambimigrate.converters.filters import values
from ambimigrate.kinds import DestinationRule, Service
from ambimigrate.kinds.networking import ConfigPatch
from ambimigrate.model import Mesh, Resource
from ambimigrate.topology import hosts

# Fields of a cluster -> fields of trafficPolicy (Istio, pilot/pkg/networking/core, cluster_traffic_policy.go).
_FIELDS: Mapping[tuple[str, ...], str] = {
    ("connect_timeout",): "connectionPool.tcp.connectTimeout",
    ("max_requests_per_connection",): "connectionPool.http.maxRequestsPerConnection",
    ("upstream_connection_options", "tcp_keepalive", "keepalive_probes"): "connectionPool.tcp.tcpKeepalive.probes",
    ("upstream_connection_options", "tcp_keepalive", "keepalive_time"): "connectionPool.tcp.tcpKeepalive.time",
    ("upstream_connection_options", "tcp_keepalive", "keepalive_interval"): "connectionPool.tcp.tcpKeepalive.interval",
    ("circuit_breakers", "thresholds", "max_connections"): "connectionPool.tcp.maxConnections",
    ("circuit_breakers", "thresholds", "max_pending_requests"): "connectionPool.http.http1MaxPendingRequests",
    ("circuit_breakers", "thresholds", "max_requests"): "connectionPool.http.http2MaxRequests",
    ("circuit_breakers", "thresholds", "max_retries"): "connectionPool.http.maxRetries",
    ("outlier_detection", "consecutive_5xx"): "outlierDetection.consecutive5xxErrors",
    ("outlier_detection", "consecutive_gateway_failure"): "outlierDetection.consecutiveGatewayErrors",
    ("outlier_detection", "interval"): "outlierDetection.interval",
    ("outlier_detection", "base_ejection_time"): "outlierDetection.baseEjectionTime",
    ("outlier_detection", "max_ejection_percent"): "outlierDetection.maxEjectionPercent",
}
_BALANCERS: Mapping[str, tuple[str, str]] = {  # of lb_policy; rings also need to be told by what to hash
    **{each: ("loadBalancer.simple", each) for each in ("ROUND_ROBIN", "LEAST_REQUEST", "RANDOM")},
    "RING_HASH": ("loadBalancer.consistentHash", "{ringHash: {}, …}"),
    "MAGLEV": ("loadBalancer.consistentHash", "{maglev: {}, …}"),
}
_SECONDS = frozenset({"keepalive_time", "keepalive_interval"})  # numbers in Envoy, durations in Istio
_COUNTED = frozenset({"circuit_breakers", "outlier_detection"})


def address(cluster: str) -> tuple[str, str]:
    """Host and port of a cluster of istiod's, or of `host:port`; empty for any other."""
    if cluster.startswith("outbound|") and cluster.count("|") == 3:
        _, port, _, host = cluster.split("|")
        return host, port
    host, colon, port = cluster.rpartition(":")
    return (host, port) if colon and port.isdigit() and "/" not in host else ("", "")


def host(patch: ConfigPatch) -> str:
    """The host whose cluster is patched; empty for all, or those of the pod itself."""
    said = (patch.match or {}).get("cluster")
    if not isinstance(said, dict):
        return ""
    return str(said.get("service") or address(str(said.get("name", "")))[0])


def remedy(mesh: Mesh, patch: ConfigPatch, services: Sequence[Resource[Service]]) -> str:
    """What to write in place of the patch."""
    value = values.value(patch)
    fields, other = _translated(value)
    named = (f"{each.name}.{each.namespace}.{hosts.DOMAIN}" for each in services)
    own = host(patch) or (next(named, "") if shapes.context(patch) in shapes.INBOUND else "")
    if not fields:
        return f"Drop {', '.join(other) or 'it'}: no DestinationRule and no waypoint has it."
    text = ", ".join(f"{name}: {each}" for name, each in fields)
    counts = "; a waypoint counts per replica, over all callers" if _COUNTED & {name for name, *_ in _routes(value)} else ""
    left = f"; {', '.join(other)} has no counterpart" if other else ""
    return f"Write trafficPolicy {{{text}}} into {_rule(mesh, own)} in place of the patch{counts}{left}."


def _rule(mesh: Mesh, own: str) -> str:
    """The DestinationRule of a host, if there is one."""
    for rule in mesh.of(DestinationRule):
        if own and hosts.full_name(rule.body.spec.host, rule.namespace) == own:
            return str(rule.ref)
    return f"a DestinationRule of {own}" if own else "the DestinationRules of what they call"


def _translated(value: dict[str, Any]) -> tuple[list[tuple[str, str]], list[str]]:
    """Fields of a trafficPolicy with their values, and the fields that it does not have."""
    fields: list[tuple[str, str]] = []
    other: list[str] = []
    for route, each in _leaves(value, ()):
        if route == ("lb_policy",):
            fields += [found] if (found := _BALANCERS.get(str(each))) else []
            other += [] if found else ["lb_policy"]
        elif new := _FIELDS.get(route):
            fields.append((new, f"{each}s" if route[-1] in _SECONDS else str(each)))
        elif route != ("name",):
            other.append(".".join(route))
    return fields, other


def _routes(value: dict[str, Any]) -> Iterator[tuple[str, ...]]:
    return (route for route, _ in _leaves(value, ()))


def _leaves(tree: Any, route: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], Any]]:
    """The values of a configuration by the names on the way; places in lists do not count."""
    if isinstance(tree, dict):
        for key, each in tree.items():
            yield from _leaves(each, (*route, values.snake(str(key))))
    elif isinstance(tree, list):
        for each in tree:
            yield from _leaves(each, route)
    else:
        yield route, tree
