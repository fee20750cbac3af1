"""What the sidecar of a server decides about a connection to its workload."""

from __future__ import annotations

from msgspec.structs import replace

from ambimigrate.kinds import AuthorizationPolicy, RequestAuthentication
from ambimigrate.model import Mesh
from ambimigrate.semantics.authz import attach, chain, paths, settings
from ambimigrate.semantics.authz.attributes import View, header
from ambimigrate.semantics.authz.model import Call, Decision, Hop, Request, Verdict, place
from ambimigrate.topology.workloads import Workload


def decide(mesh: Mesh, call: Call, workload: Workload, port: int) -> Decision:
    """The decision about a connection to this port of the workload."""
    mode = attach.mtls_mode(mesh, workload, port)
    identity = call.caller.principal
    if mode == attach.DISABLE and not call.caller.captured:
        identity = None  # the client's sidecar knows and sends plaintext
    path = (Hop("sidecar", place(workload), identity),)
    if mode == attach.STRICT and identity is None:
        return Decision(Verdict.DENY, 0, path, because="PeerAuthentication")
    request = received(mesh, call)
    view = View(identity, call.caller.ip, remote_ip(call), call.pod_ip, port, request)
    tokens = attach.token_rules(attach.of_workload(mesh, RequestAuthentication, workload))
    bound = chain.Chain(attach.of_workload(mesh, AuthorizationPolicy, workload), tokens)
    return replace(chain.decide(mesh, bound, view, call.now), path=path)


def received(mesh: Mesh, call: Call) -> Request | None:
    """The request as the filters of an Envoy see it; None where the port is no HTTP."""
    if call.request is None or not call.is_http:
        return None
    return replace(call.request, path=paths.normalised(call.request.path, settings.normalisation(mesh)))


def remote_ip(call: Call) -> str | None:
    """The client's address by X-Forwarded-For, of which the last entry counts, else that of the peer."""
    found = header(call.request, "x-forwarded-for") if call.is_http else None
    return found.rpartition(",")[2].strip() if found else call.caller.ip
