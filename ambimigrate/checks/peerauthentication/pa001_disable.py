"""PA001: mutual TLS switched off, which ztunnel cannot do."""

from __future__ import annotations

from collections.abc import Iterator

from ambimigrate.checks import rule
from ambimigrate.kinds import PeerAuthentication
from ambimigrate.model import Hit, Mesh, Resource
from ambimigrate.topology import mtls, policies


@rule("PA001", PeerAuthentication)
def check(peer: Resource[PeerAuthentication], mesh: Mesh) -> Iterator[Hit]:
    scope = policies.scope(mesh, peer)
    if not scope.concerns or (policies.selector(peer) and policies.is_root(mesh, peer)):
        return  # PA004: a selector in the root namespace counts nowhere
    spec = peer.body.spec
    if spec.mtls and spec.mtls.mode == mtls.DISABLE:
        message = f"ztunnel takes DISABLE for PERMISSIVE: callers in the mesh use HBONE to {scope.words} all the same"
        yield Hit(peer.at("spec", "mtls", "mode"), message, "pod")
    for port, found in spec.port_level_mtls.items():
        if found.mode == mtls.DISABLE and policies.selector(peer):
            message = f"mutual TLS cannot be off on port {port}: callers in the mesh use HBONE to {scope.words} all the same"
            yield Hit(peer.at("spec", "portLevelMtls", port, "mode"), message, "port")
