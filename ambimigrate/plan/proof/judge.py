"""What becomes of calls to one namespace in any state of a plan, compared with what became of them before it."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Iterator, Mapping
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from ambimigrate.changes import FROM, Change
from ambimigrate.converters.apply import Known, after
from ambimigrate.kinds import AuthorizationPolicy, PeerAuthentication, RequestAuthentication
from ambimigrate.model import Mesh, Resource
from ambimigrate.plan.proof import pods
from ambimigrate.plan.proof.around import NETWORK
from ambimigrate.plan.proof.decided import Decided, Part, Results, State
from ambimigrate.semantics import authz
from ambimigrate.semantics.authz import attach
from ambimigrate.topology import meshconfig, policies
from ambimigrate.topology.workloads import Workload, workloads
from ambimigrate.verify import authorization, wires
from ambimigrate.verify.named import Verdicts, named
from ambimigrate.verify.values import ANY, UNSEEN, Ask, Caller, Place

UNENFORCED, REFUSED, UNAUDITED = "unenforced", "refused", "unaudited"
UNPROVEN = "unproven"  # a state that cannot be made of the changes
_KINDS = {authorization.WIDER: UNENFORCED, authorization.NARROWER: REFUSED, authorization.AUDIT: UNAUDITED}


class Who(Struct, frozen=True):
    """A caller, and the data planes that it is in before the plan and after it."""

    caller: Caller
    former: str
    latter: str


class Seen(Struct, frozen=True):
    """One way in which a policy is not enforced, or refuses whom nobody refused; `named`: where the report says so."""

    kind: str
    policy: str
    named: tuple[str, ...] = ()


Found = Mapping[Seen, str]  # with a witness each


class Judge:
    """Decisions about calls to some places, each made once."""

    def __init__(self, part: Part) -> None:
        self.before, self.changes = part.before, part.changes
        self._asks = tuple((place, ask) for place, _, asks in part.wanted for ask in asks)
        self._decided = Decided(part)
        self._last = State(tuple(range(len(part.changes))))
        self._meshes: dict[State, Mesh] = {State(()): part.before, self._last: part.end}
        self._made: Known = {}
        self._known: dict[tuple[State, Caller], list[Results]] = {}
        self._found: dict[tuple[State, Who, str], Found] = {}
        self._instead = frozenset(
            str(each.ref)
            for each in part.end.of(AuthorizationPolicy)
            if "NetworkPolicy" in each.body.metadata.annotations.get(FROM, "")
        )
        self.backs: dict[Hashable, tuple[Any, ...]] = {}  # what `undo` found, for all namespaces whose judge this is

    def mesh(self, state: State) -> Mesh:
        """The part of the mesh in a state. Raises Missing where a change edits what one that is not done would make."""
        if state not in self._meshes:
            found = after(self.before, self._done(state), self._made)
            if state.pods:
                found = pods.running(self.before, found, state.pods, state.moving)
            self._meshes[state] = found
        return self._meshes[state]

    def _done(self, state: State) -> tuple[Change, ...]:
        return tuple(self.changes[number] for number in state.done)

    def found(self, state: State, who: Who, mode: str) -> Found:
        """What differs for a caller that is in this data plane by then."""
        key = state, who, mode
        if key not in self._found:
            self._found[key] = dict(self._differing(state, who, replace(who.caller, mode=mode)))
        return self._found[key]

    def _differing(self, state: State, who: Who, now: Caller) -> Iterator[tuple[Seen, str]]:
        old, new = self._all(State(()), replace(who.caller, mode=who.former)), self._all(state, now)
        known: dict[tuple[int, int], tuple[tuple[Seen, Verdicts], ...]] = {}  # calls that end alike have the same results
        found: dict[Seen, tuple[Ask, str]] = {}
        for number, (place, ask) in enumerate(self._asks):
            pair = id(old[number]), id(new[number])
            if pair not in known:
                known[pair] = tuple(self._told(state, now, old[number], new[number]))
            for told, verdicts in known[pair]:
                seen = self._named(told, who, number, verdicts)
                if seen is not None and (seen not in found or ask.size < found[seen][0].size):
                    found[seen] = ask, _witness(place, ask, now, verdicts)
        return ((seen, text) for seen, (_, text) in found.items())

    def _told(self, state: State, now: Caller, old: Results, new: Results) -> Iterator[tuple[Seen, Verdicts]]:
        """What the differences between two results mean."""
        for kind, workload, one, other in authorization.differing(old, new) if old is not new else ():
            if kind == authorization.NARROWER and self._is_no_gap(now, other):
                continue
            verdicts = Verdicts(kind, workload, one, other)
            seen = self._seen(state, verdicts)
            if seen is not None:
                yield seen, verdicts

    def _named(self, seen: Seen, who: Who, number: int, found: Verdicts) -> Seen | None:
        """What is named by the report and lasts is no gap; what only lasts for a time is one that nobody agreed to."""
        if not seen.named or seen.kind == UNENFORCED:
            return seen
        return None if self._lasts(who, number, found) else replace(seen, named=())

    def _is_no_gap(self, caller: Caller, decision: authz.Decision) -> bool:
        """Strangers, of whom the scan says for the whole mesh that ztunnel refuses them (PF012), and unseen pods.

        Whom NetworkPolicies let in is not known of pods that are not in the input; what takes their place may refuse these.
        """
        unseen = caller.kind == UNSEEN and caller.account != ANY
        return bool(caller.domain) or (unseen and decision.because in self._instead)

    def _all(self, state: State, caller: Caller) -> list[Results]:
        """What becomes of every call in a state."""
        key = state, caller
        if key not in self._known:
            self._known[key] = self._decided.results(state, self.mesh(state), caller)
        return self._known[key]

    def _lasts(self, who: Who, number: int, found: Verdicts) -> bool:
        """Whether the plan leads to the same: what is only so for a time is no difference that anybody agreed to."""
        end = self._all(self._last, replace(who.caller, mode=who.latter))[number].get(found.workload)
        return end is not None and authorization.kind_of(found.before, end) != ""

    def _seen(self, state: State, found: Verdicts) -> Seen | None:
        """What a difference means; None for what refuses or lets in nobody else."""
        kind, one, other = _kind(found), found.before, found.after
        if not kind:
            return None
        mesh, decision = (self.before, one) if kind != REFUSED else (self.mesh(state), other)
        missing = tuple(each for each in one.providers if each not in other.providers)
        names = named(self.before, self._done(state), found)
        return Seen(kind, policy(mesh, found.workload, decision, missing), names)


def _kind(found: Verdicts) -> str:
    if found.kind == authorization.AUTHORIZERS:
        return REFUSED if set(found.before.providers) <= set(found.after.providers) else UNENFORCED
    if found.kind == authorization.AUDIT and (found.after.audit or found.is_past):
        return ""
    return _KINDS.get(found.kind, "")


def _witness(place: Place, ask: Ask, caller: Caller, found: Verdicts) -> str:
    what = f"{ask.method} {ask.path}" if place.is_http else "a connection"
    headers = "".join(f" with {name}: {value[:40]}" for name, value in ask.headers)
    way = f"to a pod of {place.host}" if ask.direct else f"to {place.host}"
    words = f"{authorization.text(found.before)} before, then {authorization.text(found.after)}"
    return f"{what}{headers} {way}:{place.port} by {caller}: {words}"


# --- who decides ----------------------------------------------------------------------------------------------------


def policy(mesh: Mesh, workload: str, decision: authz.Decision, providers: tuple[str, ...] = ()) -> str:
    """The policies behind a decision at a workload, by name."""
    at = mesh.index(_by_name).get(workload)
    if at is None:
        return decision.because or "the policies"
    found: list[Resource[AuthorizationPolicy]] = [*_granting(mesh, at)] if decision.because.startswith("no ALLOW") else []
    if providers and decision.verdict is authz.Verdict.ASK:
        bound = _bound(mesh, at)
        found = [each for each in bound if each.body.spec.provider and each.body.spec.provider.name in providers]
    if decision.because == "PeerAuthentication":
        return _listed(attach.living_in(mesh, PeerAuthentication, at.namespace, meshconfig.root_namespace(mesh)))
    if decision.because == "RequestAuthentication":
        return _listed(attach.of_workload(mesh, RequestAuthentication, at))
    if decision.because == wires.CUT:
        return _listed(each for kind in NETWORK for each in mesh.within(kind, at.namespace, ""))
    return _listed(found) if found else decision.because or "the policies"


def _granting(mesh: Mesh, workload: Workload) -> Iterator[Resource[AuthorizationPolicy]]:
    return (each for each in _bound(mesh, workload) if each.body.spec.action == "ALLOW")


def _bound(mesh: Mesh, workload: Workload) -> tuple[Resource[AuthorizationPolicy], ...]:
    """The policies of the workload's own proxy, else those for the waypoint in its namespace."""
    own = attach.of_workload(mesh, AuthorizationPolicy, workload)
    return own or attach.living_in(mesh, AuthorizationPolicy, workload.namespace)


def _listed(found: Iterable[Resource[object]]) -> str:
    return policies.listed(str(each.ref) for each in found) or "the mesh"


def _by_name(mesh: Mesh) -> dict[str, Workload]:
    return {f"{each.namespace}/{each.name}": each for each in workloads(mesh)}
