"""Peers of NetworkPolicies as identities of the mesh: whom ztunnel and waypoints have to know by name."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from msgspec import Struct

from ambimigrate.converters.outcome import Refused
from ambimigrate.kinds import LabelSelector
from ambimigrate.kinds.core import NetworkPolicyPeer
from ambimigrate.model import Mesh, Route
from ambimigrate.topology import injection, networks
from ambimigrate.topology.captured import captured
from ambimigrate.topology.networks import NAME
from ambimigrate.topology.workloads import Workload, in_namespace

_EVERYTHING = LabelSelector()


class Who(Struct, frozen=True):
    """Callers: whole namespaces, identities of pods, addresses. Identities leave the trust domain open, as selectors do."""

    namespaces: tuple[str, ...] = ()
    principals: tuple[str, ...] = ()
    blocks: tuple[str, ...] = ()

    def __or__(self, other: Who) -> Who:
        return Who(
            tuple(sorted({*self.namespaces, *other.namespaces})),
            tuple(sorted({*self.principals, *other.principals})),
            tuple(sorted({*self.blocks, *other.blocks})),
        )

    def others(self) -> dict[str, Any]:
        """The source of a rule that means everybody else who has an identity."""
        found = {"notPrincipals": self.principals, "notNamespaces": self.namespaces, "notIpBlocks": self.blocks}
        return {"principals": ["*"]} | {key: list(values) for key, values in found.items() if values}


def principal(namespace: str, account: str) -> str:
    """An identity in whichever trust domain: Istio matches a leading `*` as a suffix."""
    return f"*/ns/{namespace}/sa/{account}"


def is_everybody(peers: tuple[NetworkPolicyPeer, ...]) -> bool:
    """Whether nobody of the cluster is left out."""
    return not peers or any(_is_everybody(each) for each in peers)


def _is_everybody(peer: NetworkPolicyPeer) -> bool:
    if peer.ip_block is not None:
        return peer.ip_block.cidr == "0.0.0.0/0" and not peer.ip_block.except_
    return peer.namespace_selector == _EVERYTHING and peer.pod_selector in (None, _EVERYTHING)


def of(mesh: Mesh, peers: Iterable[NetworkPolicyPeer], own: str, route: Route) -> Who:
    """The identities of the peers of a policy in namespace `own`. Raises Refused where they are not exactly those."""
    found = Who()
    for peer in peers:
        found |= _one(mesh, peer, own, route)
    return found


def _one(mesh: Mesh, peer: NetworkPolicyPeer, own: str, route: Route) -> Who:
    if peer.ip_block is not None:
        if peer.ip_block.except_:
            raise Refused(
                "except", route, f"ztunnel cannot tell {peer.ip_block.cidr} without its exceptions from others by port"
            )
        return Who(blocks=(peer.ip_block.cidr,))
    spaces = [own] if peer.namespace_selector is None else _spaces(mesh, peer.namespace_selector, route)
    if peer.pod_selector is None or peer.pod_selector == _EVERYTHING:
        return Who(namespaces=tuple(sorted(spaces)))
    selector = peer.pod_selector
    chosen = [each for name in spaces for each in in_namespace(mesh, name) if networks.selects(selector, each.labels)]
    if not chosen:
        raise Refused("unseen", route, "the pods that it admits are not in the input, so their identities are not known")
    return Who(principals=accounts(mesh, chosen, route))


def _spaces(mesh: Mesh, selector: LabelSelector, route: Route) -> list[str]:
    """The namespaces that a selector means; by its name one that was not read, too."""
    if set(selector.match_labels) == {NAME} and not selector.match_expressions:
        return [selector.match_labels[NAME]]
    every = injection.namespaces(mesh)
    found = [name for name in every if networks.selects(selector, {NAME: name, **injection.labels(mesh, name)})]
    if not found:
        raise Refused("unseen", route, "no namespace of the input has the labels that it asks for")
    return found


def accounts(mesh: Mesh, chosen: Iterable[Workload], route: Route) -> tuple[str, ...]:
    """The identities of workloads. Raises Refused if others share one, since these would pass for them."""
    members = [each for each in chosen if has_identity(mesh, each)]
    known = {id(each) for each in members}
    for each in members:
        for other in sharing(mesh, each):
            if id(other) not in known:
                raise Refused(
                    "account",
                    route,
                    f"{each} and {other} run as the same service account {each.namespace}/{each.service_account}, so ztunnel "
                    "cannot tell them apart",
                    f"a connection of {other.name}: the policy tells it from {each.name}, its identity does not",
                )
    return tuple(sorted({principal(each.namespace, each.service_account) for each in members}))


def sharing(mesh: Mesh, workload: Workload) -> Iterator[Workload]:
    """The workloads of the mesh that run as the same service account."""
    for each in in_namespace(mesh, workload.namespace):
        if each.service_account == workload.service_account and has_identity(mesh, each):
            yield each


def has_identity(mesh: Mesh, workload: Workload) -> bool:
    """Whether the pods are in the mesh, or will be."""
    return (
        captured(mesh, workload) or injection.is_gateway(workload) or injection.workload_mode(mesh, workload) != injection.NONE
    )
