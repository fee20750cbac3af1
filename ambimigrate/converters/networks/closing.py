"""What the tunnel would open closed again: DENY policies by which ztunnel tells ports apart as NetworkPolicies did.

A NetworkPolicy still sees the real port of plain connections; of mesh traffic it sees 15008 only. So the policies are
about callers with an identity alone (`principals: ["*"]`), which all mesh traffic has.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from typing import Any

import msgspec
from msgspec import Struct

from ambimigrate.changes import FROM, Change, Create, Stage
from ambimigrate.converters import made
from ambimigrate.converters.networks import entries, identities
from ambimigrate.converters.networks.entries import Entry
from ambimigrate.converters.networks.identities import Who
from ambimigrate.converters.outcome import Refused
from ambimigrate.kinds import AuthorizationPolicy
from ambimigrate.model import Mesh, Ref, Resource
from ambimigrate.topology import networks
from ambimigrate.topology.networks import GATEWAY_NAME, Pods
from ambimigrate.topology.workloads import in_namespace, matches

CLOSED = "NP902"
MOST = 100  # more ports than this are not listed one by one
Rules = tuple[dict[str, Any], ...]


class Blocked(Exception):
    """What a policy kept apart cannot be kept apart exactly: which policy, and the refusal."""

    def __init__(self, policy: entries.Policy, refused: Refused) -> None:
        super().__init__(refused.reason)
        self.policy, self.refused = policy, refused


class Wanted(Struct, frozen=True):
    """The rules of a DENY for pods, and the policy that asks for them."""

    pods: Pods
    policy: entries.Policy
    rules: Rules


def through(found: tuple[Entry, ...], waypoints: frozenset[str]) -> tuple[Entry, ...]:
    """The rules under which mesh traffic comes, but for those about these waypoints, which pass on what others may."""
    return tuple(each for each in others(found, waypoints) if each.tunnel)


def others(found: tuple[Entry, ...], waypoints: frozenset[str]) -> tuple[Entry, ...]:
    """The rules that are not about these waypoints."""
    return tuple(each for each in found if not _is_for(each, waypoints))


def _is_for(entry: Entry, waypoints: frozenset[str]) -> bool:
    chosen = [each.pod_selector for each in entry.peers]
    return bool(chosen) and all(each is not None and each.match_labels.get(GATEWAY_NAME) in waypoints for each in chosen)


def rules(mesh: Mesh, tunnels: tuple[Entry, ...], more: Who, served: frozenset[int]) -> Rules:
    """The rules that refuse whom no NetworkPolicy admitted to a port.

    `more` are waypoints, which lead to the `served` ports alone. Raises Blocked.
    """
    wide = frozenset(i for i, each in enumerate(tunnels) if each.ports is None)
    known = _groups(tunnels, wide, served)
    union = frozenset(port for ports in known.values() for port in ports)
    answer = []
    for group, ports in sorted(known.items(), key=lambda each: min(each[1])):
        if not is_open(tunnels, group):
            source = (who(mesh, tunnels, group) | (more if ports & served else Who())).others()
            answer.append(_rule(source, {"ports": _listed(ports, tunnels[0])}))
    if tunnels and not is_open(tunnels, wide):
        source = who(mesh, tunnels, wide).others()
        answer.append(_rule(source, {"notPorts": _listed(union, tunnels[0])} if union else {}))
    return tuple(answer)


def _groups(tunnels: tuple[Entry, ...], wide: frozenset[int], served: frozenset[int]) -> dict[frozenset[int], frozenset[int]]:
    """The ports that are named, by the rules that admit them."""
    every = {port for each in tunnels for port in each.ports or ()} | (served if wide else frozenset())
    known: dict[frozenset[int], set[int]] = defaultdict(set)
    for port in every:
        known[wide | {i for i, each in enumerate(tunnels) if port in (each.ports or ())}].add(port)
    return {group: frozenset(ports) for group, ports in known.items()}


def is_open(tunnels: tuple[Entry, ...], group: frozenset[int]) -> bool:
    """Whether the rules of the group admit everybody whom any rule admits to the tunnel."""
    inside = [tunnels[i] for i in group]
    if any(identities.is_everybody(each.peers) for each in inside):
        return True
    peers = tuple(peer for each in inside for peer in each.peers)
    rest = (each for i, each in enumerate(tunnels) if i not in group)
    return all(bool(peers) and networks.covers(peers, each.peers) for each in rest)


def who(mesh: Mesh, tunnels: tuple[Entry, ...], group: frozenset[int]) -> Who:
    found = Who()
    for each in (tunnels[i] for i in sorted(group)):
        try:
            found |= identities.of(mesh, each.peers, each.policy.namespace, ("spec", "ingress", each.number, "from"))
        except Refused as refused:
            raise Blocked(each.policy, refused) from refused
    return found


def _rule(source: dict[str, Any], operation: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = {"from": [{"source": source}]}
    return found | ({"to": [{"operation": operation}]} if operation else {})


def _listed(ports: frozenset[int], entry: Entry) -> list[str]:
    if len(ports) > MOST:
        route = ("spec", "ingress", entry.number, "ports")
        reason = f"it means {len(ports)} ports, and an AuthorizationPolicy lists each one"
        raise Blocked(entry.policy, Refused("range", route, reason))
    return [str(each) for each in sorted(ports)]


# --- the objects ----------------------------------------------------------------------------------------------------


def objects(mesh: Mesh, namespace: str, wanted: list[Wanted]) -> Iterator[Change]:
    """One policy for pods that want the same, by labels that mean no others. Raises Blocked."""
    by_rules: dict[bytes, list[Wanted]] = defaultdict(list)
    for each in wanted:
        if each.rules:
            by_rules[msgspec.json.encode(each.rules)].append(each)
    for members in by_rules.values():
        left = list(members)
        while left:
            labels, name, covered = _selector(mesh, namespace, left, members)
            policy = left[0].policy
            where = entries.beside(policy, left[0].pods)
            yield from made_once(mesh, policy, where, f"{name}-ports", denying(labels, left[0].rules))
            left = [each for each in left if each not in covered]


def _selector(
    mesh: Mesh, namespace: str, left: list[Wanted], members: list[Wanted]
) -> tuple[dict[str, str], str, list[Wanted]]:
    """The labels for the first of those left, the name to give, and for whom of them they do."""
    first = left[0]
    own = first.policy.body.spec.pod_selector
    candidates = [(dict(own.match_labels), made.written_name(first.policy))] if not own.match_expressions else []
    candidates += [(each, _name(first.pods)) for each in labels_of(first.pods)]
    same = {id(each.pods.workload) for each in members}
    for labels, name in candidates:
        met = [each for each in in_namespace(mesh, namespace) if labels and matches(labels, each.labels)]
        if met and all(id(each) in same or not identities.has_identity(mesh, each) for each in met):
            return labels, name, [each for each in left if each.pods.workload in met]
    reason = f"no labels mean {first.pods.name} alone, and other pods with them are under other NetworkPolicies"
    raise Blocked(first.policy, Refused("labels", ("spec", "podSelector"), reason))


def _name(pods: Pods) -> str:
    return pods.workload.name if pods.workload else pods.name


def labels_of(pods: Pods) -> Iterator[dict[str, str]]:
    """What a workload selects its pods by, then all that its pods carry."""
    selector = getattr(getattr(pods.workload.resource.body, "spec", None), "selector", None) if pods.workload else None
    if found := dict(getattr(selector, "match_labels", None) or {}):
        yield found
    yield dict(pods.labels)


def denying(labels: dict[str, str], rules: Rules) -> dict[str, Any]:
    """A DENY with these rules for the pods with these labels, for all of the namespace without any."""
    found: dict[str, Any] = {"selector": {"matchLabels": labels}} if labels else {}
    return found | {"action": "DENY", "rules": list(rules)}


def made_once(mesh: Mesh, policy: entries.Policy, beside: Resource[Any], name: str, spec: dict[str, Any]) -> Iterator[Change]:
    """The DENY that a NetworkPolicy asks for, unless it was made before. Raises Blocked if somebody else's has its name."""
    try:
        metadata = made.metadata(name, beside)
        metadata["annotations"][FROM] = f"{policy.kind}/{made.written_name(policy)}"
        value = {"apiVersion": f"{AuthorizationPolicy.GROUP}/v1", "kind": "AuthorizationPolicy"}
        whole = {**value, "metadata": metadata, "spec": spec}
        shown = made.placed(whole, beside)["metadata"]["name"]
    except Refused as refused:
        raise Blocked(policy, Refused("taken", ("metadata", "name"), refused.reason)) from refused
    known = mesh.find(AuthorizationPolicy, beside.namespace, shown)
    if known is not None and not made.is_ours(known):
        raise Blocked(policy, Refused("taken", ("metadata", "name"), f"there is an AuthorizationPolicy {shown} already"))
    if known is None:
        ref = Ref("AuthorizationPolicy", AuthorizationPolicy.GROUP, beside.namespace, shown)
        action = Create(ref, whole, beside)
        yield Change(Stage.prepare, policy.namespace, mesh.name, ref, action, None, (CLOSED,), (policy.at(),))
