"""NP002: port 15008 is open to more callers than the application's own ports."""

from __future__ import annotations

from collections.abc import Iterator

from ambimigrate.checks import rule
from ambimigrate.checks.network import words
from ambimigrate.checks.pods import listed
from ambimigrate.kinds import AuthorizationPolicy, NetworkPolicy
from ambimigrate.kinds.core import NetworkPolicyIngressRule
from ambimigrate.model import Hit, Mesh, Resource
from ambimigrate.topology import meshconfig
from ambimigrate.topology import networks as reach
from ambimigrate.topology.workloads import matches


@rule("NP002", NetworkPolicy)
def check(policy: Resource[NetworkPolicy], mesh: Mesh) -> Iterator[Hit]:
    if not reach.restricts(policy.body, "Ingress"):
        return
    opening = [(i, each) for i, each in enumerate(policy.body.spec.ingress) if each.ports and reach.admits(each.ports)]
    pods = [each for each in reach.selected(mesh, policy) if not _is_guarded(mesh, each)] if opening else []
    for i, each in opening:
        for one in pods:
            widened = _widened(mesh, one, each)
            if widened is not None:
                yield Hit(policy.at("spec", "ingress", i), _words(one, each, widened), _case(each))
                break


def _widened(mesh: Mesh, pods: reach.Pods, hbone: NetworkPolicyIngressRule) -> NetworkPolicyIngressRule | None:
    """A rule by port for fewer callers than the rule that opens 15008 admits."""
    for policy in reach.policies_on(mesh, pods, "Ingress"):
        for each in policy.body.spec.ingress:
            if reach.tcp(each.ports) and not reach.admits(each.ports) and not reach.covers(each.from_, hbone.from_):
                return each
    return None


def _is_guarded(mesh: Mesh, pods: reach.Pods) -> bool:
    """Whether a policy that ztunnel enforces says who may call, or keeps callers to some ports."""
    for policy in mesh.within(AuthorizationPolicy, pods.namespace, meshconfig.root_namespace(mesh)):
        spec = policy.body.spec
        if spec.target_ref or spec.target_refs or not _guards(policy.body):
            continue
        if matches(spec.selector.match_labels if spec.selector else {}, pods.labels):
            return True
    return False


def _guards(policy: AuthorizationPolicy) -> bool:
    if policy.spec.action == "DENY":
        operations = (each.operation for rule in policy.spec.rules or () for each in rule.to)
        return any(each is not None and each.not_ports for each in operations)
    return policy.spec.action in {"", "ALLOW"}


def _case(hbone: NetworkPolicyIngressRule) -> str:
    return "shared" if hbone.from_ else "anyone"


def _words(pods: reach.Pods, hbone: NetworkPolicyIngressRule, widened: NetworkPolicyIngressRule) -> str:
    who = words.described(hbone.from_)
    ports = listed(str(each.port) for each in reach.tcp(widened.ports))
    return (
        f"fails open: port {reach.HBONE} of {pods.name} is open to {who}, and the tunnel leads to every port of the pod: "
        f"port {ports}, meant for {words.described(widened.from_)}, is open to {who} as well"
    )
