"""Kinds of the Kubernetes Gateway API: gateways, and the parts of which routes are made."""

from __future__ import annotations

from typing import Any

from msgspec import field

from ambimigrate.kinds.base import Object, View, kind
from ambimigrate.kinds.shared import LabelSelector
from ambimigrate.kinds.status import Status

GROUP = "gateway.networking.k8s.io"


class ObjectRef(View, frozen=True):
    group: str = ""
    kind: str = ""
    name: str = ""


class GatewayClassSpec(View, frozen=True):
    controller_name: str = ""


@kind(GROUP, "gatewayclasses", "v1", "v1beta1", "v1alpha2", namespaced=False)
class GatewayClass(Object, frozen=True):
    spec: GatewayClassSpec = GatewayClassSpec()


class RouteNamespaces(View, frozen=True):
    from_: str = field(default="Same", name="from")
    selector: LabelSelector | None = None


class RouteGroupKind(View, frozen=True):
    group: str = GROUP
    kind: str = ""


class AllowedRoutes(View, frozen=True):
    namespaces: RouteNamespaces | None = None
    kinds: tuple[RouteGroupKind, ...] = ()


class Listener(View, frozen=True):
    name: str = ""
    port: int = 0
    protocol: str = ""
    hostname: str | None = None
    tls: dict[str, Any] | None = None
    allowed_routes: AllowedRoutes | None = None


class GatewayAddress(View, frozen=True):
    type: str = "IPAddress"
    value: str = ""


class GatewayInfrastructure(View, frozen=True):
    labels: dict[str, str] = field(default_factory=dict)
    annotations: dict[str, str] = field(default_factory=dict)
    parameters_ref: ObjectRef | None = None


class GatewaySpec(View, frozen=True):
    gateway_class_name: str = ""
    listeners: tuple[Listener, ...] = ()
    addresses: tuple[GatewayAddress, ...] = ()
    infrastructure: GatewayInfrastructure | None = None


@kind(GROUP, "gateways", "v1", "v1beta1", "v1alpha2")
class Gateway(Object, frozen=True):
    spec: GatewaySpec = GatewaySpec()
    status: Status = Status()


class ParentRef(View, frozen=True):
    group: str = GROUP
    kind: str = "Gateway"
    namespace: str | None = None
    name: str = ""
    section_name: str | None = None
    port: int | None = None


class HTTPHeader(View, frozen=True):
    name: str = ""
    value: str = ""


class HeaderFilter(View, frozen=True):
    set: tuple[HTTPHeader, ...] = ()
    add: tuple[HTTPHeader, ...] = ()
    remove: tuple[str, ...] = ()


class BackendObjectRef(View, frozen=True):
    group: str = ""
    kind: str = "Service"
    namespace: str | None = None
    name: str = ""
    port: int | None = None


class BackendRef(BackendObjectRef, frozen=True):
    weight: int = 1


class Fraction(View, frozen=True):
    numerator: int = 0
    denominator: int = 100


class MirrorFilter(View, frozen=True):
    backend_ref: BackendObjectRef = BackendObjectRef()
    percent: int | None = None
    fraction: Fraction | None = None


class PathModifier(View, frozen=True):
    type: str = ""
    replace_full_path: str | None = None
    replace_prefix_match: str | None = None


class RedirectFilter(View, frozen=True):
    scheme: str | None = None
    hostname: str | None = None
    path: PathModifier | None = None
    port: int | None = None
    status_code: int = 302


class RewriteFilter(View, frozen=True):
    hostname: str | None = None
    path: PathModifier | None = None


class CorsFilter(View, frozen=True):
    allow_origins: tuple[str, ...] = ()
    allow_credentials: bool | None = None
    allow_methods: tuple[str, ...] = ()
    allow_headers: tuple[str, ...] = ()
    expose_headers: tuple[str, ...] = ()
    max_age: int | None = None


class RouteFilter(View, frozen=True):
    type: str = ""
    request_header_modifier: HeaderFilter | None = None
    response_header_modifier: HeaderFilter | None = None
    request_mirror: MirrorFilter | None = None
    extension_ref: ObjectRef | None = None


class HTTPRouteFilter(RouteFilter, frozen=True):
    request_redirect: RedirectFilter | None = None
    url_rewrite: RewriteFilter | None = None
    cors: CorsFilter | None = None
    external_auth: dict[str, Any] | None = None
