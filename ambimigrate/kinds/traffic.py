"""Istio's DestinationRule: how a client reaches a host once a route has chosen it."""

from __future__ import annotations

from typing import Any

from msgspec import field

from ambimigrate.kinds.base import Object, View, kind
from ambimigrate.kinds.shared import PolicySelector, PortSelector


class HTTPCookieAttribute(View, frozen=True):
    name: str = ""
    value: str = ""


class HTTPCookie(View, frozen=True):
    name: str = ""
    path: str = ""
    ttl: str | None = None
    attributes: tuple[HTTPCookieAttribute, ...] = ()


class RingHash(View, frozen=True):
    minimum_ring_size: int = 0


class MagLev(View, frozen=True):
    table_size: int = 0


class ConsistentHash(View, frozen=True):
    http_header_name: str | None = None
    http_cookie: HTTPCookie | None = None
    use_source_ip: bool | None = None
    http_query_parameter_name: str | None = None
    ring_hash: RingHash | None = None
    maglev: MagLev | None = None
    minimum_ring_size: int | None = None


class LoadBalancer(View, frozen=True):
    simple: str | None = None
    consistent_hash: ConsistentHash | None = None
    locality_lb_setting: dict[str, Any] | None = None
    zone_aware_lb_setting: dict[str, Any] | None = None
    warmup: dict[str, Any] | None = None
    warmup_duration_secs: str | None = None


class TCPKeepalive(View, frozen=True):
    probes: int | None = None
    time: str | None = None
    interval: str | None = None


class TCPSettings(View, frozen=True):
    max_connections: int | None = None
    connect_timeout: str | None = None
    tcp_keepalive: TCPKeepalive | None = None
    max_connection_duration: str | None = None
    idle_timeout: str | None = None


class HTTP2KeepAlive(View, frozen=True):
    interval: str | None = None
    timeout: str | None = None


class HTTPSettings(View, frozen=True):
    http1_max_pending_requests: int | None = None
    http2_max_requests: int | None = None
    max_requests_per_connection: int | None = None
    max_retries: int | None = None
    idle_timeout: str | None = None
    h2_upgrade_policy: str = "DEFAULT"
    use_client_protocol: bool = False
    max_concurrent_streams: int | None = None
    http2_keep_alive: HTTP2KeepAlive | None = None


class ConnectionPool(View, frozen=True):
    tcp: TCPSettings | None = None
    http: HTTPSettings | None = None


class OutlierDetection(View, frozen=True):
    consecutive_errors: int | None = None
    split_external_local_origin_errors: bool = False
    consecutive_local_origin_failures: int | None = None
    consecutive_gateway_errors: int | None = None
    consecutive5xx_errors: int | None = None
    interval: str | None = None
    base_ejection_time: str | None = None
    max_ejection_percent: int | None = None
    min_health_percent: int | None = None
    outlier_detection_http_error_codes: tuple[int, ...] = ()


class ClientTLS(View, frozen=True):
    mode: str = "DISABLE"
    client_certificate: str = ""
    private_key: str = ""
    ca_certificates: str = ""
    ca_crl: str = ""
    credential_name: str = ""
    subject_alt_names: tuple[str, ...] = ()
    sni: str = ""
    insecure_skip_verify: bool | None = None


class Tunnel(View, frozen=True):
    protocol: str = ""
    target_host: str = ""
    target_port: int = 0


class ProxyProtocol(View, frozen=True):
    version: str = "V1"


class RetryBudget(View, frozen=True):
    percent: float | None = None
    min_retry_concurrency: int | None = None
    budget_interval: str | None = None


class PortTrafficPolicy(View, frozen=True):
    port: PortSelector | None = None
    load_balancer: LoadBalancer | None = None
    connection_pool: ConnectionPool | None = None
    outlier_detection: OutlierDetection | None = None
    tls: ClientTLS | None = None


class TrafficPolicy(View, frozen=True):
    load_balancer: LoadBalancer | None = None
    connection_pool: ConnectionPool | None = None
    outlier_detection: OutlierDetection | None = None
    tls: ClientTLS | None = None
    port_level_settings: tuple[PortTrafficPolicy, ...] = ()
    tunnel: Tunnel | None = None
    proxy_protocol: ProxyProtocol | None = None
    retry_budget: RetryBudget | None = None


class Subset(View, frozen=True):
    name: str = ""
    labels: dict[str, str] = field(default_factory=dict)
    traffic_policy: TrafficPolicy | None = None


class DestinationRuleSpec(View, frozen=True):
    host: str = ""
    traffic_policy: TrafficPolicy | None = None
    subsets: tuple[Subset, ...] = ()
    export_to: tuple[str, ...] = ()
    workload_selector: PolicySelector | None = None


@kind("networking.istio.io", "destinationrules", "v1", "v1beta1", "v1alpha3")
class DestinationRule(Object, frozen=True):
    spec: DestinationRuleSpec = DestinationRuleSpec()
