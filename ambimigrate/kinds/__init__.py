"""Typed views of the kinds of Kubernetes, Istio and the Gateway API that we read."""

from ambimigrate.kinds.base import (
    KINDS,
    NAMES,
    Metadata,
    Object,
    View,
)
from ambimigrate.kinds.core import (
    ConfigMap,
    EndpointSlice,
    Namespace,
    NetworkPolicy,
    Pod,
    Service,
    ServiceAccount,
)
from ambimigrate.kinds.extensions import (
    Telemetry,
    TrafficExtension,
    WasmPlugin,
)
from ambimigrate.kinds.gatewayapi import (
    Gateway,
    GatewayClass,
)
from ambimigrate.kinds.gatewayroutes import (
    GRPCRoute,
    HTTPRoute,
    ReferenceGrant,
    TCPRoute,
    TLSRoute,
)
from ambimigrate.kinds.install import (
    IstioOperator,
    SailIstio,
)
from ambimigrate.kinds.networking import (
    EnvoyFilter,
    IstioGateway,
    ProxyConfig,
    ServiceEntry,
    Sidecar,
    WorkloadEntry,
    WorkloadGroup,
)
from ambimigrate.kinds.pods import (
    Container,
    PodSpec,
    PodTemplate,
)
from ambimigrate.kinds.routes import (
    VirtualService,
)
from ambimigrate.kinds.security import (
    AuthorizationPolicy,
    PeerAuthentication,
    RequestAuthentication,
)
from ambimigrate.kinds.shared import (
    LabelSelector,
    TargetRef,
)
from ambimigrate.kinds.traffic import (
    DestinationRule,
)
from ambimigrate.kinds.workloads import (
    CronJob,
    DaemonSet,
    Deployment,
    Job,
    ReplicaSet,
    Rollout,
    StatefulSet,
    pod_template,
)

__all__ = [
    "KINDS",
    "NAMES",
    "AuthorizationPolicy",
    "ConfigMap",
    "Container",
    "CronJob",
    "DaemonSet",
    "Deployment",
    "DestinationRule",
    "EndpointSlice",
    "EnvoyFilter",
    "GRPCRoute",
    "Gateway",
    "GatewayClass",
    "HTTPRoute",
    "IstioGateway",
    "IstioOperator",
    "Job",
    "LabelSelector",
    "Metadata",
    "Namespace",
    "NetworkPolicy",
    "Object",
    "PeerAuthentication",
    "Pod",
    "PodSpec",
    "PodTemplate",
    "ProxyConfig",
    "ReferenceGrant",
    "ReplicaSet",
    "RequestAuthentication",
    "Rollout",
    "SailIstio",
    "Service",
    "ServiceAccount",
    "ServiceEntry",
    "Sidecar",
    "StatefulSet",
    "TCPRoute",
    "TLSRoute",
    "TargetRef",
    "Telemetry",
    "TrafficExtension",
    "View",
    "VirtualService",
    "WasmPlugin",
    "WorkloadEntry",
    "WorkloadGroup",
    "pod_template",
]
