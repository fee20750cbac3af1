"""An ALLOW of a namespace that admits its waypoints where a policy of the root namespace holds."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from msgspec.structs import replace

from ambimigrate.changes import FROM, Change, Create, Stage
from ambimigrate.converters import made
from ambimigrate.converters.policies import classify, targets
from ambimigrate.converters.policies.targets import Policy, Subject
from ambimigrate.kinds import AuthorizationPolicy
from ambimigrate.model import Mesh, Ref
from ambimigrate.topology import policies

ADMITTED = "AP904"


def _name(mesh: Mesh, subject: Subject) -> str:
    return f"{made.stem(mesh, subject.policy, subject.namespace)}-from-waypoint"


def is_there(mesh: Mesh, subject: Subject, missing: Iterable[str]) -> bool:
    """Whether one was made before: for this policy, or for another of the root that means the same pods."""
    text, names = targets.mark(subject.policy, subject.namespace), tuple(missing)
    own = (each for each in mesh.within(AuthorizationPolicy, subject.namespace) if _is_entry(each))
    return any(
        each.body.metadata.annotations[FROM] == text
        or (
            policies.selector(each) == policies.selector(subject.policy)
            and all(classify.admits(each.body, name) for name in names)
        )
        for each in own
    )


def _is_entry(policy: Policy) -> bool:
    return made.is_ours(policy) and not policies.targets(policy) and policy.body.spec.action in {"", "ALLOW"}


def once(changes: Iterable[Change]) -> list[Change]:
    """The changes with one such ALLOW for all policies of the root that mean the same pods."""
    found: list[Change] = []
    known: dict[str, int] = {}
    for each in changes:
        said = _said(each)
        number = known.setdefault(said, len(found)) if said else len(found)
        if number < len(found):
            found[number] = replace(found[number], sources=(*found[number].sources, *each.sources))
        else:
            found.append(each)
    return found


def _said(change: Change) -> str:
    """What such an ALLOW says; empty for any other change."""
    action = change.action
    if not isinstance(action, Create) or ADMITTED not in change.because or change.stage is not Stage.policies:
        return ""
    return repr(action.value["spec"])


def create(mesh: Mesh, subject: Subject, missing: list[str]) -> Change:
    """An ALLOW of the namespace that admits the waypoint where the root policy holds."""
    beside = subject.served[0]
    metadata = made.metadata(_name(mesh, subject), beside)
    metadata["annotations"][FROM] = targets.mark(subject.policy, subject.namespace)
    labels = policies.selector(subject.policy)
    spec: dict[str, Any] = {"selector": {"matchLabels": dict(labels)}} if labels else {}
    spec |= {"action": "ALLOW", "rules": [{"from": [{"source": {"principals": missing}}]}]}
    value = {
        "apiVersion": f"{AuthorizationPolicy.GROUP}/v1",
        "kind": "AuthorizationPolicy",
        "metadata": metadata,
        "spec": spec,
    }
    name = made.placed(value, beside)["metadata"]["name"]
    ref = Ref("AuthorizationPolicy", AuthorizationPolicy.GROUP, subject.namespace, name)
    action, sources = Create(ref, value, beside), (subject.policy.at(),)
    return Change(Stage.policies, subject.namespace, mesh.name, ref, action, None, (ADMITTED,), sources)
