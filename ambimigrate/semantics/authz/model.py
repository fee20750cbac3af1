"""The values of authorization: a call, what a proxy decides about it, and the proxies on its way."""

from __future__ import annotations

from enum import StrEnum
from functools import lru_cache

from msgspec import Struct

from ambimigrate.kinds import Service, ServiceEntry
from ambimigrate.kinds.core import ServicePort
from ambimigrate.model import Resource
from ambimigrate.topology.workloads import Workload

_HTTP = frozenset({"http", "http2", "grpc", "grpc-web", "kubernetes.io/h2c", "kubernetes.io/ws"})
_OPAQUE = frozenset({"tcp", "tls", "https", "mongo", "mysql", "redis", "udp", "kubernetes.io/wss"})


class Verdict(StrEnum):
    """`ask`: allowed if the external authorizers agree."""

    ALLOW = "allow"
    DENY = "deny"
    ASK = "ask"


class Request(Struct, frozen=True):
    """An HTTP request as the proxy in question receives it.

    `signed`: its tokens count as signed by the issuer that they name, for issuers whose keys are not in the input.
    """

    method: str
    path: str
    host: str
    headers: tuple[tuple[str, str], ...] = ()
    signed: bool = False


class Caller(Struct, frozen=True):
    """Who calls: its identity (`<trust domain>/ns/<namespace>/sa/<name>`, None outside the mesh) and address.

    `captured`: ztunnel, or a gateway that opted in, sends its connections, so they cross waypoints.
    """

    principal: str | None
    ip: str | None = None
    captured: bool = False


Called = Resource[Service] | Resource[ServiceEntry]


class Call(Struct, frozen=True):
    """A connection to a port of a Service or ServiceEntry, with a request if it is HTTP.

    `direct`: to the address of a pod. `now`: for the validity of tokens; None leaves it unchecked.
    """

    caller: Caller
    service: Called
    port: int
    request: Request | None = None
    direct: bool = False
    pod_ip: str = "10.244.0.1"
    service_ip: str = "10.96.0.1"
    now: float | None = None

    @property
    def service_port(self) -> ServicePort | None:
        return _port(self.service, self.port)

    @property
    def is_http(self) -> bool:
        """Whether an Envoy reads the request: the port says HTTP, or says nothing and the traffic is."""
        return self.request is not None and _may_be_http(self.service, self.port)


class Hop(Struct, frozen=True):
    """A proxy on the way, the workload or Gateway that it belongs to, and the identity that it saw."""

    proxy: str  # sidecar | ztunnel | waypoint | none
    place: str
    identity: str | None

    def __str__(self) -> str:
        match self.proxy:
            case "ztunnel":
                return f"ztunnel of {self.place} as {self.identity or 'nobody'}"
            case "sidecar" if self.identity is None:
                return f"sidecar {self.place} (plaintext)"
        return f"{self.proxy} {self.place}"


class Decision(Struct, frozen=True):
    """What becomes of a call.

    `status`: what the caller of an HTTP request gets, 0 for none; on ASK, if the authorizers refuse. `audit`: an AUDIT
    policy marks the request, which passes. `because`: the policy or the rule of the mesh that decided, "" for none.
    """

    verdict: Verdict
    status: int
    path: tuple[Hop, ...] = ()
    audit: bool = False
    providers: tuple[str, ...] = ()
    because: str = ""


@lru_cache(maxsize=4096)
def _port(service: Called, number: int) -> ServicePort | None:
    return next((each for each in _ports(service.body) if each.port == number), None)


@lru_cache(maxsize=4096)
def _may_be_http(service: Called, number: int) -> bool:
    port = _port(service, number)
    return port is not None and speaks_http(port) is not False


def _ports(body: Service | ServiceEntry) -> tuple[ServicePort, ...]:
    """The ports as those of a Service; a ServiceEntry names its protocols in capitals."""
    if isinstance(body, Service):
        return body.spec.ports
    return tuple(ServicePort(each.name, each.number, app_protocol=each.protocol.lower()) for each in body.spec.ports)


def speaks_http(port: ServicePort) -> bool | None:
    """Whether the port is declared as HTTP; None if it says nothing and proxies look at the traffic."""
    declared = (port.app_protocol or port.name.partition("-")[0]).lower()
    if port.name.startswith("grpc-web") and not port.app_protocol:
        return True
    if declared in _HTTP:
        return True
    return False if declared in _OPAQUE or port.protocol != "TCP" else None


def place(workload: Workload) -> str:
    return f"{workload.namespace}/{workload.name}"
