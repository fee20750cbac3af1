"""Kinds of the networks under a mesh: Cilium, Calico, security groups of pods on AWS, OpenShift's network operator."""

from __future__ import annotations

from typing import Any

from msgspec import field

from ambimigrate.kinds.base import Object, View, kind
from ambimigrate.kinds.shared import LabelSelector


class CiliumRule(View, frozen=True):
    endpoint_selector: dict[str, Any] | None = None
    ingress: tuple[dict[str, Any], ...] | None = None
    egress: tuple[dict[str, Any], ...] | None = None
    enable_default_deny: dict[str, bool] = field(default_factory=dict)
    ingress_deny: tuple[dict[str, Any], ...] | None = None
    egress_deny: tuple[dict[str, Any], ...] | None = None
    node_selector: dict[str, Any] | None = None  # the rule is about nodes


class CiliumPolicy(Object, frozen=True):
    """What both kinds of Cilium's policies hold: one rule, or several."""

    spec: CiliumRule | None = None
    specs: tuple[CiliumRule, ...] = ()


@kind("cilium.io", "ciliumnetworkpolicies", "v2")
class CiliumNetworkPolicy(CiliumPolicy, frozen=True):
    pass


@kind("cilium.io", "ciliumclusterwidenetworkpolicies", "v2", namespaced=False)
class CiliumClusterwideNetworkPolicy(CiliumPolicy, frozen=True):
    pass


class CalicoEntity(View, frozen=True):
    ports: tuple[int | str, ...] = ()
    nets: tuple[str, ...] = ()
    selector: str = ""
    namespace_selector: str = ""
    not_ports: tuple[int | str, ...] = ()
    not_nets: tuple[str, ...] = ()
    not_selector: str = ""
    service_accounts: dict[str, Any] | None = None
    services: dict[str, Any] | None = None


class CalicoRule(View, frozen=True):
    action: str = ""
    protocol: str | int | None = None
    not_protocol: str | int | None = None
    ip_version: int | None = None
    icmp: dict[str, Any] | None = None
    not_icmp: dict[str, Any] | None = field(default=None, name="notICMP")
    http: dict[str, Any] | None = None
    source: CalicoEntity = CalicoEntity()
    destination: CalicoEntity = CalicoEntity()


class CalicoPolicySpec(View, frozen=True):
    tier: str = ""
    order: float | None = None
    service_account_selector: str = ""
    do_not_track: bool = False
    pre_dnat: bool = field(default=False, name="preDNAT")
    selector: str = ""
    namespace_selector: str = ""
    types: tuple[str, ...] = ()
    ingress: tuple[CalicoRule, ...] = ()
    egress: tuple[CalicoRule, ...] = ()


@kind("projectcalico.org", "networkpolicies", "v3", name="NetworkPolicy")
class CalicoNetworkPolicy(Object, frozen=True):
    spec: CalicoPolicySpec = CalicoPolicySpec()


@kind("projectcalico.org", "globalnetworkpolicies", "v3", namespaced=False, name="GlobalNetworkPolicy")
class CalicoGlobalNetworkPolicy(Object, frozen=True):
    spec: CalicoPolicySpec = CalicoPolicySpec()


@kind("crd.projectcalico.org", "networkpolicies", name="NetworkPolicy")
class CalicoStoredNetworkPolicy(Object, frozen=True):
    """The form in which Calico stores its policies, written by those who do without its API server."""

    spec: CalicoPolicySpec = CalicoPolicySpec()


@kind("crd.projectcalico.org", "globalnetworkpolicies", namespaced=False, name="GlobalNetworkPolicy")
class CalicoStoredGlobalNetworkPolicy(Object, frozen=True):
    spec: CalicoPolicySpec = CalicoPolicySpec()


CILIUM: tuple[type[Object], ...] = (CiliumNetworkPolicy, CiliumClusterwideNetworkPolicy)
CALICO: tuple[type[Object], ...] = (
    CalicoNetworkPolicy,
    CalicoGlobalNetworkPolicy,
    CalicoStoredNetworkPolicy,
    CalicoStoredGlobalNetworkPolicy,
)


class FelixConfigurationSpec(View, frozen=True):
    bpf_enabled: bool | None = None
    bpf_connect_time_load_balancing: str | None = None


@kind("projectcalico.org", "felixconfigurations", "v3", namespaced=False)
class FelixConfiguration(Object, frozen=True):
    spec: FelixConfigurationSpec = FelixConfigurationSpec()


@kind("crd.projectcalico.org", "felixconfigurations", namespaced=False, name="FelixConfiguration")
class StoredFelixConfiguration(Object, frozen=True):
    spec: FelixConfigurationSpec = FelixConfigurationSpec()


class SecurityGroupPolicySpec(View, frozen=True):
    pod_selector: LabelSelector | None = None
    service_account_selector: LabelSelector | None = None


@kind("vpcresources.k8s.aws", "securitygrouppolicies", "v1beta1")
class SecurityGroupPolicy(Object, frozen=True):
    spec: SecurityGroupPolicySpec = SecurityGroupPolicySpec()


class OpenShiftNetworkSpec(View, frozen=True):
    default_network: dict[str, Any] | None = None


@kind("operator.openshift.io", "networks", namespaced=False, name="Network")
class OpenShiftNetwork(Object, frozen=True):
    spec: OpenShiftNetworkSpec = OpenShiftNetworkSpec()
