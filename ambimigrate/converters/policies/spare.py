"""What is said twice: a policy of which only the waypoint's part is left goes at `retire` where another says the same."""

from __future__ import annotations

from msgspec.structs import replace

from ambimigrate.changes import Change, Create, Stage
from ambimigrate.converters.apply import after
from ambimigrate.converters.policies import openings
from ambimigrate.converters.policies.targets import Policy
from ambimigrate.converters.policies.workload_copy import RETIRED
from ambimigrate.kinds import AuthorizationPolicy
from ambimigrate.kinds.security import Rule, Source
from ambimigrate.model import Mesh
from ambimigrate.topology import injection, policies, ztunnel
from ambimigrate.topology.injection import REVISION

Labels = frozenset[tuple[str, str]]
_ALL: Labels = frozenset()  # the selector of a whole namespace


def without(mesh: Mesh, namespace: str, changes: list[Change]) -> list[Change]:
    """The changes of the namespace's policies, with such a policy deleted in place of what is left of it."""
    edited = {each.ref for each in changes if _leaves_some(each)}
    if not edited:
        return changes
    about = (each for each in changes if not _is_copy(each))
    end = after(replace(mesh, resources=injection.by_namespace(mesh).get(namespace, ()), _memo={}), about)
    kept: dict[Labels, list[Policy]] = {}
    gone = set()
    for each in sorted(filter(_is_for_ztunnel, end.within(AuthorizationPolicy, namespace)), key=_order):
        own = frozenset(policies.selector(each).items())
        wider = (*kept.get(_ALL, ()), *kept.get(own, ()))
        if each.ref in edited and any(_covers(other, each) for other in wider):
            gone.add(each.ref)
        else:
            kept.setdefault(own, []).append(each)
    return [replace(each, action=None) if each.ref in gone and _leaves_some(each) else each for each in changes]


def _is_copy(change: Change) -> bool:
    """Whether it makes an object for a waypoint, which ztunnel never reads."""
    return isinstance(change.action, Create) and "targetRefs" in change.action.value["spec"]


def _leaves_some(change: Change) -> bool:
    """Whether a change takes the rules for sidecars out of a policy and leaves others."""
    return change.stage is Stage.retire and isinstance(change.action, tuple) and RETIRED in change.because


def _is_for_ztunnel(policy: Policy) -> bool:
    """Whether ztunnel carries it out, and it stays as it is."""
    plain = not policies.targets(policy) and not ztunnel.is_dry_run(policy.body) and not openings.temporary(policy)
    return plain and _action(policy) in {"ALLOW", "DENY"}


def _action(policy: Policy) -> str:
    return policy.body.spec.action or "ALLOW"


def _order(policy: Policy) -> tuple[int, str]:
    return len(policies.selector(policy)), policy.name


def _covers(wide: Policy, narrow: Policy) -> bool:
    """Whether whomever the one refuses (or admits) is refused (or admitted) by the other, which means all of its pods."""
    same = wide.body.metadata.labels.get(REVISION) == narrow.body.metadata.labels.get(REVISION)
    if not same or _action(wide) != _action(narrow):
        return False
    rules = wide.body.spec.rules or ()
    return all(any(each == rule or _is_wider(each, rule) for each in rules) for rule in narrow.body.spec.rules or ())


def _is_wider(wide: Rule, narrow: Rule) -> bool:
    """Whether a rule that names callers and nothing else means all whom the other means."""
    if wide.to or wide.when or len(wide.from_) != 1 or len(narrow.from_) != 1:
        return False
    named, other = wide.from_[0].source or Source(), narrow.from_[0].source or Source()
    if named == Source(not_principals=named.not_principals):
        return {*named.not_principals} <= {*other.not_principals}
    return named == Source(principals=named.principals) and set() < {*other.principals} <= {*named.principals}
