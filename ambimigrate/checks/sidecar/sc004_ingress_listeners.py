"""SC004: inbound listeners of a Sidecar, which vanish with it."""

from __future__ import annotations

from collections.abc import Iterator

from ambimigrate.checks import rule
from ambimigrate.checks.sidecar.scope import namespaces
from ambimigrate.kinds import Sidecar
from ambimigrate.kinds.networking import IngressListener
from ambimigrate.model import Hit, Mesh, Resource


@rule("SC004", Sidecar)
def check(sidecar: Resource[Sidecar], mesh: Mesh) -> Iterator[Hit]:
    spec = sidecar.body.spec
    if not namespaces(mesh, sidecar):
        return
    for number, listener in enumerate(spec.ingress):
        port = listener.port.number if listener.port else 0
        if listener.default_endpoint in {f"127.0.0.1:{port}", f"[::1]:{port}"}:
            yield Hit(
                sidecar.at("spec", "ingress", number, "defaultEndpoint"),
                f"port {port} is passed on to the loopback address today: an application that listens there only is not reached"
                " any more",
                case="loopback",
            )
        elif _is_moved(listener, port):
            yield Hit(
                sidecar.at("spec", "ingress", number, "defaultEndpoint"),
                f"nothing passes port {port} on to {listener.default_endpoint} any more: connections go to {port} of the pod"
                " itself",
                case="endpoint",
            )
        if listener.tls:
            message = f"port {port}: the sidecar ended TLS here, ambient clients meet the application's own port"
            yield Hit(sidecar.at("spec", "ingress", number, "tls"), message, case="tls")
        if listener.connection_pool:
            message = f"port {port}: ztunnel has no inbound connection limits"
            yield Hit(sidecar.at("spec", "ingress", number, "connectionPool"), message, case="pool")
    if spec.inbound_connection_pool:
        message = "ztunnel has no inbound connection limits"
        yield Hit(sidecar.at("spec", "inboundConnectionPool"), message, case="pool")


def _is_moved(listener: IngressListener, port: int) -> bool:
    """Whether the application is elsewhere than on the port: a socket, or another port."""
    to = listener.default_endpoint
    return bool(to) and to not in {f"0.0.0.0:{port}", f"[::]:{port}"}
