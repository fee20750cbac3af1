"""The guard as an object of its own, where the policy that needs it cannot hold it: CUSTOM, and policies of the root."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ambimigrate.changes import FROM, Create, Stage
from ambimigrate.converters import made
from ambimigrate.converters.policies import openings, targets
from ambimigrate.converters.policies.guard import Guard, late
from ambimigrate.converters.policies.targets import Policy, Subject
from ambimigrate.kinds import AuthorizationPolicy
from ambimigrate.model import Mesh, Ref, Resource
from ambimigrate.topology import policies


def apart(
    mesh: Mesh, subject: Subject, guard: Guard, temporary: tuple[str, ...], last: Stage
) -> Iterator[tuple[Stage, Ref, Any, Resource[Any] | None]]:
    """What happens to the guard at which stage."""
    found = known(mesh, subject)
    if found is None:
        beside = subject.served[0] if subject.is_root else subject.policy
        value = _value(mesh, subject, beside, guard.rules(early=last < Stage.retire), temporary)
        name = made.placed(value, beside)["metadata"]["name"]
        ref = Ref("AuthorizationPolicy", AuthorizationPolicy.GROUP, beside.namespace, name)
        yield Stage.swap, ref, Create(ref, value, beside), None
    elif edits := late(found.body, guard.principals):
        yield Stage.retire, found.ref, edits, found


def known(mesh: Mesh, subject: Subject) -> Policy | None:
    """The guard that was made for the policy."""
    text = targets.mark(subject.policy, subject.namespace)
    for each in mesh.within(AuthorizationPolicy, subject.namespace):
        if each.body.metadata.annotations.get(FROM) == text and not policies.targets(each) and each.body.spec.action == "DENY":
            return each
    return None


def _value(
    mesh: Mesh, subject: Subject, beside: Resource[Any], rules: list[dict[str, Any]], temporary: tuple[str, ...]
) -> dict[str, Any]:
    plain = f"{made.stem(mesh, subject.policy, beside.namespace)}-direct"
    number, name = 1, plain
    while mesh.find(AuthorizationPolicy, beside.namespace, made.renamed(name, beside)) is not None:
        number += 1
        name = f"{plain}-{number}"
    metadata = made.metadata(name, beside)
    metadata["annotations"][FROM] = targets.mark(subject.policy, subject.namespace)
    if temporary:
        metadata["annotations"][openings.TEMPORARY] = ",".join(temporary)
    labels = policies.selector(subject.policy)
    spec: dict[str, Any] = {"selector": {"matchLabels": dict(labels)}} if labels else {}
    spec |= {"action": "DENY", "rules": rules}
    return {"apiVersion": f"{AuthorizationPolicy.GROUP}/v1", "kind": "AuthorizationPolicy", "metadata": metadata, "spec": spec}
