"""NP009: waypoints that NetworkPolicies cut off from istiod or DNS, so that they never become ready."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from ambimigrate.checks import rule
from ambimigrate.kinds import Namespace, NetworkPolicy
from ambimigrate.kinds.core import NetworkPolicyEgressRule, NetworkPolicyPeer, NetworkPolicyPort
from ambimigrate.model import Hit, Mesh, Resource
from ambimigrate.topology import injection, meshconfig, networks
from ambimigrate.topology.networks import Pods

ISTIOD = 15012
DNS = (53, 5353)  # of the Service and, on OpenShift, of the pods behind it, at which policies look


@rule("NP009", NetworkPolicy)
def check(policy: Resource[NetworkPolicy], mesh: Mesh) -> Iterator[Hit]:
    if not networks.restricts(policy.body, "Egress"):
        return
    for pods in networks.selected(mesh, policy):
        if pods.workload is None and (missing := _missing(mesh, pods)):
            route = ("spec", "egress") if policy.body.spec.egress else ("spec", "policyTypes")
            yield Hit(
                policy.at(*route),
                f"fails open: {pods.name} cannot reach {' and '.join(missing)}, never becomes ready, and its Services are "
                "served without it",
            )
            return


def _missing(mesh: Mesh, pods: Pods) -> tuple[str, ...]:
    """What the pods need and no policy lets them out to."""
    found = [each for policy in networks.policies_on(mesh, pods, "Egress") for each in policy.body.spec.egress]
    root = meshconfig.root_namespace(mesh)
    control = any(networks.admits(each.ports, ISTIOD) and _reaches(each.to, pods.namespace, root, mesh) for each in found)
    names = any(_is_dns(each) for each in found)
    return (*(() if control else (f"istiod on TCP {ISTIOD}",)), *(() if names else ("DNS",)))


def _reaches(peers: Iterable[NetworkPolicyPeer], own: str, root: str, mesh: Mesh) -> bool:
    """Whether peers can be istiod: anybody, a block of addresses, or pods of the root namespace."""
    known = tuple(peers)
    return not known or any(each.ip_block is not None or _names(each, own, root, mesh) for each in known)


def _names(peer: NetworkPolicyPeer, own: str, root: str, mesh: Mesh) -> bool:
    if peer.namespace_selector is None:
        return own == root
    chosen = peer.namespace_selector
    known = any(each.name == root for each in mesh.of(Namespace))
    labels = {networks.NAME: root, **injection.labels(mesh, root)}
    return networks.selects(chosen, labels) or (not known and networks.NAME not in chosen.match_labels)


def _is_dns(found: NetworkPolicyEgressRule) -> bool:
    return not found.ports or any(_covers(each) for each in found.ports)


def _covers(port: NetworkPolicyPort) -> bool:
    if not isinstance(port.port, int):
        return True  # every port, or one by a name that the input does not resolve
    last = port.end_port or port.port
    return any(port.port <= each <= last for each in DNS)
