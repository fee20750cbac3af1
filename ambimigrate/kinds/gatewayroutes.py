"""The routes of the Kubernetes Gateway API, and the grants that let them reach into other namespaces."""

from __future__ import annotations

from typing import Any

from msgspec import field

from ambimigrate.kinds.base import Object, View, kind
from ambimigrate.kinds.gatewayapi import GROUP, BackendRef, HTTPRouteFilter, ParentRef, RouteFilter
from ambimigrate.kinds.status import RouteStatus


class HTTPPathMatch(View, frozen=True):
    type: str = "PathPrefix"
    value: str = "/"


class ValueMatch(View, frozen=True):
    """A header or a query parameter."""

    type: str = "Exact"
    name: str = ""
    value: str = ""


class HTTPRouteMatch(View, frozen=True):
    path: HTTPPathMatch | None = None
    headers: tuple[ValueMatch, ...] = ()
    query_params: tuple[ValueMatch, ...] = ()
    method: str | None = None


class HTTPBackendRef(BackendRef, frozen=True):
    filters: tuple[HTTPRouteFilter, ...] = ()


class HTTPRouteTimeouts(View, frozen=True):
    request: str | None = None
    backend_request: str | None = None


class HTTPRouteRetry(View, frozen=True):
    codes: tuple[int, ...] = ()
    attempts: int | None = None
    backoff: str | None = None


class HTTPRouteRule(View, frozen=True):
    name: str | None = None
    matches: tuple[HTTPRouteMatch, ...] = ()
    filters: tuple[HTTPRouteFilter, ...] = ()
    backend_refs: tuple[HTTPBackendRef, ...] = ()
    timeouts: HTTPRouteTimeouts | None = None
    retry: HTTPRouteRetry | None = None
    session_persistence: dict[str, Any] | None = None


class HTTPRouteSpec(View, frozen=True):
    parent_refs: tuple[ParentRef, ...] = ()
    use_default_gateways: str | None = None
    hostnames: tuple[str, ...] = ()
    rules: tuple[HTTPRouteRule, ...] = ()


@kind(GROUP, "httproutes", "v1", "v1beta1", "v1alpha2")
class HTTPRoute(Object, frozen=True):
    spec: HTTPRouteSpec = HTTPRouteSpec()
    status: RouteStatus = RouteStatus()


class GRPCMethodMatch(View, frozen=True):
    type: str = "Exact"
    service: str | None = None
    method: str | None = None


class GRPCRouteMatch(View, frozen=True):
    method: GRPCMethodMatch | None = None
    headers: tuple[ValueMatch, ...] = ()


class GRPCBackendRef(BackendRef, frozen=True):
    filters: tuple[RouteFilter, ...] = ()


class GRPCRouteRule(View, frozen=True):
    name: str | None = None
    matches: tuple[GRPCRouteMatch, ...] = ()
    filters: tuple[RouteFilter, ...] = ()
    backend_refs: tuple[GRPCBackendRef, ...] = ()
    session_persistence: dict[str, Any] | None = None


class GRPCRouteSpec(View, frozen=True):
    parent_refs: tuple[ParentRef, ...] = ()
    use_default_gateways: str | None = None
    hostnames: tuple[str, ...] = ()
    rules: tuple[GRPCRouteRule, ...] = ()


@kind(GROUP, "grpcroutes", "v1", "v1alpha2")
class GRPCRoute(Object, frozen=True):
    spec: GRPCRouteSpec = GRPCRouteSpec()
    status: RouteStatus = RouteStatus()


class L4RouteRule(View, frozen=True):
    name: str | None = None
    backend_refs: tuple[BackendRef, ...] = ()


class TCPRouteSpec(View, frozen=True):
    parent_refs: tuple[ParentRef, ...] = ()
    use_default_gateways: str | None = None
    rules: tuple[L4RouteRule, ...] = ()


@kind(GROUP, "tcproutes", "v1", "v1alpha2")
class TCPRoute(Object, frozen=True):
    spec: TCPRouteSpec = TCPRouteSpec()
    status: RouteStatus = RouteStatus()


class TLSRouteSpec(TCPRouteSpec, frozen=True):
    hostnames: tuple[str, ...] = ()


@kind(GROUP, "tlsroutes", "v1", "v1alpha3", "v1alpha2")
class TLSRoute(Object, frozen=True):
    spec: TLSRouteSpec = TLSRouteSpec()
    status: RouteStatus = RouteStatus()


class ReferenceGrantFrom(View, frozen=True):
    group: str = ""
    kind: str = ""
    namespace: str = ""


class ReferenceGrantTo(View, frozen=True):
    group: str = ""
    kind: str = ""
    name: str | None = None  # None: every object of the kind


class ReferenceGrantSpec(View, frozen=True):
    from_: tuple[ReferenceGrantFrom, ...] = field(default=(), name="from")
    to: tuple[ReferenceGrantTo, ...] = ()


@kind(GROUP, "referencegrants", "v1beta1", "v1", "v1alpha2")  # v1 only since 1.5
class ReferenceGrant(Object, frozen=True):
    spec: ReferenceGrantSpec = ReferenceGrantSpec()
