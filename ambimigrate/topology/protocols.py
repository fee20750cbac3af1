"""Which ports of a Service carry HTTP, as Istio tells by `appProtocol`, the name of the port, or by looking at the bytes."""

from __future__ import annotations

from ambimigrate.kinds.core import ServicePort

_HTTP = frozenset({"http", "http2", "grpc", "grpc-web", "kubernetes.io/h2c", "kubernetes.io/ws"})
_OTHER = frozenset({"https", "tls", "tcp", "udp", "mongo", "redis", "mysql", "kubernetes.io/wss", "hbone"})
_SERVER_FIRST = frozenset(
    {25, 53, 3306, 27017}
)  # pkg/config/kube/conversion.go: never looked at, since the server speaks first


def carries_http(port: ServicePort) -> bool:
    """Whether rules for HTTP apply to the port (Istio, pkg/config/kube/conversion.go `ConvertProtocol`)."""
    if port.protocol not in {"", "TCP"}:
        return False
    declared = (port.app_protocol or "").lower()
    if declared in _HTTP | _OTHER:
        return declared in _HTTP
    name = port.name.lower()
    named = "grpc-web" if name == "grpc-web" or name.startswith("grpc-web-") else name.partition("-")[0]
    if named in _HTTP | _OTHER:
        return named in _HTTP
    return port.port not in _SERVER_FIRST


def is_declared(port: ServicePort) -> bool:
    """Whether the port says what it carries, so that nobody looks at the bytes."""
    known = _HTTP | _OTHER
    return (port.app_protocol or "").lower() in known or port.name.lower().partition("-")[0] in known
