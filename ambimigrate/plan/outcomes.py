"""Whether a call is answered, as the mesh is and as it will be, and whether that is for what a policy says."""

from __future__ import annotations

from typing import Any

from msgspec import Struct

from ambimigrate.kinds import AuthorizationPolicy, PeerAuthentication, RequestAuthentication, Service
from ambimigrate.model import Mesh, Resource
from ambimigrate.plan import cut, tokens
from ambimigrate.plan.entrances import Entrance
from ambimigrate.semantics import authz
from ambimigrate.semantics.authz import settings as trust
from ambimigrate.topology.workloads import behind
from ambimigrate.verify import callers, trip
from ambimigrate.verify.values import Ask, Caller, Place

AMBIENT, SIDECAR, NOBODY, ADDRESS, INGRESS = "ambient", "sidecar", "no-identity", "pod-address", "gateway"
Outcome = tuple[bool, tuple[str, ...]]  # whether a call is answered, and what decides so at each workload


class Around(Struct, frozen=True, eq=False):
    """The mesh as it is and as it will be, and the namespaces that keep their sidecars for the time being."""

    before: Mesh
    after: Mesh
    staying: frozenset[str] = frozenset()


class Try(Struct, frozen=True, eq=False):
    """A call that may become a trial."""

    kind: str
    caller: Caller
    service: Resource[Service]
    place: Place
    ask: Ask
    entrance: Entrance | None = None


def decided(around: Around, policy: Resource[Any], call: Try) -> bool | None:
    """Whether the call is answered; None if that changes, depends on something else, or has another reason."""
    if call.kind != NOBODY and cut.is_cut(around.before, call.caller, call.service, call.place):
        return None
    before = _verdict(around.before, policy, call, original=True)
    return before if before is not None and before == _verdict(around.after, policy, call, original=False) else None


def _verdict(mesh: Mesh, policy: Resource[Any], call: Try, *, original: bool) -> bool | None:
    known = mesh.index(_outcomes)
    key = call.kind, call.caller, id(call.service), call.place.port, call.ask
    if key not in known:
        known[key] = call.service, _outcome(mesh, call)
    _, found = known[key]
    if found is None or found[0] or not original or _is_about(policy, found[1]):
        return found and found[0]
    return None


def _outcomes(_mesh: Mesh) -> dict[Any, tuple[Resource[Service], Outcome | None]]:
    return {}


def _outcome(mesh: Mesh, call: Try) -> Outcome | None:
    """Whether the call is answered and what decides, which no policy asks for that it is tried for."""
    own = mesh.find(Service, call.service.namespace, call.service.name, call.service.file)
    if own is None or not _stays(mesh, call):
        return None
    request = None
    if call.place.is_http:
        host, signed = call.ask.host or call.place.host, bool(tokens.claims(call.ask))
        request = authz.Request(call.ask.method, call.ask.path, host, call.ask.headers, signed=signed)
    principal = f"{trust.trust_domain(mesh)}/ns/{call.caller.namespace}/sa/{call.caller.account}"
    crosses = call.kind in {AMBIENT, ADDRESS} or (call.kind == INGRESS and callers.opted_in(mesh, call.place))
    who = authz.Caller(None if call.kind == NOBODY else principal, call.caller.ip, captured=crosses)
    decisions = authz.decide(mesh, authz.Call(who, own, call.place.port, request, direct=call.kind == ADDRESS)).values()
    verdicts = {each.verdict for each in decisions}
    if len(verdicts) != 1 or authz.Verdict.ASK in verdicts:
        return None
    return verdicts == {authz.Verdict.ALLOW}, tuple(each.because for each in decisions)


def _is_about(policy: Resource[Any], reasons: tuple[str, ...]) -> bool:
    """Whether a refusal comes from what the policy is about: from itself, or since no ALLOW matches."""
    match policy.body:
        case PeerAuthentication():
            return all(each == "PeerAuthentication" for each in reasons)
        case AuthorizationPolicy() if policy.body.spec.action in {"", "ALLOW"}:
            return not any("Authentication" in each for each in reasons)
        case RequestAuthentication():
            return all(each == "RequestAuthentication" for each in reasons)
    return all(policy.name in each for each in reasons)


def _stays(mesh: Mesh, call: Try) -> bool:
    """Whether routing leads the request to the pods of the Service itself, and leaves it as it is."""
    if not call.place.is_http or call.kind in {ADDRESS, INGRESS}:
        return True
    found = trip.routed(mesh, call.caller, call.place, call.ask)
    own = {f"{each.namespace}/{each.name}" for each in behind(mesh, call.service)}
    reached = {backend.rpartition(":")[0] for _, each in found.outcomes for backend in each.backends}
    return bool(reached) and reached <= own and all(each.backends for _, each in found.outcomes)
