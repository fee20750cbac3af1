"""What no proxy routes: it goes to the dialled address as it is."""

from __future__ import annotations

from ambimigrate.model import Mesh
from ambimigrate.semantics import registry
from ambimigrate.semantics.connections import Connection
from ambimigrate.semantics.decision import Decision, Outcome, Received, Request
from ambimigrate.semantics.mutation import lowered


def decide(mesh: Mesh, request: Request) -> Decision:
    """A request to the endpoints of the Service that is dialled, else to the address itself."""
    found = endpoints(mesh, request.to, request.port)
    received = Received(request.method, request.path, request.host, lowered(request.headers))
    return Decision(((100.0, Outcome(200, found, received, response=lowered(request.reply))),))


def connect(mesh: Mesh, connection: Connection) -> Decision:
    """A connection to the same."""
    return Decision(((100.0, Outcome(0, endpoints(mesh, connection.to, connection.port))),))


def carry(routed: Decision, request: Request) -> Decision:
    """The request over a connection that was routed as such."""
    received = Received(request.method, request.path, request.host, lowered(request.headers))
    outcomes = (
        (share, Outcome(200, each.backends, received, response=lowered(request.reply), policy=each.policy))
        for share, each in routed.outcomes
    )
    return Decision(tuple(outcomes), errors=routed.errors)


def endpoints(mesh: Mesh, address: str, port: int) -> tuple[str, ...]:
    entry = registry.by_address(mesh, address)
    if entry is None or port not in entry.ports:
        return (f"{address}:{port}",)
    return registry.endpoints(mesh, entry, port, {})
