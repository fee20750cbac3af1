"""Which NetworkPolicies keep a namespace from calling whom it likes."""

from __future__ import annotations

from collections.abc import Mapping

from ambimigrate.kinds import NetworkPolicy
from ambimigrate.kinds.core import NetworkPolicyEgressRule
from ambimigrate.model import Mesh, Resource, grouped

ANYWHERE = {"0.0.0.0/0", "::/0"}


def closing(mesh: Mesh, namespace: str) -> Resource[NetworkPolicy] | None:
    """The NetworkPolicy by which no pod of the namespace reaches every address, None if they may."""
    own = mesh.index(_by_namespace).get(namespace, ())
    if any(_is_open(rule) for each in own for rule in each.body.spec.egress):
        return None
    whole = (each for each in own if not each.body.spec.pod_selector.match_labels)
    return next((each for each in whole if not each.body.spec.pod_selector.match_expressions), None)


def _by_namespace(mesh: Mesh) -> Mapping[str, tuple[Resource[NetworkPolicy], ...]]:
    return grouped((each.namespace, each) for each in mesh.of(NetworkPolicy) if _is_egress(each.body))


def _is_egress(policy: NetworkPolicy) -> bool:
    return "Egress" in policy.spec.policy_types or bool(policy.spec.egress and not policy.spec.policy_types)


def _is_open(rule: NetworkPolicyEgressRule) -> bool:
    """Whether a rule admits every address of the internet."""
    return not rule.to or any(peer.ip_block and peer.ip_block.cidr in ANYWHERE for peer in rule.to)
