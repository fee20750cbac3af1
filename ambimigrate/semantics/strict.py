"""Whether ztunnel refuses connections without identity: PeerAuthentication as Istio turns it into policies for it.

Source: istio, pilot/pkg/serviceregistry/ambient/authorization.go `convertedSelectorPeerAuthentications`.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from ambimigrate.kinds import PeerAuthentication
from ambimigrate.kinds.security import MutualTLS, PeerAuthenticationSpec
from ambimigrate.model import Mesh, Resource
from ambimigrate.topology.meshconfig import root_namespace
from ambimigrate.topology.workloads import Workload, matches

_LENIENT = frozenset({"PERMISSIVE", "DISABLE"})


class Layers(NamedTuple):
    """The PeerAuthentication of the mesh, of the namespace and of the workload, each the oldest of its kind."""

    mesh: PeerAuthenticationSpec | None
    namespace: PeerAuthenticationSpec | None
    workload: PeerAuthenticationSpec | None


def demands_identity(mesh: Mesh, workload: Workload, port: int) -> bool:
    layers = _layers(mesh, workload)
    inherited = _inherited(layers)
    if layers.workload is None:
        return inherited
    own = _mode(layers.workload.mtls)
    ports = {number: _mode(each) for number, each in layers.workload.port_level_mtls.items()}
    here = ports.get(str(port), "UNSET")
    if own == "STRICT":
        return here not in _LENIENT
    if own in _LENIENT or not inherited:
        return here == "STRICT"
    # Beside an inherited STRICT the exceptions are made only if one of them is PERMISSIVE.
    if "PERMISSIVE" not in ports.values():
        return True
    # If the namespace's own policy is UNSET, Istio drops the STRICT of the mesh and makes no policy of the exceptions.
    return here not in _LENIENT and (layers.namespace is None or _mode(layers.namespace.mtls) == "STRICT")


def _inherited(layers: Layers) -> bool:
    modes = (_mode(each.mtls) for each in (layers.namespace, layers.mesh) if each is not None)
    return next((mode for mode in modes if mode != "UNSET"), "UNSET") == "STRICT"


def _mode(mtls: MutualTLS | None) -> str:
    return mtls.mode if mtls is not None else "UNSET"


def _layers(mesh: Mesh, workload: Workload) -> Layers:
    """Those with a selector in the root namespace count for nothing."""
    root = root_namespace(mesh)
    everywhere = [each for each in mesh.within(PeerAuthentication, root) if not _labels(each)]
    home = mesh.within(PeerAuthentication, workload.namespace) if workload.namespace != root else ()
    wide = [each for each in home if not _labels(each)]
    own = [each for each in home if _labels(each) and matches(_labels(each), workload.labels)]
    return Layers(_oldest(everywhere), _oldest(wide), _oldest(own))


def _labels(policy: Resource[PeerAuthentication]) -> dict[str, str]:
    return policy.body.spec.selector.match_labels if policy.body.spec.selector else {}


def _oldest(policies: Iterable[Resource[PeerAuthentication]]) -> PeerAuthenticationSpec | None:
    found = min(policies, key=lambda each: (each.body.metadata.creation_timestamp or "", each.name), default=None)
    return found.body.spec if found else None
