"""An ALLOW of a namespace that admits its waypoints where a policy of the root namespace holds."""

from __future__ import annotations

from typing import Any

from ambimigrate.changes import FROM, Change, Create, Stage
from ambimigrate.converters import made
from ambimigrate.converters.policies import targets
from ambimigrate.converters.policies.targets import Subject
from ambimigrate.kinds import AuthorizationPolicy
from ambimigrate.model import Mesh, Ref
from ambimigrate.topology import policies


def _name(mesh: Mesh, subject: Subject) -> str:
    return f"{made.stem(mesh, subject.policy, subject.namespace)}-from-waypoint"


def is_there(mesh: Mesh, subject: Subject) -> bool:
    """Whether it was made before."""
    text = targets.mark(subject.policy, subject.namespace)
    found = mesh.within(AuthorizationPolicy, subject.namespace)
    mine = (each for each in found if each.body.metadata.annotations.get(FROM) == text and not policies.targets(each))
    return any(each.body.spec.action in {"", "ALLOW"} for each in mine)


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
    return Change(Stage.policies, subject.namespace, mesh.name, ref, action, None, sources=sources)
