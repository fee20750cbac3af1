"""What each stage waits for, how it is checked, and what is not enforced while it lasts."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Any

from ambimigrate.changes import Change, Create, Stage
from ambimigrate.kinds import AuthorizationPolicy, RequestAuthentication, Service
from ambimigrate.model import Mesh, Ref, Resource
from ambimigrate.plan import outcomes, restarts, trials
from ambimigrate.plan.lines import kubectl, remark, target, told
from ambimigrate.plan.outcomes import Around
from ambimigrate.plan.trials import Trial
from ambimigrate.topology import policies, ztunnel
from ambimigrate.topology.workloads import in_namespace

_ACCEPTED = 'jsonpath={.status.conditions[?(@.type=="WaypointAccepted")].status}'
_ROUTE = 'jsonpath={.status.parents[*].conditions[?(@.type=="Accepted")].status}'
_CODE = ("curl", "-s", "-o", "/dev/null", "-m", "10", "-w", "%{http_code}\\n")


def gates(stage: Stage, mesh: Mesh, changes: tuple[Change, ...], every: Iterable[Change]) -> Iterator[str]:
    """What controllers say about the objects of the stage, beside that they are there; `every` are all of the plan."""
    match stage:
        case Stage.waypoints:
            yield from _waypoints(changes)
        case Stage.bind:
            yield from _bound(changes, mesh)
            yield from _accepted(changes, every)
        case Stage.retire:
            names = sorted({each.namespace for each in changes})
            yield from (restarts.sidecars_gone(mesh, name) for name in names)
            for ref in (each.ref for each in changes if each.ref.kind == "HTTPRoute" and isinstance(each.action, Create)):
                yield told(kubectl(ref.namespace, "get", target(ref), "-o", _ROUTE), "prints True, once for each parent")
            for ref in (each.ref for each in changes if each.ref.kind == "Gateway" and isinstance(each.action, Create)):
                yield _programmed(ref)


def _waypoints(changes: tuple[Change, ...]) -> Iterator[str]:
    for ref in (each.ref for each in changes if each.ref.kind == "Gateway"):
        yield _programmed(ref)
        yield kubectl(ref.namespace, "rollout", "status", f"deployment/{ref.name}", "--timeout=5m")


def _programmed(ref: Ref) -> str:
    return kubectl(ref.namespace, "wait", "--for=condition=Programmed", target(ref), "--timeout=5m")


def _bound(changes: tuple[Change, ...], mesh: Mesh) -> Iterator[str]:
    spaces = {each.ref.name for each in changes if each.ref.kind == "Namespace"}
    named = {(each.ref.namespace, each.ref.name) for each in changes if each.ref.kind == "Service"}
    named |= {(each.namespace, each.name) for each in mesh.within(Service, *sorted(spaces)) if policies.can_be_bound(each)}
    for namespace, name in sorted(named):
        yield kubectl(namespace, "wait", "--for=condition=istio.io/WaypointBound", f"service/{name}", "--timeout=2m")


def _accepted(changes: tuple[Change, ...], every: Iterable[Change]) -> Iterator[str]:
    """Policies with targetRefs are accepted once their Service is bound (Istio, pilot/pkg/model/authorization.go)."""
    spaces = {each.namespace for each in changes}
    for change in every:
        value = change.action.value if isinstance(change.action, Create) else {}
        is_twin = change.ref.kind == "AuthorizationPolicy" and "targetRefs" in (value.get("spec") or {})
        if is_twin and change.namespace in spaces:
            yield told(kubectl(change.ref.namespace, "get", target(change.ref), "-o", _ACCEPTED), "prints True")


def checks(around: Around, found: Iterable[Resource[Any]]) -> Iterator[str]:
    """For each policy a call that has to be answered and one that has to be refused."""
    for policy in found:
        tried = _tried(around, policy)
        for each in tried:
            yield _check(around.before, each)
        if not tried:
            yield remark(f"{policy.ref}: no call was found that it decides before and after alike; try it by hand")


def _tried(around: Around, policy: Resource[Any]) -> tuple[Trial, ...]:
    """The calls for a policy, found once for all steps that it concerns."""
    known = around.after.index(_known)
    key = (around.before, around.staying, id(policy))
    if key not in known:
        known[key] = trials.of_policy(around, policy, trials.QUICK)
    return known[key]


def _known(_mesh: Mesh) -> dict[Any, tuple[Trial, ...]]:
    return {}


def touched(mesh: Mesh, stage: Stage, changes: tuple[Change, ...], namespaces: tuple[str, ...]) -> tuple[Resource[Any], ...]:
    """The policies that a step is about: those it changes or replaces, and where calls take a new way, all there are."""
    own = tuple(each for kind in trials.KINDS for each in mesh.within(kind, *namespaces))
    if stage in {Stage.bind, Stage.enroll}:
        return own
    places = {place for each in changes for place in each.sources}
    subjects = {id(each.subject) for each in changes}
    return tuple(each for each in own if id(each) in subjects or each.at() in places)


def _check(mesh: Mesh, trial: Trial) -> str:
    """The call from inside the caller's own pod where that can be done, else in words."""
    answer = "is answered" if trial.allowed else "is refused"
    caller = trial.caller
    own = next((each for each in in_namespace(mesh, caller.namespace) if each.name == caller.workload), None)
    runs = own is not None and own.resource.kind in {"Deployment", "StatefulSet", "DaemonSet"} and trial.is_plain
    if trial.kind != outcomes.AMBIENT or not runs or own is None:
        return remark(f"{trial.policy}: {trial.what} from {trial.who} {answer}")
    name = f"{own.resource.kind.lower()}/{own.name}"
    method = ("-X", trial.ask.method) if trial.ask.method != "GET" else ()
    url = f"http://{trial.service.name}.{trial.service.namespace}:{trial.place.port}{trial.ask.path}"
    expected = "prints a status, but neither 403 nor 000" if trial.allowed else "prints 403"
    return told(kubectl(caller.namespace, "exec", name, "--", *_CODE, *method, url), f"{expected}: {trial.policy}")


def unenforced(stage: Stage, mesh: Mesh, namespaces: tuple[str, ...], changes: tuple[Change, ...]) -> str:
    """What is open while a step lasts beside what the proof finds, which knows calls to Services and to their pods."""
    match stage:
        case Stage.bind:
            return "connections that ambient callers hold open stay direct until they reconnect"
        case Stage.enroll:
            return _beside_services(mesh, namespaces)
    gone = [
        str(each.ref) for each in changes if each.action is None and each.ref.kind in {kind.__name__ for kind in trials.KINDS}
    ]
    return f"what replaces {_listed(gone)} has to be in force first, as the gate shows" if gone else ""


def _beside_services(mesh: Mesh, namespaces: tuple[str, ...]) -> str:
    """Rules about requests bind callers past the waypoint no longer once a pod has no sidecar (pitfalls PO11, EN13)."""
    about = [
        str(each.ref)
        for each in (*mesh.within(AuthorizationPolicy, *namespaces), *mesh.within(RequestAuthentication, *namespaces))
        if (meant := policies.scope(mesh, each)).workloads and not meant.services and _is_about_requests(each)
    ]
    return f"not proven for pods that no Service selects: {_listed(about)} may bind nobody there" if about else ""


def _is_about_requests(policy: Resource[Any]) -> bool:
    if isinstance(policy.body, RequestAuthentication):
        return True
    return not policies.targets(policy) and (ztunnel.uses_l7(policy.body) or policy.body.spec.action == "CUSTOM")


def _listed(names: list[str]) -> str:
    return ", ".join(islice(names, 3)) + (f" and {len(names) - 3} more" if len(names) > 3 else "")
