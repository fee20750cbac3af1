"""A pilot: one workload of a namespace becomes ambient, all others keep their sidecars and what these carry out."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from ambimigrate.changes import Change, Held, Stage
from ambimigrate.converters import labels
from ambimigrate.converters.outcome import Outcome, Refused, held
from ambimigrate.model import Finding, Mesh
from ambimigrate.topology import policies, workloads
from ambimigrate.topology.workloads import Workload, in_namespace, matches

RULE = "NS930"
KINDS = ("AuthorizationPolicy",)
_WORKLOADS = frozenset(each.__name__ for each in workloads.KINDS)


def only(mesh: Mesh, namespace: str, outcome: Outcome, named: str) -> Outcome:
    """What of the namespace's changes is for the pilot: everything up to `bind`, and its own enrolment."""
    found = next((each for each in in_namespace(mesh, namespace) if labels.is_pilot(each, named)), None)
    if found is None:
        return Outcome(tuple(each for each in outcome.changes if each.stage is Stage.prepare), outcome.held)
    kept = tuple(each for each in outcome.changes if each.stage <= Stage.bind or each.stage is Stage.enroll)
    return Outcome(kept, (*outcome.held, *_judged(mesh, found, outcome.changes)))


def concerning(findings: Iterable[Finding], named: str) -> tuple[Finding, ...]:
    """The findings without those about other workloads than the pilot, which stay as they are."""
    return tuple(each for each in findings if each.ref.kind not in _WORKLOADS or labels.is_named(each.ref, named))


def _judged(mesh: Mesh, workload: Workload, changes: Iterable[Change]) -> Iterator[Held]:
    """The policies that only sidecars carry out in full and that mean the pilot's pods, together with others or alone."""
    for each in changes:
        if each.stage <= Stage.bind or each.subject is None or each.ref.kind not in KINDS:
            continue
        if matches(policies.selector(each.subject), workload.labels):
            route = policies.selector_route(each.subject)
            reason = f"it holds for {workload}, which ztunnel would judge by part of it while the others need all of it"
            witness = f"a request to {workload.name} that rules on requests decide today: decided without them then"
            yield held(mesh, each.subject, RULE, Refused("default", route, reason, witness), workload.namespace)
