"""Who may call pods: rules by port also admit the tunnel, and ztunnel tells the ports apart."""

from __future__ import annotations

from collections.abc import Iterator

from msgspec import Struct

from ambimigrate.changes import Change, Edit, Set
from ambimigrate.converters.networks import closing, entries, waypoints
from ambimigrate.converters.networks.closing import Blocked, Wanted
from ambimigrate.converters.networks.entries import Policy
from ambimigrate.converters.outcome import Refused, written
from ambimigrate.converters.serving import Plan
from ambimigrate.converters.settings import Settings
from ambimigrate.model import Mesh, Route
from ambimigrate.topology import injection, networks
from ambimigrate.topology.networks import HBONE, Pods


class Found(Struct, frozen=True):
    """Edits of policies, new objects, and policies that cannot change with the reason."""

    edits: tuple[tuple[Policy, Edit], ...] = ()
    changes: tuple[Change, ...] = ()
    blocked: tuple[Blocked, ...] = ()
    closed: frozenset[int] = frozenset()  # the workloads whose ports ztunnel tells apart


def convert(mesh: Mesh, namespace: str, plan: Plan, settings: Settings) -> Found:
    """The rules of the namespace's policies for incoming traffic."""
    pods = entries.joining(mesh, namespace, settings)
    blocked: list[Blocked] = []
    wanted: list[Wanted] = []
    shut: set[int] = set()  # policies that stay as they are
    for each in (*pods, *_beside(mesh, namespace, pods)):
        try:
            wanted += _wanted(mesh, each, plan)
        except Blocked as reason:
            blocked.append(reason)
            shut |= {id(policy) for policy in networks.policies_on(mesh, each, "Ingress")}
    try:
        made = tuple(closing.objects(mesh, namespace, wanted))
    except Blocked as reason:
        return Found(blocked=(*blocked, reason))
    policies = [each for each in networks.within(mesh, namespace) if networks.restricts(each.body, "Ingress")]
    unseen = [each for each in policies if is_unseen(mesh, each) and any(True for _ in _closed(mesh, each))]
    blocked += [Blocked(each, Refused("pods", ("spec", "podSelector"), _UNSEEN)) for each in unseen]
    shut |= {id(each) for each in unseen}
    open_ones = [each for each in policies if id(each) not in shut and any(_binds(each, one) for one in pods)]
    edits = [(each, edit) for each in open_ones for edit in _edits(mesh, each)]
    behind = entries.fronted(mesh, namespace, waypoints.services(mesh, namespace, plan), settings)
    edits += waypoints.admitted(mesh, [each for each in behind if not _is_shut(mesh, each, shut)], plan)
    return Found(tuple(edits), made, tuple(blocked), frozenset(id(each.pods.workload) for each in wanted))


def _beside(mesh: Mesh, namespace: str, pods: tuple[Pods, ...]) -> Iterator[Pods]:
    """Pods that ztunnel serves already, and to which the tunnel is opened by a policy that is about joining pods, too."""
    policies = [each for each in networks.within(mesh, namespace) if networks.restricts(each.body, "Ingress")]
    opened = [each for each in policies if any(_binds(each, one) for one in pods) and any(True for _ in _closed(mesh, each))]
    for each in networks.subjects(mesh).get(namespace, ()) if opened else ():
        is_served = each.workload is not None and injection.workload_mode(mesh, each.workload) == injection.AMBIENT
        if is_served and any(_binds(policy, each) for policy in opened):
            yield each


_UNSEEN = "the pods that it selects are not in the input, so what the tunnel would open to them cannot be closed again"


def is_unseen(mesh: Mesh, policy: Policy) -> bool:
    """Whether it is about pods of a sidecar namespace that the input does not show."""
    return networks.means_unseen(mesh, policy) and injection.mode(mesh, policy.namespace) != injection.AMBIENT


def _wanted(mesh: Mesh, pods: Pods, plan: Plan) -> Iterator[Wanted]:
    found = entries.entering(mesh, pods)
    tunnels = closing.through(found or (), waypoints.names(plan, pods.namespace))
    if tunnels:
        more, served = waypoints.serving(plan, mesh, pods)
        yield Wanted(pods, tunnels[0].policy, closing.rules(mesh, tunnels, more, served))


def _binds(policy: Policy, pods: Pods) -> bool:
    return networks.selects(policy.body.spec.pod_selector, pods.labels)


def _is_shut(mesh: Mesh, pods: Pods, shut: set[int]) -> bool:
    return any(id(each) in shut for each in networks.policies_on(mesh, pods, "Ingress"))


def _closed(mesh: Mesh, policy: Policy) -> Iterator[int]:
    """The rules that have to admit 15008 and do not."""
    for i, rule in enumerate(policy.body.spec.ingress):
        by_port = networks.tcp(rule.ports) and not networks.admits(rule.ports)
        if by_port and entries.is_for_mesh(mesh, rule.from_, policy.namespace):
            yield i


def _edits(mesh: Mesh, policy: Policy) -> Iterator[Edit]:
    for i in _closed(mesh, policy):
        yield added(policy, ("spec", "ingress", i, "ports"), len(policy.body.spec.ingress[i].ports))


def added(policy: Policy, route: Route, count: int) -> Edit:
    """15008 at the end of a list of ports, its keys in the order of the others."""
    tree: object = written(policy)
    for step in (*route, 0):
        try:
            tree = tree[step]  # type: ignore[index]
        except (KeyError, IndexError, TypeError):
            tree = {}
    value = {"protocol": "TCP", "port": HBONE}
    first = next(iter(tree), "") if isinstance(tree, dict) else ""
    return Set((*route, count), value if first != "port" else {"port": HBONE, "protocol": "TCP"})
