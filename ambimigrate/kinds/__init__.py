"""Typed views of the kinds of Kubernetes, Istio and the Gateway API that we read."""

from ambimigrate.kinds.admission import (
    APIService,
    ClusterPolicy,
    ConstraintTemplate,
    CustomResourceDefinition,
    KyvernoPolicy,
    MutatingWebhookConfiguration,
    ValidatingAdmissionPolicy,
    ValidatingWebhookConfiguration,
)
from ambimigrate.kinds.base import (
    KINDS,
    NAMES,
    Metadata,
    Object,
    View,
)
from ambimigrate.kinds.charts import HelmValues
from ambimigrate.kinds.cni import (
    CalicoGlobalNetworkPolicy,
    CalicoNetworkPolicy,
    CalicoStoredGlobalNetworkPolicy,
    CalicoStoredNetworkPolicy,
    CiliumClusterwideNetworkPolicy,
    CiliumNetworkPolicy,
    FelixConfiguration,
    OpenShiftNetwork,
    SecurityGroupPolicy,
    StoredFelixConfiguration,
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
from ambimigrate.kinds.delivery import (
    Application,
    ApplicationSet,
    Canary,
    FluxKustomization,
    HelmRelease,
    InferenceService,
    KnativeService,
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
from ambimigrate.kinds.ingress import (
    Ingress,
    IngressClass,
)
from ambimigrate.kinds.install import (
    IstioOperator,
    SailIstio,
)
from ambimigrate.kinds.monitoring import (
    AnalysisTemplate,
    ClusterAnalysisTemplate,
    MetricTemplate,
    PodMonitor,
    PrometheusRule,
    PrometheusServiceLevel,
    ServiceLevelObjective,
    ServiceMonitor,
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
from ambimigrate.kinds.nodes import (
    Node,
)
from ambimigrate.kinds.pods import (
    Container,
    PodSpec,
    PodTemplate,
)
from ambimigrate.kinds.routes import (
    VirtualService,
)
from ambimigrate.kinds.scaling import (
    HorizontalPodAutoscaler,
    LimitRange,
    PodDisruptionBudget,
    ResourceQuota,
    ScaledObject,
    VerticalPodAutoscaler,
)
from ambimigrate.kinds.secrets import RemoteSecret
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
    VirtualMachine,
    pod_template,
)

__all__ = [
    "KINDS",
    "NAMES",
    "APIService",
    "AnalysisTemplate",
    "Application",
    "ApplicationSet",
    "AuthorizationPolicy",
    "CalicoGlobalNetworkPolicy",
    "CalicoNetworkPolicy",
    "CalicoStoredGlobalNetworkPolicy",
    "CalicoStoredNetworkPolicy",
    "Canary",
    "CiliumClusterwideNetworkPolicy",
    "CiliumNetworkPolicy",
    "ClusterAnalysisTemplate",
    "ClusterPolicy",
    "ConfigMap",
    "ConstraintTemplate",
    "Container",
    "CronJob",
    "CustomResourceDefinition",
    "DaemonSet",
    "Deployment",
    "DestinationRule",
    "EndpointSlice",
    "EnvoyFilter",
    "FelixConfiguration",
    "FluxKustomization",
    "GRPCRoute",
    "Gateway",
    "GatewayClass",
    "HTTPRoute",
    "HelmRelease",
    "HelmValues",
    "HorizontalPodAutoscaler",
    "InferenceService",
    "Ingress",
    "IngressClass",
    "IstioGateway",
    "IstioOperator",
    "Job",
    "KnativeService",
    "KyvernoPolicy",
    "LabelSelector",
    "LimitRange",
    "Metadata",
    "MetricTemplate",
    "MutatingWebhookConfiguration",
    "Namespace",
    "NetworkPolicy",
    "Node",
    "Object",
    "OpenShiftNetwork",
    "PeerAuthentication",
    "Pod",
    "PodDisruptionBudget",
    "PodMonitor",
    "PodSpec",
    "PodTemplate",
    "PrometheusRule",
    "PrometheusServiceLevel",
    "ProxyConfig",
    "ReferenceGrant",
    "RemoteSecret",
    "ReplicaSet",
    "RequestAuthentication",
    "ResourceQuota",
    "Rollout",
    "SailIstio",
    "ScaledObject",
    "SecurityGroupPolicy",
    "Service",
    "ServiceAccount",
    "ServiceEntry",
    "ServiceLevelObjective",
    "ServiceMonitor",
    "Sidecar",
    "StatefulSet",
    "StoredFelixConfiguration",
    "TCPRoute",
    "TLSRoute",
    "TargetRef",
    "Telemetry",
    "TrafficExtension",
    "ValidatingAdmissionPolicy",
    "ValidatingWebhookConfiguration",
    "VerticalPodAutoscaler",
    "View",
    "VirtualMachine",
    "VirtualService",
    "WasmPlugin",
    "WorkloadEntry",
    "WorkloadGroup",
    "pod_template",
]
