"""PA801: mutual TLS is no longer required of who calls pods of a migrated namespace."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ambimigrate.gate.back.compare import Found, Name, Pair, content, holder, name, same_workload
from ambimigrate.kinds import PeerAuthentication
from ambimigrate.model import Mesh, Resource, Route, grouped
from ambimigrate.topology import meshconfig, mtls, policies
from ambimigrate.topology.mtls import Peer
from ambimigrate.topology.policies import becomes_ambient
from ambimigrate.topology.workloads import Workload, in_namespace, matches

Weak = tuple[tuple[Name, str, Route], tuple[Resource[Any], str]]  # the object to change, the case, where; whose pods


def check(pair: Pair) -> Iterator[Found]:
    """One finding for each object that decides, for all the workloads for which it does."""
    if pair.before is None:
        return
    weak: list[Weak] = []
    for space in sorted(pair.migrated):
        if _said(pair.before, space) == _said(pair.after, space) and not _moved(pair, space):
            continue
        weak += _of_namespace(pair, space)
        weak += [each for workload in in_namespace(pair.after, space) for each in _of_workload(pair, workload)]
    for (_, case, route), members in grouped(weak).items():
        who = policies.listed(words for _, words in members)
        yield Found(members[0][0], route, f"fails open: {_message(case, route)} {who}", case)


def _message(case: str, route: Route) -> str:
    if case == "port":
        return f"port {route[-1]} takes plaintext connections without an identity at"
    return "STRICT no longer holds, so connections without an identity reach"


def _said(mesh: Mesh, space: str) -> tuple[bytes, ...]:
    """All that decides in a namespace, to leave out those where nothing changed."""
    found = mesh.within(PeerAuthentication, space, meshconfig.root_namespace(mesh))
    return tuple(sorted(part for each in found for part in content((*name(each), each.body.spec))))


def _moved(pair: Pair, space: str) -> bool:
    """Whether pods are new or have other labels, so that other policies may select them."""
    before, after = (
        {(*name(each.resource), *sorted(each.labels.items())) for each in in_namespace(mesh, space)}
        for mesh in (pair.before, pair.after)
        if mesh
    )
    return not after <= before


def _of_namespace(pair: Pair, space: str) -> Iterator[Weak]:
    """A namespace whose pods are not in the input."""
    assert pair.before is not None
    was_strict = mtls.of_namespace(pair.before, space) == mtls.STRICT
    if was_strict and mtls.of_namespace(pair.after, space) != mtls.STRICT and not in_namespace(pair.after, space):
        place = _deciding(pair.after, space) or holder(pair.after, space)
        if place is not None:
            yield _weak(place, f"pods of namespace {space}")


def _of_workload(pair: Pair, workload: Workload) -> Iterator[Weak]:
    """By what would have held for it before, also if it is new."""
    assert pair.before is not None
    if not becomes_ambient(pair.after, workload):
        return
    was = same_workload(pair.before, workload) or workload
    if mtls.of_workload(pair.before, was) != mtls.STRICT:
        return
    own = _own(pair.after, workload)
    if mtls.of_workload(pair.after, workload) != mtls.STRICT:
        decides = own if own and mtls.mode(own) != mtls.UNSET else _deciding(pair.after, workload.namespace)
        yield _weak(decides or workload.resource, str(workload))
    elif own is not None:
        for port in sorted(_open_ports(own) - _open_ports(_own(pair.before, was))):
            yield (name(own), "port", ("spec", "portLevelMtls", port)), (own, str(workload))


def _weak(place: Resource[Any], words: str) -> Weak:
    if isinstance(place.body, PeerAuthentication):
        return (name(place), "changed", ("spec", "mtls", "mode")), (place, words)
    return (name(place), "removed", ("metadata", "name")), (place, words)


def _deciding(mesh: Mesh, space: str) -> Peer | None:
    """The policy of the namespace or the mesh that says another mode."""
    for level in dict.fromkeys((space, meshconfig.root_namespace(mesh))):
        found = mtls.oldest(each for each in mesh.within(PeerAuthentication, level) if mtls.is_wide(each))
        if found and mtls.mode(found) != mtls.UNSET:
            return found
    return None


def _own(mesh: Mesh, workload: Workload) -> Peer | None:
    """The policy that selects the workload."""
    peers = mesh.within(PeerAuthentication, workload.namespace)
    return mtls.oldest(each for each in peers if not mtls.is_wide(each) and matches(policies.selector(each), workload.labels))


def _open_ports(peer: Peer | None) -> set[str]:
    """Ports that take plaintext under STRICT; DISABLE only where the policy names a mode itself (support table, 7)."""
    if peer is None:
        return set()
    weak = {mtls.PERMISSIVE} if mtls.mode(peer) == mtls.UNSET else {mtls.PERMISSIVE, mtls.DISABLE}
    return {port for port, each in peer.body.spec.port_level_mtls.items() if each.mode in weak}
