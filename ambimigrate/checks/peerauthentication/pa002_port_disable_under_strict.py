"""PA002: a port with DISABLE under an inherited STRICT, which stays STRICT at ztunnel."""

from __future__ import annotations

from collections.abc import Iterator

from ambimigrate.checks import rule
from ambimigrate.kinds import PeerAuthentication
from ambimigrate.model import Hit, Mesh, Resource
from ambimigrate.topology import mtls, policies


@rule("PA002", PeerAuthentication)
def check(peer: Resource[PeerAuthentication], mesh: Mesh) -> Iterator[Hit]:
    scope = policies.scope(mesh, peer)
    if not scope.concerns or not policies.selector(peer) or mtls.mode(peer) != mtls.UNSET:
        return
    if policies.is_root(mesh, peer) or mtls.of_namespace(mesh, peer.namespace) != mtls.STRICT:
        return
    for port, found in peer.body.spec.port_level_mtls.items():
        if found.mode == mtls.DISABLE:
            yield Hit(
                peer.at("spec", "portLevelMtls", port, "mode"),
                f"port {port} of {scope.words} stays STRICT, since the policy sets no mode of its own: callers without "
                "mutual TLS (scrapers, probes from outside) are refused",
            )
