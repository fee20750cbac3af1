"""Concrete calls for each policy: some that it lets in and some that it refuses, for every kind of caller that can be tried.

What is expected is what the evaluators say about the mesh as it is and about the mesh once everything is done; a call that
is decided otherwise then is no trial, since it could not run unchanged before and after.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from itertools import islice
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from ambimigrate.kinds import AuthorizationPolicy, PeerAuthentication, RequestAuthentication, Service
from ambimigrate.model import Mesh, Ref, Resource
from ambimigrate.plan import entrances, tokens
from ambimigrate.plan.outcomes import ADDRESS, AMBIENT, INGRESS, NOBODY, SIDECAR, Around, Try, decided
from ambimigrate.plan.proof import asks
from ambimigrate.semantics.authz.model import speaks_http
from ambimigrate.topology import hosts, injection, meshconfig, policies
from ambimigrate.topology.workloads import behind, target_port
from ambimigrate.verify import callers, places
from ambimigrate.verify.requests import asked
from ambimigrate.verify.values import GATEWAY, OUTSIDE, WORKLOAD, Ask, Caller, Place, Settings

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
    def token(self) -> Mapping[str, str]:
        """What the token of the request has to say, nothing if it needs none."""
        return tokens.claims(self.ask)

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
        if not self.ask.method:
            return f"a connection to {name}"
        headers = ", ".join(f"{key}: {value}" for key, value in self.ask.headers)
        said = tokens.shown(self.token) if self.token else headers
        return f"{self.ask.method} {self.ask.path} at {name}{f' with {said}' if said else ''}"

    @property
    def who(self) -> str:
        """The caller in words."""
        if self.kind == NOBODY:
            return "a pod outside the mesh"
        if self.kind == INGRESS:
            return f"a client of {self.caller}"
        return f"service account {self.caller.namespace}/{self.caller.account} ({self.kind})"


def of_policy(around: Around, policy: Resource[Any], kinds: frozenset[str] = ALL) -> tuple[Trial, ...]:
    """For each kind of caller one call that is answered and one that is refused, as far as such calls are found."""
    found: dict[tuple[str, bool], Trial] = {}
    for service in islice(around.before.index(_services).get(policy.ref, ()), _SERVICES):
        for trial in _tried(around, policy, service, kinds):
            found.setdefault((trial.kind, trial.allowed), trial)
        if {(AMBIENT, True), (AMBIENT, False)} <= found.keys():
            break
    signed = None if (AMBIENT, True) in found else next(_with_tokens(around, policy), None)
    if signed is not None:
        found[AMBIENT, True] = signed
    return tuple(found[key] for key in sorted(found, key=lambda each: (each[0], not each[1])))


def _with_tokens(around: Around, policy: Resource[Any]) -> Iterator[Trial]:
    """Calls that are answered for their token; a user has to give one."""
    for service in islice(around.before.index(_services).get(policy.ref, ()), _SERVICES):
        tried = _tried(around, policy, service, frozenset({AMBIENT}), signed=True)
        yield from (each for each in tried if each.allowed and each.token)


def _services(mesh: Mesh) -> Mapping[Ref, tuple[Resource[Service], ...]]:
    """The Services in front of the pods that a policy means."""
    return {each.ref: policies.scope(mesh, each).services for kind in KINDS for each in mesh.of(kind)}


def _tried(
    around: Around, policy: Resource[Any], service: Resource[Service], kinds: frozenset[str], *, signed: bool = False
) -> Iterator[Trial]:
    """The calls that are decided alike before and after, and by what the policy is about."""
    labels = tuple(sorted(service.body.spec.selector.items()))
    for port in service.body.spec.ports:
        ports = (target_port(port, each) for each in behind(around.before, service))
        inner = next((each for each in ports if each), None)
        if inner is not None and port.protocol == "TCP":
            place = Place(hosts.host_of(service), service.namespace, port.port, is_http=speaks_http(port) is not False)
            for call, allowed in _found(around, policy, _calls(around, service, place, kinds, signed=signed)):
                way = (call.entrance.address, call.entrance.scheme) if call.entrance else ("", "http")
                yield Trial(policy.ref, call.kind, call.caller, service.ref, place, call.ask, allowed, inner, labels, *way)


def _calls(around: Around, service: Resource[Service], place: Place, kinds: frozenset[str], *, signed: bool) -> Iterator[Try]:
    wanted = tuple(each for each in _callers(around, place) if each[0] in kinds)
    for ask in _signed(around.before, place) if signed else _asks(around.before, place, is_entered=INGRESS in kinds):
        yield from (Try(kind, caller, service, place, ask) for kind, caller in wanted)
        if INGRESS in kinds and ask.method == "GET" and not ask.headers:
            yield from _entering(around.before, service, place, ask)


def _entering(mesh: Mesh, service: Resource[Service], place: Place, ask: Ask) -> Iterator[Try]:
    """The request as a client of an ingress gateway sends it."""
    for each in entrances.entrances(mesh, service):
        if place.is_http and each.takes(ask.path):
            workload = each.workload
            caller = Caller(GATEWAY, workload.namespace, workload.service_account, (), workload.name)
            yield Try(INGRESS, caller, service, place, replace(ask, host=each.host), each)


def _found(around: Around, policy: Resource[Any], calls: Iterator[Try]) -> Iterator[tuple[Try, bool]]:
    """For each kind the first call that is answered and the first that is refused."""
    seen: set[tuple[str, bool]] = set()
    for call in calls:
        if {(call.kind, True), (call.kind, False)} <= seen:
            continue
        allowed = decided(around, policy, call)
        if allowed is not None and (call.kind, allowed) not in seen:
            seen.add((call.kind, allowed))
            yield call, allowed


def _asks(mesh: Mesh, place: Place, *, is_entered: bool) -> tuple[Ask, ...]:
    """Requests around what policies name, those that only read first; none with real tokens, which nobody here can sign.

    Where no route and no gateway tells requests apart, one of each class that policies do.
    """
    known = mesh.index(_requests)
    key = place, is_entered or bool(places.routing(mesh, place))
    if key not in known:
        every = asked(mesh, mesh, place, Settings(requests=60))
        plain = [each for each in every if not each.direct and not each.foreign and not _has_token(each)]
        first = sorted(plain, key=lambda each: (each.method not in SAFE, each.size))[:_REQUESTS]
        known[key] = tuple(first if key[1] else _told_apart(mesh, place, first))
    return known[key]


def _requests(_mesh: Mesh) -> dict[tuple[Place, bool], tuple[Ask, ...]]:
    return {}


def _told_apart(mesh: Mesh, place: Place, found: Iterable[Ask]) -> Iterable[Ask]:
    """The first of each class that no policy tells apart."""
    told = asks.lists(mesh, {place.namespace, meshconfig.root_namespace(mesh)})
    classes: dict[Any, Ask] = {}
    for each in found:
        classes.setdefault(asks.signature(each, told), each)
    return classes.values()


def _signed(mesh: Mesh, place: Place) -> tuple[Ask, ...]:
    """Requests with tokens as policies ask for, those that only read first."""
    every = asked(mesh, mesh, place, Settings(requests=60))
    found = (each for each in every if not each.direct and not each.foreign and tokens.claims(each))
    return tuple(sorted(found, key=lambda each: (each.method not in SAFE, each.size))[:_REQUESTS])


def _has_token(ask: Ask) -> bool:
    return any(name.lower() == tokens.HEADER and value != "Bearer no-token" for name, value in ask.headers)


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
