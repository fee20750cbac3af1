"""NP001: a NetworkPolicy that admits callers from the mesh by port, but not on port 15008."""

from __future__ import annotations

from collections.abc import Iterator

from ambimigrate.checks import rule
from ambimigrate.checks.network import words
from ambimigrate.checks.pods import listed
from ambimigrate.kinds import NetworkPolicy
from ambimigrate.kinds.core import NetworkPolicyIngressRule
from ambimigrate.model import Hit, Mesh, Resource
from ambimigrate.topology import networks as reach


@rule("NP001", NetworkPolicy)
def check(policy: Resource[NetworkPolicy], mesh: Mesh) -> Iterator[Hit]:
    if not reach.restricts(policy.body, "Ingress"):
        return
    pods = reach.selected(mesh, policy)
    if not pods and not reach.means_unseen(mesh, policy):
        return
    whom = listed(each.name for each in pods) if pods else "the selected pods"
    for i, each in enumerate(policy.body.spec.ingress):
        if _closes(mesh, policy, each) and not _admitted(mesh, policy, each, pods):
            yield Hit(
                policy.at("spec", "ingress", i, "ports"),
                f"mesh traffic reaches {whom} on port {reach.HBONE}, but this rule admits {words.described(each.from_)} only "
                f"on {reach.shown(each.ports)}: calls time out once the pods are ambient",
            )


def _closes(mesh: Mesh, policy: Resource[NetworkPolicy], each: NetworkPolicyIngressRule) -> bool:
    """Whether the rule admits callers of the mesh on TCP ports without 15008."""
    if reach.admits(each.ports) or not reach.tcp(each.ports):
        return False
    return not each.from_ or any(reach.from_mesh(mesh, peer, policy.namespace) for peer in each.from_)


def _admitted(
    mesh: Mesh, policy: Resource[NetworkPolicy], each: NetworkPolicyIngressRule, pods: tuple[reach.Pods, ...]
) -> bool:
    """Whether for all of the pods some policy admits the same callers on 15008."""
    groups = [list(reach.policies_on(mesh, one, "Ingress")) for one in pods] or [[policy]]
    return all(any(_opens(other, each) for other in group) for group in groups)


def _opens(policy: Resource[NetworkPolicy], each: NetworkPolicyIngressRule) -> bool:
    return any(reach.admits(one.ports) and reach.covers(one.from_, each.from_) for one in policy.body.spec.ingress)
