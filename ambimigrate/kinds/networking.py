"""Istio's networking kinds other than routes and traffic policies: gateways, service entries, sidecars, workloads."""

from __future__ import annotations

from typing import Any

from msgspec import field

from ambimigrate.kinds.base import Object, View, kind
from ambimigrate.kinds.shared import PolicySelector, PortSelector, TargetRef, WorkloadSelector
from ambimigrate.kinds.traffic import ConnectionPool

GROUP = "networking.istio.io"
VERSIONS = ("v1", "v1beta1", "v1alpha3")


class Port(View, frozen=True):
    number: int = 0
    protocol: str = ""
    name: str = ""
    target_port: int | None = None


class TLSCertificate(View, frozen=True):
    server_certificate: str = ""
    private_key: str = ""
    ca_certificates: str = ""


class ServerTLS(View, frozen=True):
    https_redirect: bool = False
    mode: str = "PASSTHROUGH"
    server_certificate: str = ""
    private_key: str = ""
    ca_certificates: str = ""
    ca_crl: str = ""
    credential_name: str = ""
    credential_names: tuple[str, ...] = ()
    ca_cert_credential_name: str = ""
    tls_certificates: tuple[TLSCertificate, ...] = ()
    subject_alt_names: tuple[str, ...] = ()
    verify_certificate_spki: tuple[str, ...] = ()
    verify_certificate_hash: tuple[str, ...] = ()
    min_protocol_version: str = "TLS_AUTO"
    max_protocol_version: str = "TLS_AUTO"
    cipher_suites: tuple[str, ...] = ()
    insecure_skip_verify: bool | None = None


class Server(View, frozen=True):
    name: str = ""
    port: Port | None = None
    bind: str = ""
    hosts: tuple[str, ...] = ()
    tls: ServerTLS | None = None
    default_endpoint: str = ""


class IstioGatewaySpec(View, frozen=True):
    servers: tuple[Server, ...] = ()
    selector: dict[str, str] = field(default_factory=dict)


@kind(GROUP, "gateways", *VERSIONS, name="Gateway")
class IstioGateway(Object, frozen=True):
    spec: IstioGatewaySpec = IstioGatewaySpec()


class WorkloadEntrySpec(View, frozen=True):
    address: str = ""
    ports: dict[str, int] = field(default_factory=dict)
    labels: dict[str, str] = field(default_factory=dict)
    network: str = ""
    locality: str = ""
    weight: int | None = None
    service_account: str = ""


@kind(GROUP, "workloadentries", *VERSIONS)
class WorkloadEntry(Object, frozen=True):
    spec: WorkloadEntrySpec = WorkloadEntrySpec()


class WorkloadGroupMetadata(View, frozen=True):
    labels: dict[str, str] = field(default_factory=dict)
    annotations: dict[str, str] = field(default_factory=dict)


class WorkloadGroupSpec(View, frozen=True):
    metadata: WorkloadGroupMetadata | None = None
    template: WorkloadEntrySpec | None = None
    probe: dict[str, Any] | None = None


@kind(GROUP, "workloadgroups", *VERSIONS)
class WorkloadGroup(Object, frozen=True):
    spec: WorkloadGroupSpec = WorkloadGroupSpec()


class ServiceEntrySpec(View, frozen=True):
    hosts: tuple[str, ...] = ()
    addresses: tuple[str, ...] = ()
    ports: tuple[Port, ...] = ()
    location: str = "MESH_EXTERNAL"
    resolution: str = "NONE"
    endpoints: tuple[WorkloadEntrySpec, ...] = ()
    workload_selector: WorkloadSelector | None = None
    export_to: tuple[str, ...] = ()
    subject_alt_names: tuple[str, ...] = ()


@kind(GROUP, "serviceentries", *VERSIONS)
class ServiceEntry(Object, frozen=True):
    spec: ServiceEntrySpec = ServiceEntrySpec()


class EgressProxy(View, frozen=True):
    host: str = ""
    subset: str | None = None
    port: PortSelector | None = None


class OutboundTrafficPolicy(View, frozen=True):
    mode: str = "REGISTRY_ONLY"  # of a policy that is there but names no mode
    egress_proxy: EgressProxy | None = None


class IngressListener(View, frozen=True):
    port: Port | None = None
    bind: str = ""
    capture_mode: str = "DEFAULT"
    default_endpoint: str = ""
    tls: ServerTLS | None = None
    connection_pool: ConnectionPool | None = None


class EgressListener(View, frozen=True):
    port: Port | None = None
    bind: str = ""
    capture_mode: str = "DEFAULT"
    hosts: tuple[str, ...] = ()


class SidecarSpec(View, frozen=True):
    workload_selector: WorkloadSelector | None = None
    ingress: tuple[IngressListener, ...] = ()
    egress: tuple[EgressListener, ...] = ()
    inbound_connection_pool: ConnectionPool | None = None
    outbound_traffic_policy: OutboundTrafficPolicy | None = None


@kind(GROUP, "sidecars", *VERSIONS)
class Sidecar(Object, frozen=True):
    spec: SidecarSpec = SidecarSpec()


class ConfigPatch(View, frozen=True):
    apply_to: str = ""
    match: dict[str, Any] | None = None
    patch: dict[str, Any] | None = None


class EnvoyFilterSpec(View, frozen=True):
    workload_selector: WorkloadSelector | None = None
    target_refs: tuple[TargetRef, ...] = ()
    config_patches: tuple[ConfigPatch, ...] = ()
    priority: int = 0


@kind(GROUP, "envoyfilters", "v1alpha3")
class EnvoyFilter(Object, frozen=True):
    spec: EnvoyFilterSpec = EnvoyFilterSpec()


class ProxyImage(View, frozen=True):
    image_type: str = ""


class ProxyConfigSpec(View, frozen=True):
    selector: PolicySelector | None = None
    concurrency: int | None = None
    environment_variables: dict[str, str] = field(default_factory=dict)
    image: ProxyImage | None = None


@kind(GROUP, "proxyconfigs", "v1beta1")
class ProxyConfig(Object, frozen=True):
    spec: ProxyConfigSpec = ProxyConfigSpec()
