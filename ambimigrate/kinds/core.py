"""Kinds of Kubernetes itself without a template: namespaces, services, pods, endpoints, network policies."""

from __future__ import annotations

from msgspec import field

from ambimigrate.kinds.base import Object, View, kind
from ambimigrate.kinds.pods import PodSpec
from ambimigrate.kinds.shared import LabelSelector
from ambimigrate.kinds.status import PodStatus, Status


@kind("", "namespaces", namespaced=False)
class Namespace(Object, frozen=True):
    pass


class ServicePort(View, frozen=True):
    name: str = ""
    port: int = 0
    target_port: int | str | None = None  # None: the same as `port`
    node_port: int | None = None
    protocol: str = "TCP"
    app_protocol: str | None = None


class ServiceSpec(View, frozen=True):
    type: str = "ClusterIP"
    cluster_ip: str = field(default="", name="clusterIP")  # "None" for a headless service
    cluster_ips: tuple[str, ...] = field(default=(), name="clusterIPs")
    external_name: str = ""
    selector: dict[str, str] = field(default_factory=dict)
    ports: tuple[ServicePort, ...] = ()
    ip_families: tuple[str, ...] = ()
    ip_family_policy: str | None = None
    publish_not_ready_addresses: bool = False
    internal_traffic_policy: str | None = None
    external_traffic_policy: str | None = None
    session_affinity: str = "None"
    traffic_distribution: str | None = None


@kind("", "services")
class Service(Object, frozen=True):
    spec: ServiceSpec = ServiceSpec()
    status: Status = Status()


@kind("", "serviceaccounts")
class ServiceAccount(Object, frozen=True):
    pass


@kind("", "pods")
class Pod(Object, frozen=True):
    spec: PodSpec = PodSpec()
    status: PodStatus = PodStatus()


@kind("", "configmaps")
class ConfigMap(Object, frozen=True):
    data: dict[str, str] = field(default_factory=dict)


class EndpointConditions(View, frozen=True):
    ready: bool | None = None
    serving: bool | None = None
    terminating: bool | None = None


class EndpointTarget(View, frozen=True):
    kind: str = ""


class Endpoint(View, frozen=True):
    addresses: tuple[str, ...] = ()
    target_ref: EndpointTarget = EndpointTarget()  # without a kind where the address is of no object
    conditions: EndpointConditions = EndpointConditions()


class EndpointPort(View, frozen=True):
    name: str = ""
    port: int | None = None
    protocol: str = "TCP"
    app_protocol: str | None = None


@kind("discovery.k8s.io", "endpointslices")
class EndpointSlice(Object, frozen=True):
    address_type: str = ""
    endpoints: tuple[Endpoint, ...] = ()
    ports: tuple[EndpointPort, ...] = ()


class IPBlock(View, frozen=True):
    cidr: str = ""
    except_: tuple[str, ...] = field(default=(), name="except")


class NetworkPolicyPeer(View, frozen=True):
    pod_selector: LabelSelector | None = None
    namespace_selector: LabelSelector | None = None
    ip_block: IPBlock | None = None


class NetworkPolicyPort(View, frozen=True):
    port: int | str | None = None
    end_port: int | None = None
    protocol: str = "TCP"


class NetworkPolicyIngressRule(View, frozen=True):
    from_: tuple[NetworkPolicyPeer, ...] = field(default=(), name="from")
    ports: tuple[NetworkPolicyPort, ...] = ()


class NetworkPolicyEgressRule(View, frozen=True):
    to: tuple[NetworkPolicyPeer, ...] = ()
    ports: tuple[NetworkPolicyPort, ...] = ()


class NetworkPolicySpec(View, frozen=True):
    pod_selector: LabelSelector = LabelSelector()
    policy_types: tuple[str, ...] = ()
    ingress: tuple[NetworkPolicyIngressRule, ...] = ()
    egress: tuple[NetworkPolicyEgressRule, ...] = ()


@kind("networking.k8s.io", "networkpolicies")
class NetworkPolicy(Object, frozen=True):
    spec: NetworkPolicySpec = NetworkPolicySpec()
