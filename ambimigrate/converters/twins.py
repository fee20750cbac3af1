"""Twins: what a policy by selector says to sidecars, said by targetRefs to the waypoints of the same Services."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping
from typing import Any

import msgspec
from msgspec import Struct

from ambimigrate.changes import FROM, Change, Create, Stage
from ambimigrate.converters import made
from ambimigrate.converters.outcome import Account, Refused, written
from ambimigrate.converters.serving import Plan
from ambimigrate.converters.settings import Settings
from ambimigrate.converters.subsets import versioned
from ambimigrate.converters.twin_targets import Aim, targets
from ambimigrate.kinds import Gateway
from ambimigrate.model import Mesh, Ref, Resource
from ambimigrate.topology import gatewaypods, hosts, injection, policies, waypoints
from ambimigrate.topology.workloads import Workload, behind, selected, services_of


def applying(mesh: Mesh, kind: type[Any], namespace: str, settings: Settings | None = None) -> Iterator[Aim]:
    """The policies of a kind without targetRefs that mean workloads of the namespace, its own and those of the root.

    With settings also the versioned Services that the conversion makes.
    """
    for subject in mesh.of(kind):
        scope = policies.scope(mesh, subject)
        if scope.concerns and namespace in policies.namespaces(mesh, subject):
            members = tuple(each for each in scope.workloads if each.namespace == namespace)
            found = [each for each in scope.services if each.namespace == namespace and not made.is_ours(each)]
            bound = tuple(each for each in found if policies.can_be_bound(each))
            if members or bound:
                past = tuple(each for each in found if hosts.is_headless(each))
                doors = (name for each in bound if settings for name in versioned.names(mesh, each, settings))
                yield Aim(subject, namespace, members, bound, past, tuple(dict.fromkeys(doors)))


def needs(mesh: Mesh, kind: type[Any], namespace: str) -> Iterator[str]:
    """The Services of the namespace that need a waypoint for the policies of a kind, as the scan says."""
    for aim in applying(mesh, kind, namespace):
        yield from (each.name for each in aim.services)


def check_whole(mesh: Mesh, aim: Aim) -> None:
    """Raises Refused if a Service also stands in front of pods that the policy does not mean (A23)."""
    meant = {id(each) for each in aim.workloads}
    for service in aim.services:
        for other in behind(mesh, service):
            if meant and id(other) not in meant and policies.becomes_ambient(mesh, other):
                reason = f"Service {service.name} also stands in front of {other}, which the selector does not mean"
                witness = f"a call of {service.name} that {other} answers"
                raise Refused("part", policies.selector_route(aim.subject), reason, witness)


def is_idle(mesh: Mesh, aim: Aim, *kinds: type[Any]) -> bool:
    """Whether nothing carries the policy out today: the namespace is ambient and has no twin of it (of these kinds)."""
    return injection.mode(mesh, aim.namespace) == injection.AMBIENT and not known(mesh, aim, *kinds)


def origin(aim: Aim) -> str:
    """What the annotation of a twin says."""
    subject, name = aim.subject, made.written_name(aim.subject)
    place = "" if subject.namespace == aim.namespace else f"{subject.namespace}/"
    return f"{subject.kind}/{place}{name}"


def known(mesh: Mesh, aim: Aim, *kinds: type[Any]) -> bool:
    """Whether a twin was made before: in the namespace, or for all waypoints in that of the policy."""
    name = f"{aim.subject.kind}/{made.written_name(aim.subject)}"
    index, wanted = mesh.index(_made), kinds or (type(aim.subject.body),)
    places = ((aim.namespace, origin(aim)), (aim.subject.namespace, name))
    return any((kind, *place) in index for kind in wanted for place in places)


def _made(mesh: Mesh) -> frozenset[tuple[type[Any], str, str]]:
    """Kind, namespace and origin of every object with targetRefs that was made from another."""
    found = ((each, each.body.metadata.annotations.get(FROM)) for each in mesh.resources)
    return frozenset(
        (type(each.body), each.namespace, said)
        for each, said in found
        if said and hasattr(getattr(each.body, "spec", None), "target_refs") and policies.targets(each)
    )


# --- changes --------------------------------------------------------------------------------------------------------


class Said(Struct, frozen=True):
    """Why changes are made, since which release they are exact, and the account of what was agreed to."""

    because: str
    account: Account
    since: str | None = None


def changes(mesh: Mesh, aim: Aim, plan: Plan, spec: Mapping[str, Any], said: Said) -> Iterator[Change]:
    """The twins with this spec, and the end of the policy once no sidecar is left that follows it."""
    if not known(mesh, aim):
        kind, served = type(aim.subject.body), version(aim.subject)
        for number, (namespace, refs) in enumerate(targets(mesh, aim, plan), 1):
            twin = Twin(kind, served, namespace, {"targetRefs": list(refs), **spec})
            yield create(mesh, aim, number, twin, said)
    yield from retired(mesh, aim, said)


class Twin(Struct, frozen=True):
    """An object to be made: its kind, apiVersion, namespace and spec."""

    kind: type[Any]
    version: str
    namespace: str
    spec: Mapping[str, Any]


def create(mesh: Mesh, aim: Aim, number: int, twin: Twin, said: Said) -> Change:
    """The change that makes the number-th twin."""
    own = twin.namespace == aim.subject.namespace
    beside: Resource[Any] = aim.subject if own else min(aim.services, key=lambda each: (each.file, each.at().order))
    stem = made.stem(mesh, aim.subject, twin.namespace)
    name = _free(mesh, twin.kind, beside, f"{stem}-waypoint", number)
    metadata = made.metadata(name, beside)
    if not own:
        metadata["annotations"] = {FROM: origin(aim)}
    kind = twin.kind.__name__
    value = {"apiVersion": twin.version, "kind": kind, "metadata": metadata, "spec": dict(twin.spec)}
    ref = Ref(kind, twin.kind.GROUP, twin.namespace, made.renamed(name, beside))
    return change(mesh, aim, Stage.policies, (ref, Create(ref, value, beside)), said)


def change(mesh: Mesh, aim: Aim, stage: Stage, what: tuple[Ref, Any], said: Said) -> Change:
    """A change for the policy; agreed differences make it `differs`."""
    found = said.account.differences
    because = tuple(dict.fromkeys((said.because, *(each.id for each in found))))
    verdict = "differs" if found else "exact-since" if said.since else "exact"
    witness = next((each.witness for each in found if each.witness), None)
    ref, action = what
    subject = None if isinstance(action, Create) else aim.subject
    sources = (aim.subject.at(),)
    since = said.since if verdict == "exact-since" else None
    return Change(stage, aim.namespace, mesh.name, ref, action, subject, because, sources, verdict, since, witness)


def _free(mesh: Mesh, kind: type[Any], beside: Resource[Any], wanted: str, number: int) -> str:
    """The number-th name that nobody has."""
    plain = (wanted if count == 1 else f"{wanted}-{count}" for count in itertools.count(1))
    free = (each for each in plain if mesh.find(kind, beside.namespace, made.renamed(each, beside)) is None)
    return next(itertools.islice(free, number - 1, None))


def version(subject: Resource[Any]) -> str:
    """The apiVersion as the object says it."""
    found = written(subject).get("apiVersion")
    return found if isinstance(found, str) else f"{subject.body.GROUP}/{subject.body.VERSIONS[0]}"


def retired(mesh: Mesh, aim: Aim, said: Said) -> Iterator[Change]:
    """The end of the policy, unless a gateway follows it, too."""
    if aim.subject.namespace == aim.namespace and not concerns_gateways(mesh, aim.subject):
        yield change(mesh, aim, Stage.retire, (aim.subject.ref, None), said)


def concerns_gateways(mesh: Mesh, subject: Resource[Any]) -> bool:
    """Whether pods of gateways follow a policy: they keep their proxy, and it stays for them."""
    if policies.is_root(mesh, subject) or policies.is_of_gateways(mesh, policies.selector(subject)):
        return True
    members = gatewaypods.members(mesh)
    if any(id(each) in members for each in selected(mesh, subject.namespace, policies.selector(subject))):
        return True
    own = (each for each in mesh.within(Gateway, subject.namespace) if not waypoints.is_waypoint(each.body))
    return not policies.selector(subject) and any(True for _ in own)


def spec_of(subject: Resource[Any], *without: str) -> dict[str, Any]:
    """The spec as plain values, without selector, targetRefs and these fields."""
    tree: dict[str, Any] = msgspec.json.decode(msgspec.json.encode(subject.body.spec))
    return {key: value for key, value in tree.items() if key not in {"selector", "targetRef", "targetRefs", *without}}


def unserved(mesh: Mesh, aim: Aim) -> tuple[Workload, ...]:
    """The workloads that are called only past every waypoint: none of their Services can have one."""
    found = [(each, services_of(mesh, each)) for each in aim.workloads]
    return tuple(each for each, own in found if own and not any(policies.can_be_bound(one) for one in own))
