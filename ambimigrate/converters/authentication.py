"""RequestAuthentications: twins by which waypoints validate the tokens that sidecars validated."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain
from typing import Any

from ambimigrate.changes import Change, Held
from ambimigrate.converters import twin_targets, twins
from ambimigrate.converters.outcome import Account, Outcome, Refused, held
from ambimigrate.converters.policies import tokens
from ambimigrate.converters.routing import routed
from ambimigrate.converters.serving import Plan
from ambimigrate.converters.settings import Aims, Settings
from ambimigrate.converters.twin_targets import Aim
from ambimigrate.converters.twins import Said
from ambimigrate.kinds import AuthorizationPolicy, HTTPRoute, RequestAuthentication, Service, VirtualService
from ambimigrate.kinds.security import JWTRule, Rule
from ambimigrate.model import Mesh, Resource, grouped
from ambimigrate.topology import meshconfig, policies
from ambimigrate.topology.workloads import behind
from ambimigrate.versions import at_least

TWIN, HELD, WINDOW = "RA901", "RA902", "RA903"
FAR_SINCE = "1.24.2"  # Istio, RN:54071: Service targets behind a waypoint of another namespace


def convert(mesh: Mesh, namespace: str, plan: Plan, aims: Aims) -> Outcome:
    """The twins of what validates tokens for the namespace, and the end of the originals."""
    changes: list[Change] = []
    refusals: list[Held] = []
    for aim in twins.applying(mesh, RequestAuthentication, namespace, aims.settings):
        if not aim.subject.body.spec.jwt_rules or twins.is_idle(mesh, aim):
            continue
        account = Account()
        try:
            if not twins.known(mesh, aim):
                _check(mesh, aim, plan, account, aims)
            said = Said(_because(mesh, aim), account, FAR_SINCE if twin_targets.foreign(aim, plan) else None)
            changes += tuple(twins.changes(mesh, aim, plan, twins.spec_of(aim.subject), said))
        except Refused as refused:
            refusals.append(held(mesh, aim.subject, HELD, refused, namespace))
    return Outcome(tuple(changes), tuple(refusals))


def needs(mesh: Mesh, namespace: str) -> Iterator[str]:
    """The Services of the namespace whose tokens a waypoint has to validate."""
    for aim in twins.applying(mesh, RequestAuthentication, namespace):
        if aim.subject.body.spec.jwt_rules:
            yield from (each.name for each in aim.services)


def _check(mesh: Mesh, aim: Aim, plan: Plan, account: Account, aims: Aims) -> None:
    twins.check_whole(mesh, aim)
    far = twin_targets.foreign(aim, plan)
    if far and not at_least(mesh.target.istio, FAR_SINCE):
        reason = (
            f"the waypoint of {far.name} lies in another namespace; before Istio {FAR_SINCE} it does not validate tokens there"
        )
        raise Refused("far", ("spec", "selector"), reason)
    _check_routed(mesh, aim, account, aims.settings)
    unknown = () if aim.workloads else ("the pods that it selects",)
    open_one = next(chain(unknown, tokens.opened(mesh, aim, plan, aims.settings)), None)
    if open_one is not None and not tokens.can_close(mesh, aim, plan, aims):
        issuer = aim.subject.body.spec.jwt_rules[0].issuer
        calls = f"Service {aim.past[0].name}" if aim.past else f"a pod of {open_one} by its address"
        reason = f"only the waypoint validates tokens, and no AuthorizationPolicy closes the way past it to {open_one}"
        witness = f"a call of {calls} with a forged token of {issuer or 'its issuer'}: 401 before, answered then"
        account.agree(aims.settings, HELD, aim.subject, Refused("unguarded", ("spec", "jwtRules"), reason, witness))


def _because(mesh: Mesh, aim: Aim) -> str:
    """Tokens that the waypoint takes out are missing at sidecars behind it, while there are any."""
    taken = any(not each.forward_original_token for each in aim.subject.body.spec.jwt_rules)
    return WINDOW if taken and _is_asked(mesh, aim) else TWIN


# --- who asks for tokens ----------------------------------------------------------------------------------------------


def _is_asked(mesh: Mesh, aim: Aim) -> bool:
    """Whether some policy asks for tokens at every workload."""
    places = dict.fromkeys((aim.namespace, meshconfig.root_namespace(mesh)))
    asking = [each for place in places for each in mesh.index(_asking).get(place, ())]
    covered = {id(one) for each in asking for one in policies.scope(mesh, each).workloads}
    for policy in asking:
        for _, ref in policies.targets(policy):
            if ref.kind != "Service":
                return True
            service = mesh.find(Service, policy.namespace, ref.name, policy.file)
            covered |= {id(one) for one in behind(mesh, service)} if service else set()
    return bool(asking) and all(id(each) in covered for each in aim.workloads)


def _asking(mesh: Mesh) -> dict[str, tuple[Resource[AuthorizationPolicy], ...]]:
    return grouped((each.namespace, each) for each in mesh.of(AuthorizationPolicy) if _asks(each))


def _asks(policy: Resource[AuthorizationPolicy]) -> bool:
    return any(_is_about_tokens(each) for each in policy.body.spec.rules or ())


def _is_about_tokens(rule: Rule) -> bool:
    sources = (each.source for each in rule.from_ if each.source)
    asked = any(each.request_principals or each.not_request_principals for each in sources)
    return asked or any(each.key.startswith("request.auth.") for each in rule.when)


# --- routes -----------------------------------------------------------------------------------------------------------


def _check_routed(mesh: Mesh, aim: Aim, account: Account, settings: Settings) -> None:
    """The waypoint validates before it routes, and what it changes of the headers counts there."""
    changed = {name.lower(): words for rule in aim.subject.body.spec.jwt_rules for name, words in _changed(rule)}
    for service in aim.services:
        for route, names in _asked_headers(mesh, service):
            for name in sorted(names & changed.keys()):
                reason = f"{route.ref} decides by header {name}, which the waypoint {changed[name]} before it routes"
                witness = f"GET http://{service.name}/ with a header {name} of the caller's own: it decided before, not then"
                account.agree(settings, HELD, aim.subject, Refused("routing", ("spec", "jwtRules"), reason, witness))
        if (vs := _answering(mesh, service)) is not None:
            reason = f"{vs.ref} answers requests itself; the waypoint refuses those with a false token first"
            witness = f"a request for {service.name} with an expired token: redirected before, 401 then"
            account.agree(settings, HELD, aim.subject, Refused("answers", ("spec", "jwtRules"), reason, witness))


def _changed(rule: JWTRule) -> Iterator[tuple[str, str]]:
    for each in rule.output_claim_to_headers:
        yield each.header, "sets from the token"
    if rule.output_payload_to_header:
        yield rule.output_payload_to_header, "sets from the token"
    if not rule.forward_original_token:
        for name in [each.name for each in rule.from_headers] or ["authorization"]:
            yield name, "takes out"


def _asked_headers(mesh: Mesh, service: Resource[Service]) -> Iterator[tuple[Resource[Any], set[str]]]:
    for vs in routed.routing(mesh, service):
        matches = [match for rule in vs.body.spec.http for match in rule.match]
        yield vs, {name.lower() for match in matches for name in (*match.headers, *match.without_headers)}
    for route in mesh.within(HTTPRoute, service.namespace):
        if any(each.kind == "Service" and each.name == service.name for each in route.body.spec.parent_refs):
            found = [match for rule in route.body.spec.rules for match in rule.matches]
            yield route, {each.name.lower() for match in found for each in match.headers}


def _answering(mesh: Mesh, service: Resource[Service]) -> Resource[VirtualService] | None:
    for vs in routed.routing(mesh, service):
        if any(rule.redirect or rule.direct_response or (rule.fault and rule.fault.abort) for rule in vs.body.spec.http):
            return vs
    return None
