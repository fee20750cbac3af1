"""Concrete calls for each policy: some that it lets in and some that it refuses, for every kind of caller that can be tried.

What is expected is what the evaluators say about the mesh as it is and about the mesh once everything is done; a call that
is decided otherwise then is no trial, since it could not run unchanged before and after.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import islice
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from ambimigrate.kinds import AuthorizationPolicy, PeerAuthentication, RequestAuthentication, Service
from ambimigrate.model import Mesh, Ref, Resource
from ambimigrate.plan import cut, entrances
from ambimigrate.plan.entrances import Entrance
from ambimigrate.semantics import authz
from ambimigrate.semantics.authz import settings as trust
from ambimigrate.semantics.authz.model import speaks_http
from ambimigrate.topology import hosts, injection, policies
from ambimigrate.topology.workloads import behind, target_port
from ambimigrate.verify import callers, trip
from ambimigrate.verify.requests import asked
from ambimigrate.verify.values import GATEWAY, OUTSIDE, WORKLOAD, Ask, Caller, Place, Settings

AMBIENT, SIDECAR, NOBODY, ADDRESS, INGRESS = "ambient", "sidecar", "no-identity", "pod-address", "gateway"
ALL = frozenset({AMBIENT, SIDECAR, NOBODY, ADDRESS, INGRESS})
QUICK = frozenset({AMBIENT, NOBODY})
SAFE = frozenset({"", "GET", "HEAD", "OPTIONS"})  # requests that are meant to change nothing (RFC 9110, 9.2.1)
KINDS = (AuthorizationPolicy, RequestAuthentication, PeerAuthentication)
_SERVICES, _REQUESTS, _CALLERS = 3, 24, 6  # how many are tried until a call of each kind is found


class Trial(Struct, frozen=True):
    """A call to a port of a Service: who makes it, in which data plane, the request, and whether it is answered."""

    policy: Ref
    kind: str
    caller: Caller
    service: Ref
    place: Place
    ask: Ask
    allowed: bool
    port: int  # of the pods, for calls to their address
    selector: tuple[tuple[str, str], ...] = ()
    entrance: str = ""  # name and port of a gateway's Service
    scheme: str = "http"

    @property
    def is_safe(self) -> bool:
        """Whether the request is one that only reads."""
        return self.ask.method in SAFE

    @property
    def is_plain(self) -> bool:
        """Whether it is a request that only reads and needs no headers."""
        return bool(self.ask.method) and self.is_safe and not self.ask.headers

    @property
    def what(self) -> str:
        """The request, or the connection."""
        name = f"{self.service.name}.{self.service.namespace}:{self.place.port}"
        if self.kind == ADDRESS:
            name = f"port {self.port} of a pod behind {self.service.name}.{self.service.namespace}"
        if self.kind == INGRESS:
            name = f"{self.scheme}://{self.ask.host}"
        return f"{self.ask.method} {self.ask.path} at {name}" if self.ask.method else f"a connection to {name}"

    @property
    def who(self) -> str:
        """The caller in words."""
        if self.kind == NOBODY:
            return "a pod outside the mesh"
        if self.kind == INGRESS:
            return f"a client of {self.caller}"
        return f"service account {self.caller.namespace}/{self.caller.account} ({self.kind})"


class Around(Struct, frozen=True, eq=False):
    """The mesh as it is and as it will be, and the namespaces that keep their sidecars for the time being."""

    before: Mesh
    after: Mesh
    staying: frozenset[str] = frozenset()


def of_policy(around: Around, policy: Resource[Any], kinds: frozenset[str] = ALL) -> tuple[Trial, ...]:
    """For each kind of caller one call that is answered and one that is refused, as far as such calls are found."""
    found: dict[tuple[str, bool], Trial] = {}
    for service in islice(around.before.index(_services).get(policy.ref, ()), _SERVICES):
        for trial in _tried(around, policy, service, kinds):
            found.setdefault((trial.kind, trial.allowed), trial)
        if {(AMBIENT, True), (AMBIENT, False)} <= found.keys():
            break
    return tuple(found[key] for key in sorted(found, key=lambda each: (each[0], not each[1])))


def _services(mesh: Mesh) -> Mapping[Ref, tuple[Resource[Service], ...]]:
    """The Services in front of the pods that a policy means."""
    return {each.ref: policies.scope(mesh, each).services for kind in KINDS for each in mesh.of(kind)}


def _tried(around: Around, policy: Resource[Any], service: Resource[Service], kinds: frozenset[str]) -> Iterator[Trial]:
    """The calls that are decided alike before and after, and by what the policy is about."""
    labels = tuple(sorted(service.body.spec.selector.items()))
    for port in service.body.spec.ports:
        ports = (target_port(port, each) for each in behind(around.before, service))
        inner = next((each for each in ports if each), None)
        if inner is not None and port.protocol == "TCP":
            place = Place(hosts.host_of(service), service.namespace, port.port, is_http=speaks_http(port) is not False)
            for call, allowed in _found(around, policy, _calls(around, service, place, kinds)):
                way = (call.entrance.address, call.entrance.scheme) if call.entrance else ("", "http")
                yield Trial(policy.ref, call.kind, call.caller, service.ref, place, call.ask, allowed, inner, labels, *way)


def _calls(around: Around, service: Resource[Service], place: Place, kinds: frozenset[str]) -> Iterator[_Try]:
    wanted = tuple(each for each in _callers(around, place) if each[0] in kinds)
    for ask in _asks(around.before, place):
        yield from (_Try(kind, caller, service, place, ask) for kind, caller in wanted)
        if INGRESS in kinds and ask.method == "GET" and not ask.headers:
            yield from _entering(around.before, service, place, ask)


def _entering(mesh: Mesh, service: Resource[Service], place: Place, ask: Ask) -> Iterator[_Try]:
    """The request as a client of an ingress gateway sends it."""
    for each in entrances.entrances(mesh, service):
        if place.is_http and each.takes(ask.path):
            workload = each.workload
            caller = Caller(GATEWAY, workload.namespace, workload.service_account, (), workload.name)
            yield _Try(INGRESS, caller, service, place, replace(ask, host=each.host), each)


def _found(around: Around, policy: Resource[Any], calls: Iterator[_Try]) -> Iterator[tuple[_Try, bool]]:
    """For each kind the first call that is answered and the first that is refused."""
    seen: set[tuple[str, bool]] = set()
    for call in calls:
        if {(call.kind, True), (call.kind, False)} <= seen:
            continue
        allowed = _decided(around, policy, call)
        if allowed is not None and (call.kind, allowed) not in seen:
            seen.add((call.kind, allowed))
            yield call, allowed


class _Try(Struct, frozen=True, eq=False):
    """A call that may become a trial."""

    kind: str
    caller: Caller
    service: Resource[Service]
    place: Place
    ask: Ask
    entrance: Entrance | None = None


def _asks(mesh: Mesh, place: Place) -> tuple[Ask, ...]:
    """Requests around what policies name, those that only read first; none with real tokens, which nobody here can sign."""
    every = asked(mesh, mesh, place, Settings(requests=60))
    plain = [each for each in every if not each.direct and not each.foreign and not _has_token(each)]
    return tuple(sorted(plain, key=lambda each: (each.method not in SAFE, each.size))[:_REQUESTS])


def _has_token(ask: Ask) -> bool:
    return any(name.lower() == "authorization" and value != "Bearer no-token" for name, value in ask.headers)


def _callers(around: Around, place: Place) -> tuple[tuple[str, Caller], ...]:
    """The callers of a place for whom a Job can stand in, with the data planes to try them in."""
    mesh = around.before
    known = mesh.index(_known)
    key = (place.host, place.port, around.staying)
    if key not in known:
        known[key] = tuple(_every(around, place))
    return known[key]


def _known(_mesh: Mesh) -> dict[Any, tuple[tuple[str, Caller], ...]]:
    return {}


def _every(around: Around, place: Place) -> Iterator[tuple[str, Caller]]:
    mesh = around.before
    meshed = (
        each
        for each in callers.every(mesh, mesh, place)
        if each.kind == WORKLOAD and each.namespace and injection.is_meshed(mesh, each.namespace)
    )
    accounts = {(each.namespace, each.account): each for each in meshed}
    for caller in islice(accounts.values(), _CALLERS):
        yield AMBIENT, caller
        yield ADDRESS, caller
        if caller.namespace in around.staying:
            yield SIDECAR, caller
    yield NOBODY, Caller(OUTSIDE, place.namespace, "default", ip=callers.OUTSIDE_IP)


def _decided(around: Around, policy: Resource[Any], call: _Try) -> bool | None:
    """Whether the call is answered; None if that changes, depends on something else, or has another reason."""
    if call.kind != NOBODY and cut.is_cut(around.before, call.caller, call.service, call.place):
        return None
    before = _verdict(around.before, policy, call, original=True)
    return before if before is not None and before == _verdict(around.after, policy, call, original=False) else None


def _verdict(mesh: Mesh, policy: Resource[Any], call: _Try, *, original: bool) -> bool | None:
    own = mesh.find(Service, call.service.namespace, call.service.name, call.service.file)
    if own is None or not _stays(mesh, call):
        return None
    request = None
    if call.place.is_http:
        request = authz.Request(call.ask.method, call.ask.path, call.ask.host or call.place.host, call.ask.headers)
    principal = f"{trust.trust_domain(mesh)}/ns/{call.caller.namespace}/sa/{call.caller.account}"
    crosses = call.kind in {AMBIENT, ADDRESS} or (call.kind == INGRESS and callers.opted_in(mesh, call.place))
    who = authz.Caller(None if call.kind == NOBODY else principal, call.caller.ip, captured=crosses)
    decisions = authz.decide(mesh, authz.Call(who, own, call.place.port, request, direct=call.kind == ADDRESS)).values()
    verdicts = {each.verdict for each in decisions}
    if len(verdicts) != 1 or authz.Verdict.ASK in verdicts:
        return None
    if verdicts == {authz.Verdict.ALLOW}:
        return True
    return False if not original or _is_about(policy, [each.because for each in decisions]) else None


def _is_about(policy: Resource[Any], reasons: list[str]) -> bool:
    """Whether a refusal comes from what the policy is about: from itself, or since no ALLOW matches."""
    match policy.body:
        case PeerAuthentication():
            return all(each == "PeerAuthentication" for each in reasons)
        case AuthorizationPolicy() if policy.body.spec.action in {"", "ALLOW"}:
            return not any("Authentication" in each for each in reasons)
        case RequestAuthentication():
            return all(each == "RequestAuthentication" for each in reasons)
    return all(policy.name in each for each in reasons)


def _stays(mesh: Mesh, call: _Try) -> bool:
    """Whether routing leads the request to the pods of the Service itself, and leaves it as it is."""
    if not call.place.is_http or call.kind in {ADDRESS, INGRESS}:
        return True
    found = trip.routed(mesh, call.caller, call.place, call.ask)
    own = {f"{each.namespace}/{each.name}" for each in behind(mesh, call.service)}
    reached = {backend.rpartition(":")[0] for _, each in found.outcomes for backend in each.backends}
    return bool(reached) and reached <= own and all(each.backends for _, each in found.outcomes)
