"""What becomes of the calls to some places in any state, decided once for all states and requests that nothing tells apart."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from ambimigrate.changes import Change, Create
from ambimigrate.kinds import KINDS, Service
from ambimigrate.model import Mesh
from ambimigrate.plan.proof import asks
from ambimigrate.plan.proof.around import NETWORK
from ambimigrate.plan.proof.asks import Lists, Wanted
from ambimigrate.semantics import authz
from ambimigrate.semantics.decision import Decision, Headers, Received
from ambimigrate.topology import injection, waypoints
from ambimigrate.topology.workloads import in_namespace
from ambimigrate.verify import callers, trip
from ambimigrate.verify.seen import Case
from ambimigrate.verify.values import GATEWAY, Ask, Caller

Results = Mapping[str, authz.Decision]  # by workload
_OF_WAYPOINTS = frozenset({waypoints.USE, waypoints.USE_NAMESPACE, waypoints.INGRESS_USE})
_NETWORK = frozenset(name for (_, name), view in KINDS.items() if view in NETWORK)
_POLICIES = frozenset({"AuthorizationPolicy", "RequestAuthentication", "PeerAuthentication", *_NETWORK})


class State(Struct, frozen=True):
    """Which changes are done, and what the pods of some namespaces are meanwhile (`pods.py`); "" as their labels say."""

    done: tuple[int, ...]
    pods: str = ""
    moving: frozenset[str] = frozenset()


class _Way(Struct, frozen=True):
    """How calls of a caller to a place go: what of a state they meet, and who counts for routing; equal for equal ones."""

    number: int  # of the place
    met: tuple[int, ...]
    pods: str
    moving: frozenset[str]
    client: Hashable
    captured: bool
    crosses: bool  # whether a waypoint is asked for

    def routes(self, policies: frozenset[int]) -> _Way:
        """The same, without what never routes."""
        return replace(self, met=tuple(each for each in self.met if each not in policies))


class Part(Struct, frozen=True, eq=False):
    """What is called, the part of the mesh that decides about it, first and last, and the changes that lead from one to other.

    `core` are the namespaces whose policies decide; `clients` says of callers (namespace, labels) what tells routes apart.
    """

    before: Mesh
    end: Mesh
    core: frozenset[str]
    wanted: tuple[Wanted, ...]
    changes: tuple[Change, ...]
    clients: Mapping[tuple[str, Headers], Hashable]


class Decided:
    """The decisions about the calls to a part of the mesh."""

    def __init__(self, part: Part) -> None:
        self.wanted, self.clients = part.wanted, part.clients
        self._listing, self._guarded = _Listing(part.core), _Guarded(part.core)
        every = tuple(enumerate(part.changes))
        is_cut = any(part.before.of(kind) for kind in NETWORK) or any(each.ref.kind in _NETWORK for _, each in every)
        self._policies = frozenset(number for number, each in every if each.ref.kind in _POLICIES)
        self._beyond = frozenset(number for number, each in every if _is_of_waypoints(each, is_cut=is_cut))
        self._results: dict[Any, tuple[Results, ...]] = {}
        self._equal: dict[Hashable, Results] = {}  # one for all that are equal, so that nobody compares them
        self._routed: dict[_Way, tuple[Decision, ...]] = {}
        self._classes: dict[Any, tuple[int, ...]] = {}
        self._signatures: dict[Lists, _Signatures] = {}

    def results(self, state: State, mesh: Mesh, caller: Caller) -> list[Results]:
        """What becomes of every call in a state, of which this is the mesh."""
        return [found for number in range(len(self.wanted)) for found in self._at(number, state, mesh, caller)]

    def _at(self, number: int, state: State, mesh: Mesh, caller: Caller) -> tuple[Results, ...]:
        place, service, every = self.wanted[number]
        way = self._way(number, state, mesh, caller)
        key = way, caller
        if key not in self._results:
            routed = self._routes(way, mesh, caller)
            alike = self._alike(way, mesh, routed)
            known: dict[int, Results] = {}
            for each in dict.fromkeys(alike):
                verdicts = trip.judged(mesh, Case(place, service, caller, every[each]), routed[each]).verdicts
                known[each] = self._equal.setdefault(tuple(verdicts.items()), verdicts)
            self._results[key] = tuple(known[each] for each in alike)
        return self._results[key]

    def _way(self, number: int, state: State, mesh: Mesh, caller: Caller) -> _Way:
        place, service, _ = self.wanted[number]
        mode = callers.mode(mesh, caller, place)
        captured = mode == injection.AMBIENT or (mode == GATEWAY and callers.opted_in(mesh, place))
        own = mesh.find(Service, service.namespace, service.name, service.file) or service
        crosses = captured and waypoints.binding(mesh, own) is not None
        met = state.done if crosses else tuple(each for each in state.done if each not in self._beyond)
        client = self.clients[caller.namespace, caller.labels] if mode == injection.SIDECAR else mode
        return _Way(number, met, state.pods, state.moving, client, captured, crosses)

    def _routes(self, way: _Way, mesh: Mesh, caller: Caller) -> tuple[Decision, ...]:
        key = way.routes(self._policies)
        if key not in self._routed:
            place, _, every = self.wanted[way.number]
            self._routed[key] = tuple(trip.routed(mesh, caller, place, each) for each in every)
        return self._routed[key]

    def _alike(self, way: _Way, mesh: Mesh, routed: tuple[Decision, ...]) -> tuple[int, ...]:
        """For each request the first one that is routed alike and that no policy of the mesh tells apart."""
        place, _, every = self.wanted[way.number]
        is_read = way.crosses or mesh.index(self._guarded)  # ztunnel never looks at requests
        told = mesh.index(self._listing) if is_read else asks.NOTHING
        signatures = self._signatures.setdefault(told, _Signatures(told))
        key = way.routes(self._policies), signatures
        if key not in self._classes:
            first: dict[Hashable, int] = {}
            pairs = zip(every, routed, strict=True)
            found = [signatures.of(ask, to) if place.is_http else ask for ask, to in pairs]
            self._classes[key] = tuple(first.setdefault(each, number) for number, each in enumerate(found))
        return self._classes[key]


class _Listing(Struct, frozen=True):
    """The lists of values in the policies of some namespaces."""

    names: frozenset[str]

    def __call__(self, mesh: Mesh) -> Lists:
        return asks.lists(mesh, self.names)


class _Guarded(Struct, frozen=True):
    """Whether any pods of some namespaces have sidecars."""

    names: frozenset[str]

    def __call__(self, mesh: Mesh) -> bool:
        members = (each for name in self.names for each in in_namespace(mesh, name))
        return any(injection.workload_mode(mesh, each) == injection.SIDECAR for each in members)


class _Signatures:
    """What is equal for requests that go alike and that no list of the policies tells apart."""

    def __init__(self, told: Lists) -> None:
        self._told = told
        self._known: dict[Any, Hashable] = {}

    def of(self, ask: Ask, routed: Decision) -> Hashable:
        """Of a request and of what backends get of it."""
        ends = tuple((each.backends, each.backends or each.status, self._of(each.request)) for _, each in routed.outcomes)
        return ask.direct, self._of(ask), ends

    def _of(self, request: Ask | Received | None) -> Hashable:
        if request is None:
            return None
        key = request.method, request.path, request.host, request.headers
        if key not in self._known:
            self._known[key] = asks.signature(request, self._told)
        return self._known[key]


def _is_of_waypoints(change: Change, *, is_cut: bool) -> bool:
    """Whether only calls that cross a waypoint meet what is changed.

    Sidecars and ztunnel obey no policy with targetRefs (conversion.md 5.2, 5.3). NetworkPolicies may choose namespaces by any
    label.
    """
    match change.action:
        case Create(value=value) if change.ref.kind == "Gateway":
            return (value.get("spec") or {}).get("gatewayClassName") == waypoints.CLASS
        case Create(value=value) if change.ref.kind in _POLICIES:
            return bool((value.get("spec") or {}).get("targetRefs"))
        case tuple() as edits if change.ref.kind == "Service" or (change.ref.kind == "Namespace" and not is_cut):
            return all(each.route[:2] == ("metadata", "labels") and each.route[-1] in _OF_WAYPOINTS for each in edits)
    return False
