"""A request that no proxy routes: it goes to the dialled address as it is."""

from __future__ import annotations

from ambimigrate.model import Mesh
from ambimigrate.semantics import registry
from ambimigrate.semantics.decision import Decision, Outcome, Received, Request
from ambimigrate.semantics.mutation import lowered


def decide(mesh: Mesh, request: Request) -> Decision:
    """To the endpoints of the Service that is dialled, else to the address itself.

    TCP and TLS rules are not looked at: `errors` says so where they might count.
    """
    entry = registry.by_address(mesh, request.to)
    backends: tuple[str, ...] = (f"{request.to}:{request.port}",)
    errors: tuple[str, ...] = ()
    if entry is not None and request.port in entry.ports:
        backends = registry.endpoints(mesh, entry, request.port, {})
        if not registry.carries_http(entry, request.port):
            errors = (f"port {request.port} of {entry.host} carries no HTTP",)
    received = Received(request.method, request.path, request.host, lowered(request.headers))
    return Decision(((100.0, Outcome(200, backends, received, response=lowered(request.reply))),), errors=errors)
