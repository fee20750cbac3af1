"""Istio's VirtualService: where HTTP, TLS and TCP traffic to a host goes."""

from __future__ import annotations

from msgspec import field

from ambimigrate.kinds.base import Object, View, kind
from ambimigrate.kinds.shared import PortSelector


class StringMatch(View, frozen=True):
    exact: str | None = None
    prefix: str | None = None
    regex: str | None = None


class Percent(View, frozen=True):
    value: float = 0.0


class Destination(View, frozen=True):
    host: str = ""
    subset: str | None = None
    port: PortSelector | None = None


class HeaderOperations(View, frozen=True):
    set: dict[str, str] = field(default_factory=dict)
    add: dict[str, str] = field(default_factory=dict)
    remove: tuple[str, ...] = ()


class Headers(View, frozen=True):
    request: HeaderOperations | None = None
    response: HeaderOperations | None = None


class HTTPMatch(View, frozen=True):
    name: str = ""
    uri: StringMatch | None = None
    scheme: StringMatch | None = None
    method: StringMatch | None = None
    authority: StringMatch | None = None
    headers: dict[str, StringMatch] = field(default_factory=dict)
    without_headers: dict[str, StringMatch] = field(default_factory=dict)
    query_params: dict[str, StringMatch] = field(default_factory=dict)
    port: int | None = None
    source_labels: dict[str, str] = field(default_factory=dict)
    source_namespace: str = ""
    gateways: tuple[str, ...] = ()
    ignore_uri_case: bool = False
    stat_prefix: str = ""


class HTTPRouteDestination(View, frozen=True):
    destination: Destination = Destination()
    weight: int | None = None
    headers: Headers | None = None


class HTTPRedirect(View, frozen=True):
    uri: str = ""
    prefix_rewrite: str = ""
    authority: str = ""
    scheme: str = ""
    port: int | None = None
    derive_port: str | None = None
    redirect_code: int = 301


class HTTPBody(View, frozen=True):
    string: str | None = None
    bytes: str | None = None


class HTTPDirectResponse(View, frozen=True):
    status: int = 0
    body: HTTPBody | None = None


class Delegate(View, frozen=True):
    name: str = ""
    namespace: str = ""


class RegexRewrite(View, frozen=True):
    match: str = ""
    rewrite: str = ""


class HTTPRewrite(View, frozen=True):
    uri: str = ""
    authority: str = ""
    uri_regex_rewrite: RegexRewrite | None = None


class HTTPRetry(View, frozen=True):
    attempts: int = 0
    per_try_timeout: str | None = None
    retry_on: str = ""
    retry_remote_localities: bool | None = None
    retry_ignore_previous_hosts: bool | None = None
    backoff: str | None = None


class FaultDelay(View, frozen=True):
    percent: int | None = None
    percentage: Percent | None = None
    fixed_delay: str | None = None
    exponential_delay: str | None = None


class FaultAbort(View, frozen=True):
    http_status: int | None = None
    grpc_status: str | None = None
    http2_error: str | None = None
    percentage: Percent | None = None


class HTTPFault(View, frozen=True):
    delay: FaultDelay | None = None
    abort: FaultAbort | None = None


class HTTPMirror(View, frozen=True):
    destination: Destination = Destination()
    percentage: Percent | None = None


class CorsPolicy(View, frozen=True):
    allow_origin: tuple[str, ...] = ()
    allow_origins: tuple[StringMatch, ...] = ()
    allow_methods: tuple[str, ...] = ()
    allow_headers: tuple[str, ...] = ()
    expose_headers: tuple[str, ...] = ()
    max_age: str | None = None
    allow_credentials: bool | None = None
    unmatched_preflights: str | None = None


class HTTPRule(View, frozen=True):
    """One entry of `spec.http`."""

    name: str = ""
    match: tuple[HTTPMatch, ...] = ()
    route: tuple[HTTPRouteDestination, ...] = ()
    redirect: HTTPRedirect | None = None
    direct_response: HTTPDirectResponse | None = None
    delegate: Delegate | None = None
    rewrite: HTTPRewrite | None = None
    timeout: str | None = None
    retries: HTTPRetry | None = None
    fault: HTTPFault | None = None
    mirror: Destination | None = None
    mirrors: tuple[HTTPMirror, ...] = ()
    mirror_percent: int | None = None
    mirror_percent_snake: int | None = field(default=None, name="mirror_percent")  # an older spelling
    mirror_percentage: Percent | None = None
    cors_policy: CorsPolicy | None = None
    headers: Headers | None = None


class RouteDestination(View, frozen=True):
    destination: Destination = Destination()
    weight: int | None = None


class TLSMatch(View, frozen=True):
    sni_hosts: tuple[str, ...] = ()
    destination_subnets: tuple[str, ...] = ()
    port: int | None = None
    source_labels: dict[str, str] = field(default_factory=dict)
    source_namespace: str = ""
    gateways: tuple[str, ...] = ()


class TLSRule(View, frozen=True):
    match: tuple[TLSMatch, ...] = ()
    route: tuple[RouteDestination, ...] = ()


class TCPMatch(View, frozen=True):
    destination_subnets: tuple[str, ...] = ()
    port: int | None = None
    source_subnet: str = ""
    source_labels: dict[str, str] = field(default_factory=dict)
    source_namespace: str = ""
    gateways: tuple[str, ...] = ()


class TCPRule(View, frozen=True):
    match: tuple[TCPMatch, ...] = ()
    route: tuple[RouteDestination, ...] = ()


class VirtualServiceSpec(View, frozen=True):
    hosts: tuple[str, ...] = ()
    gateways: tuple[str, ...] = ()
    http: tuple[HTTPRule, ...] = ()
    tls: tuple[TLSRule, ...] = ()
    tcp: tuple[TCPRule, ...] = ()
    export_to: tuple[str, ...] = ()


@kind("networking.istio.io", "virtualservices", "v1", "v1beta1", "v1alpha3")
class VirtualService(Object, frozen=True):
    spec: VirtualServiceSpec = VirtualServiceSpec()
