"""Whether a rule about requests, or what closes the way for it, can mean the callers of a namespace."""

from __future__ import annotations

from collections.abc import Iterable

from ambimigrate.converters.policies import classify, trust
from ambimigrate.converters.policies.closing import Closing, Reading, closings
from ambimigrate.kinds import AuthorizationPolicy
from ambimigrate.kinds.security import Rule
from ambimigrate.model import Mesh, Resource
from ambimigrate.topology import ztunnel
from ambimigrate.topology.workloads import in_namespace


def is_judged(mesh: Mesh, namespace: str, rules: Iterable[Rule], closed: Iterable[Closing]) -> bool:
    """Whether any of these rules can mean callers of the namespace.

    Where none does, ztunnel says of them what the policy says: by identity and port.
    """
    accounts = {each.service_account for each in in_namespace(mesh, namespace)}
    domains = dict.fromkeys((trust.domain(mesh).name, trust.DEFAULT))
    callers = [f"{domain}/ns/{namespace}/sa/{account}" for domain in domains for account in sorted(accounts)]
    about, closing = tuple(rules), tuple(closed)
    return not callers or any(
        any(classify.meets(rule, each) for rule in about) or any(one.means(each) for one in closing) for each in callers
    )


def about(policy: AuthorizationPolicy) -> tuple[Rule, ...]:
    """The rules that only a waypoint will carry out."""
    rules = policy.spec.rules or ()
    if policy.spec.action == "CUSTOM":
        return tuple(rules)
    return tuple(rules[each] for each in classify.l7_rules(policy) if not ztunnel.is_closing(rules[each]))


def concerns(mesh: Mesh, policy: Resource[AuthorizationPolicy], namespace: str) -> bool:
    """Whether callers of the namespace are judged by the policy's rules about requests, or refused where it is closed."""
    reading = Reading(policy.namespace, mesh.target.istio, trust.domain(mesh).name)
    found = about(policy.body)
    closed = closings(found, reading, ()) if policy.body.spec.action in {"DENY", "CUSTOM"} else ()
    return is_judged(mesh, namespace, found, closed)
