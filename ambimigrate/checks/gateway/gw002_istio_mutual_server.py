"""GW002: a gateway's server that expects Istio mTLS, which ambient clients do not speak."""

from __future__ import annotations

from collections.abc import Iterator

from ambimigrate.checks import rule
from ambimigrate.kinds import IstioGateway
from ambimigrate.model import Hit, Mesh, Resource
from ambimigrate.topology import reach


@rule("GW002", IstioGateway)
def check(gateway: Resource[IstioGateway], mesh: Mesh) -> Iterator[Hit]:
    for number, server in enumerate(gateway.body.spec.servers):
        if server.tls and server.tls.mode == "ISTIO_MUTUAL" and reach.has_members(mesh):
            port = server.port.number if server.port else 0
            yield Hit(
                gateway.at("spec", "servers", number, "tls", "mode"),
                f"port {port} expects Istio mTLS: ambient clients come with plaintext or HBONE, their handshake fails",
            )
