"""PA004: a selector in the root namespace, and port modes without selector, which count nowhere."""

from __future__ import annotations

from collections.abc import Iterator

from ambimigrate.checks import rule
from ambimigrate.kinds import PeerAuthentication
from ambimigrate.model import Hit, Mesh, Resource
from ambimigrate.topology import policies


@rule("PA004", PeerAuthentication)
def check(peer: Resource[PeerAuthentication], mesh: Mesh) -> Iterator[Hit]:
    if not policies.scope(mesh, peer).concerns:
        return
    if policies.selector(peer) and policies.is_root(mesh, peer):
        message = "ztunnel ignores a PeerAuthentication with a selector in the root namespace"
        yield Hit(peer.at("spec", "selector"), message, "root")
    elif not policies.selector(peer) and peer.body.spec.port_level_mtls:
        message = "portLevelMtls counts only with a selector, here it changes no port"
        yield Hit(peer.at("spec", "portLevelMtls"), message, "ports")
