"""The end of exceptions for callers that had sidecars, once they have none."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from msgspec.structs import replace

from ambimigrate.changes import Change, Delete, Edit, Set, Stage
from ambimigrate.converters.policies import openings
from ambimigrate.converters.policies.targets import Policy
from ambimigrate.kinds import AuthorizationPolicy
from ambimigrate.model import Mesh

ENDED = "AP911"


def changes(mesh: Mesh, namespace: str, moving: frozenset[str], before: Iterable[Change]) -> tuple[Change, ...]:
    """The policies of the namespace without callers whose time is over; `before` is what happens to them until then."""
    found = ((each, openings.over(mesh, each, moving)) for each in mesh.within(AuthorizationPolicy, namespace))
    meanwhile = tuple(before)
    return tuple(_change(mesh, each, names, meanwhile) for each, names in found if names)


def _change(mesh: Mesh, policy: Policy, names: tuple[str, ...], before: tuple[Change, ...]) -> Change:
    actions = (each.action for each in before if each.ref == policy.ref and isinstance(each.action, tuple))
    deleted = (edit.route for action in actions for edit in action if isinstance(edit, Delete))
    gone = [route[2] for route in deleted if len(route) == 3 and isinstance(route[2], int)]
    edits = [*_ending(policy.body, names, gone)]
    left = [each for each in openings.temporary(policy) if each not in names]
    edits.append(Set(openings.NOTE, ",".join(left)) if left else Delete(openings.NOTE))
    action, sources = tuple(edits), (policy.at(),)
    witness = f"a connection of {names[0]} to a pod by its address: let past the waypoint until then, refused from then on"
    change = Change(Stage.tighten, policy.namespace, mesh.name, policy.ref, action, policy, (ENDED,), sources)
    return replace(change, verdict="differs", witness=witness)


def _ending(policy: AuthorizationPolicy, names: tuple[str, ...], gone: list[int]) -> Iterator[Edit]:
    for number, rule in reversed([*enumerate(policy.spec.rules or ())]):
        at = number - sum(each < number for each in gone)
        sources = [(n, each.source) for n, each in enumerate(rule.from_) if each.source and number not in gone]
        if len(rule.from_) == len(sources) == 1 and set(names) >= set(sources[0][1].principals) != set():
            yield Delete(("spec", "rules", at))
            continue
        for n, source in sources:
            for field, values in (("principals", source.principals), ("notPrincipals", source.not_principals)):
                found = [each for each, value in enumerate(values) if value in names]
                yield from (Delete(("spec", "rules", at, "from", n, "source", field, each)) for each in reversed(found))
