"""Which mode of mutual TLS holds for pods: mesh-wide, of the namespace, of the workload.

Istio, pilot/pkg/security/authn and pilot/pkg/serviceregistry/ambient/policies.go: of several of one level the oldest counts;
a selector in the root namespace, and port modes without a selector, count nowhere.
"""

from __future__ import annotations

from collections.abc import Iterable

from ambimigrate.kinds import PeerAuthentication
from ambimigrate.model import Mesh, Resource
from ambimigrate.topology import meshconfig, policies
from ambimigrate.topology.workloads import Workload, matches

STRICT, PERMISSIVE, DISABLE, UNSET = "STRICT", "PERMISSIVE", "DISABLE", "UNSET"
Peer = Resource[PeerAuthentication]


def of_namespace(mesh: Mesh, namespace: str) -> str:
    """The mode of a namespace's pods without a policy of their own; PERMISSIVE where nothing is said."""
    for level in (namespace, meshconfig.root_namespace(mesh)):
        found = oldest(each for each in mesh.within(PeerAuthentication, level) if is_wide(each))
        if found and mode(found) != UNSET:
            return mode(found)
    return PERMISSIVE


def is_wide(peer: Peer) -> bool:
    """Whether it is for all pods of its namespace (or of the mesh)."""
    return not policies.selector(peer)


def mode(peer: Peer) -> str:
    """What it says for the whole pod."""
    return peer.body.spec.mtls.mode if peer.body.spec.mtls else UNSET


def oldest(found: Iterable[Peer]) -> Peer | None:
    """The oldest, by creation time and name; files have no times."""
    return min(found, key=lambda each: (each.body.metadata.creation_timestamp or "", each.name), default=None)


def of_workload(mesh: Mesh, workload: Workload) -> str:
    """The mode of a workload's pods, ports aside."""
    own = _own(mesh, workload)
    return mode(own) if own and mode(own) != UNSET else of_namespace(mesh, workload.namespace)


def of_port(mesh: Mesh, workload: Workload, port: str) -> str:
    """The mode at one port of a workload's pods."""
    own = _own(mesh, workload)
    said = own.body.spec.port_level_mtls.get(port) if own else None
    return said.mode if said and said.mode != UNSET else of_workload(mesh, workload)


def _own(mesh: Mesh, workload: Workload) -> Peer | None:
    return oldest(
        each
        for each in mesh.within(PeerAuthentication, workload.namespace)
        if not is_wide(each) and matches(policies.selector(each), workload.labels)
    )
