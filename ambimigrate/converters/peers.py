"""PeerAuthentications are kept: ztunnel enforces them; DISABLE, which it does not know, is written as what it does instead."""

from __future__ import annotations

from collections.abc import Iterator

from ambimigrate.changes import Change, Edit, Held, Set, Stage
from ambimigrate.converters import unnamed
from ambimigrate.converters.outcome import Account, Outcome, Refused, held
from ambimigrate.converters.serving import Plan
from ambimigrate.converters.settings import Settings
from ambimigrate.kinds import AuthorizationPolicy, PeerAuthentication
from ambimigrate.kinds.security import Rule
from ambimigrate.model import Mesh, Resource, Route
from ambimigrate.topology import fronts, gatewaypods, injection, mtls, policies
from ambimigrate.topology.callgraph import calls
from ambimigrate.topology.workloads import Workload, selected

CORRECTED, HELD = "PA901", "PA902"
_ADDRESSES = frozenset({"ipBlocks", "notIpBlocks", "source.ip"})  # the same with and without mutual TLS


def convert(mesh: Mesh, namespace: str, plan: Plan, settings: Settings) -> Outcome:
    """The corrections in the policies of the namespace, made when its pods change over."""
    changes: list[Change] = []
    refusals: list[Held] = []
    for peer in mesh.within(PeerAuthentication, namespace):
        edits = tuple(_edits(peer))
        if not edits or policies.is_root(mesh, peer) or injection.mode(mesh, namespace) == injection.AMBIENT:
            continue
        account = Account()
        try:
            _check(mesh, peer, edits[0].route, (plan, account, settings))
        except Refused as refused:
            refusals.append(held(mesh, peer, HELD, refused))
            continue
        verdict = "differs" if account.differences else "exact"
        because = (CORRECTED, *([HELD] if account.differences else ()))
        witness = next((each.witness for each in account.differences), None)
        sources = (peer.at(*edits[0].route),)
        changes.append(
            Change(Stage.enroll, namespace, mesh.name, peer.ref, edits, peer, because, sources, verdict, None, witness)
        )
    return Outcome(tuple(changes), (*refusals, *_of_others(mesh, namespace, settings)))


def _of_others(mesh: Mesh, namespace: str, settings: Settings) -> Iterator[Held]:
    """Servers that sidecars of the namespace call in plain text: once captured, these have an identity there."""
    if injection.mode(mesh, namespace) == injection.AMBIENT or not injection.is_meshed(mesh, namespace):
        return
    for peer, edits in mesh.index(_opening):
        if peer.namespace == namespace or policies.is_root(mesh, peer) or settings.accepts(HELD, peer):
            continue
        members = selected(mesh, peer.namespace, policies.selector(peer))
        called = (namespace, peer.namespace) in mesh.index(_called)
        for policy in _about_callers(mesh, members, Plan({})):
            if not (unnamed.gains(policy.body, namespace) or (called and unnamed.loses(policy.body, namespace))):
                continue
            reason = f"callers have no identity at its pods; {policy.ref} compares it, and callers of {namespace} would get one"
            witness = f"a call of {members[0]} from {namespace}: judged by {policy.name} without an identity before"
            yield held(mesh, peer, HELD, Refused("identity", edits[0].route, reason, witness), namespace)


def _opening(mesh: Mesh) -> tuple[tuple[Resource[PeerAuthentication], tuple[Edit, ...]], ...]:
    """The PeerAuthentications that turn mutual TLS off, with what they become."""
    return tuple((peer, edits) for peer in mesh.of(PeerAuthentication) if (edits := tuple(_edits(peer))))


def _called(mesh: Mesh) -> frozenset[tuple[str, str]]:
    return frozenset((each.caller, each.callee) for each in calls(mesh))


def _edits(peer: Resource[PeerAuthentication]) -> Iterator[Edit]:
    """PERMISSIVE for DISABLE: ztunnel accepts plaintext and HBONE for either (ambient index, policies.go).

    On a port under an inherited STRICT it looks for PERMISSIVE only, and would keep STRICT for DISABLE. Ports count with a
    selector only.
    """
    spec = peer.body.spec
    if spec.mtls and spec.mtls.mode == mtls.DISABLE:
        yield Set(("spec", "mtls", "mode"), mtls.PERMISSIVE)
    for port, found in spec.port_level_mtls.items():
        if found.mode == mtls.DISABLE and policies.selector(peer):
            yield Set(("spec", "portLevelMtls", port, "mode"), mtls.PERMISSIVE)


def _check(mesh: Mesh, peer: Resource[PeerAuthentication], route: Route, agreed: tuple[Plan, Account, Settings]) -> None:
    """Raises Refused if somebody keeps a sidecar, or if callers that get an identity now meet a policy about it."""
    plan, account, settings = agreed
    members = selected(mesh, peer.namespace, policies.selector(peer))
    gateways = gatewaypods.members(mesh)
    for each in members:
        if id(each) in gateways or not policies.becomes_ambient(mesh, each):
            raise Refused(
                "stays", route, f"{each} is meant, too, and does not become ambient: with PERMISSIVE it takes mutual TLS"
            )
    for policy in _about_callers(mesh, members, plan):
        reason = f"callers had no identity there; {policy.ref} compares it, and with ztunnel they have one"
        witness = f"a call of {members[0] if members else 'these pods'}: judged by {policy.name} without an identity before"
        account.agree(settings, HELD, peer, Refused("identity", route, reason, witness))


def _about_callers(mesh: Mesh, members: tuple[Workload, ...], plan: Plan) -> Iterator[Resource[AuthorizationPolicy]]:
    own = {id(each) for each in members}
    for policy in mesh.of(AuthorizationPolicy):
        if own.isdisjoint(id(each) for each in policies.scope(mesh, policy).workloads):
            continue
        rules = policy.body.spec.rules or ()
        if any(not _ADDRESSES.issuperset(fronts.identity(each)) and not _is_for_waypoints(each, plan) for each in rules):
            yield policy


def _is_for_waypoints(rule: Rule, plan: Plan) -> bool:
    """Whether it asks for nobody but waypoints of the plan, which sidecars never were."""
    ends = tuple(f"/ns/{each.namespace}/sa/{each.account or each.name}" for each in plan.by_service.values())
    sources = [each.source for each in rule.from_ if each.source]
    named = [name for each in sources for name in each.principals]
    return bool(named) and all(each.principals for each in sources) and all(name.endswith(ends) for name in named)
