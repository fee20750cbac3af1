"""Policies of Cilium and Calico beside Kubernetes' own: a mesh in which they are NetworkPolicies, and the way back."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import chain
from typing import Any

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from ambimigrate.changes import Delete, Edit, Set
from ambimigrate.converters.networks.closing import Blocked
from ambimigrate.converters.networks.cni import calico, cilium
from ambimigrate.converters.networks.cni.reading import DIRECTIONS, Reading, Tree
from ambimigrate.converters.networks.entries import Policy
from ambimigrate.converters.outcome import Refused, written
from ambimigrate.kinds import LabelSelector, NetworkPolicy
from ambimigrate.kinds.cni import CALICO, CILIUM
from ambimigrate.model import Mesh, Resource, Route
from ambimigrate.topology import injection, networks
from ambimigrate.topology.networks import NAME, Pods
from ambimigrate.topology.workloads import in_namespace, workloads

_KUBERNETES_ORDER = 1000.0  # where Calico puts Kubernetes' own policies


class Twin(Struct, frozen=True):
    """What a policy of Cilium or Calico comes to in one namespace; `spaces` are all in which it selects pods of the mesh."""

    policy: Resource[Any]
    reading: Reading
    spaces: tuple[str, ...]


class Seen(Struct, frozen=True):
    """The mesh with all policies as NetworkPolicies, which of these are somebody else's, and those without such a form."""

    mesh: Mesh
    twins: Mapping[int, Twin]
    refused: Mapping[str, tuple[tuple[LabelSelector, Blocked], ...]]

    def without_form(self, namespace: str, pods: Iterable[Pods]) -> Iterator[Blocked]:
        """Those of the namespace that may bind any of these pods."""
        own = tuple(pods)
        for selector, reason in self.refused.get(namespace, ()):
            if any(networks.selects(selector, each.labels) for each in own):
                yield reason

    def origin(self, policy: Policy) -> Resource[Any]:
        """The object that a policy stands for, itself if it is Kubernetes' own."""
        found = self.twins.get(id(policy))
        return found.policy if found else policy

    def can_grow(self, policy: Policy, direction: str) -> bool:
        """Whether a rule may be added to the policy for this namespace alone."""
        found = self.twins.get(id(policy))
        return found is None or (len(found.spaces) == 1 and not found.reading.side(direction).closed)

    def blocked(self, reason: Blocked) -> Blocked:
        """The same about the object that the policy stands for."""
        found = self.twins.get(id(reason.policy))
        if found is None:
            return reason
        refused = reason.refused
        route = found.reading.route(refused.route)
        return Blocked(found.policy, Refused(refused.case, route, refused.reason, refused.witness))

    def edit(self, policy: Policy, edit: Edit) -> Edit:
        """The same edit in the text of the object that the policy stands for. Raises Blocked."""
        found = self.twins.get(id(policy))
        if found is None or isinstance(edit, Delete):
            return edit
        if len(found.spaces) > 1:
            reason = f"it is for the pods of {', '.join(found.spaces[:3])}, which move one by one, and opens to all of them"
            raise Blocked(found.policy, Refused("cluster", found.reading.route(edit.route), reason))
        return _edit(found, edit)


def seen(mesh: Mesh) -> Seen:
    """The mesh with these policies as NetworkPolicies."""
    return mesh.index(_seen)


def _seen(mesh: Mesh) -> Seen:
    found = [(policy, each) for policy in _policies(mesh) for each in _readings(policy)]
    if not found:
        return Seen(mesh, {}, {})
    made: list[Policy] = []
    twins: dict[int, Twin] = {}
    refused: dict[str, list[tuple[LabelSelector, Blocked]]] = {}
    for policy, reading in found:
        spaces = tuple(_spaces(mesh, policy, reading))
        for space in spaces:
            if reading.refused is not None:
                refused.setdefault(space, []).append((reading.pods, Blocked(policy, reading.refused)))
            else:
                made.append(_twin(policy, reading, space))
                twins[id(made[-1])] = Twin(policy, reading, spaces)
    whole = replace(mesh, resources=(*mesh.resources, *made), _memo={})
    for one in made:
        if any(_hides(whole, twins, one, each) for each in DIRECTIONS):
            reason = Refused("order", ("spec",), "its last rule denies before later policies are asked, which allow more")
            refused.setdefault(one.namespace, []).append((one.body.spec.pod_selector, Blocked(twins[id(one)].policy, reason)))
    return Seen(whole, twins, {space: tuple(each) for space, each in refused.items()})


def _policies(mesh: Mesh) -> Iterable[Resource[Any]]:
    return chain.from_iterable(mesh.of(kind) for kind in (*CILIUM, *CALICO))


def _readings(policy: Resource[Any]) -> Iterator[Reading]:
    read: Callable[..., Iterator[Reading]] = cilium.readings if isinstance(policy.body, CILIUM) else calico.readings
    return read(_tree(policy), cluster=not type(policy.body).NAMESPACED)


def _tree(policy: Resource[Any]) -> Tree:
    """The object as its text says, which has every field; what we read of it where an overlay says more."""
    return dict(msgspec.to_builtins(policy.body)) if policy.overlaid else written(policy)


def _spaces(mesh: Mesh, policy: Resource[Any], reading: Reading) -> Iterator[str]:
    """The namespaces of the mesh in which it may select pods."""
    for name in injection.namespaces(mesh):
        if policy.namespace not in {"", name} or not injection.is_meshed(mesh, name):
            continue
        labels = {NAME: name, **injection.labels(mesh, name)}
        if reading.namespaces is not None and not networks.selects(reading.namespaces, labels):
            continue
        own = in_namespace(mesh, name)
        if policy.namespace or any(networks.selects(reading.pods, each.labels) for each in own):
            yield name


def _twin(policy: Resource[Any], reading: Reading, space: str) -> Policy:
    body = NetworkPolicy(metadata=policy.body.metadata, spec=reading.spec())
    ref = policy.ref._replace(namespace=space)
    return Resource(ref, body, policy.origin, policy.base, policy.shared, policy.overlaid, policy.levels)


# --- the order of Calico --------------------------------------------------------------------------------------------


def _hides(mesh: Mesh, twins: Mapping[int, Twin], policy: Policy, direction: str) -> bool:
    """Whether a rule at its end denies what a later policy for some of the same pods would allow."""
    if not twins[id(policy)].reading.side(direction).closed:
        return False
    last = _order(twins, policy)
    for other in networks.within(mesh, policy.namespace):
        if other is not policy and networks.restricts(other.body, direction.title()) and _order(twins, other) >= last:
            spaces = (each for each in workloads(mesh) if each.namespace == policy.namespace)
            if any(_binds(policy, each.labels) and _binds(other, each.labels) for each in spaces):
                return True
    return False


def _binds(policy: Policy, labels: Mapping[str, str]) -> bool:
    return networks.selects(policy.body.spec.pod_selector, labels)


def _order(twins: Mapping[int, Twin], policy: Policy) -> float:
    found = twins.get(id(policy))
    if found is None:
        return _KUBERNETES_ORDER
    value = _tree(found.policy).get("spec", {}).get("order")
    return float(value) if isinstance(value, int | float) else float("inf")


# --- the way back ---------------------------------------------------------------------------------------------------


def _edit(twin: Twin, edit: Set) -> Edit:
    """15008 beside the ports of a rule, or a rule more."""
    direction, number, *rest = edit.route[1:]
    side, base = twin.reading.side(str(direction)), twin.reading.base
    text = calico if isinstance(twin.policy.body, CALICO) else cilium
    if rest:
        found = side.rules[int(number)].number
        way, value = text.hbone(_item(twin, (*base, direction, found)), [edit.value])
        return Set((*base, direction, found, *way), value)
    if side.closed:
        reason = "its last rule denies the rest, so that nothing may be added behind it"
        raise Blocked(twin.policy, Refused("order", (*base, direction), reason))
    own = "" if twin.policy.namespace else twin.spaces[0]
    added = int(number) - len(side.rules)
    return Set((*base, direction, side.count + added), text.rule(edit.value, str(direction), own))


def _item(twin: Twin, route: Route) -> Tree:
    tree: Any = _tree(twin.policy)
    for step in route:
        tree = tree[step]
    return dict(tree)
