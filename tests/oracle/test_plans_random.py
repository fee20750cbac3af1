"""A plan never opens a gap that it does not list: all calls in all states, half-done ones included, on random meshes.

`AMBIMIGRATE_ORACLE=2000 .venv/bin/pytest -n auto tests/oracle/test_plans_random.py` tries as many meshes; with
AMBIMIGRATE_ORACLE_FROM=N the first is that of seed N. The judge here shares nothing with `plan/proof`: it makes every state of
the whole mesh, and asks for every policy, caller and request anew.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator
from random import Random
from typing import Any

import msgspec
import pytest
from msgspec.structs import replace

from ambimigrate.analyse import analyse
from ambimigrate.changes import Change, Set
from ambimigrate.convert import Choice, after
from ambimigrate.converters.settings import Settings
from ambimigrate.model import Mesh, Resource, Target
from ambimigrate.plan import Plan, Wanted, plans
from ambimigrate.plan.staged import staged
from ambimigrate.plan.values import Gap
from ambimigrate.topology import injection
from ambimigrate.topology.workloads import workloads
from ambimigrate.verify import authorization, callers, places, requests, trip
from ambimigrate.verify import values as asking
from ambimigrate.verify.named import Verdicts, named
from ambimigrate.verify.values import Ask, Caller, Place
from ambimigrate.versions import NEWEST_GATEWAY_API
from ambimigrate.yamlio.trees import edited
from tests.oracle import policies, worlds
from tests.oracle.shrinking import shrunk
from tests.oracle.test_policies_random import VERSIONS

FIRST = int(os.environ.get("AMBIMIGRATE_ORACLE_FROM", "0"))
COUNT = int(os.environ.get("AMBIMIGRATE_ORACLE", "30"))
CHUNK = 5
EFFORT = asking.Settings(requests=16)
KINDS = {authorization.WIDER: "unenforced", authorization.NARROWER: "refused"}


def drawn(seed: int) -> tuple[list[worlds.Tree], Target, Settings]:
    random = Random(seed)
    objects = policies.objects(random)
    settings = Settings(close_direct_access=random.random() < 0.75)
    objects = [*objects, *_caller_of(random)]
    return [*objects, *_alike(random, objects)], Target(random.choice(VERSIONS), NEWEST_GATEWAY_API), settings


def _caller_of(random: Random) -> Iterator[worlds.Tree]:
    """Sometimes a Service of a caller that the server calls back, so that both move in one circle."""
    if random.random() < 0.4:
        yield worlds.service("front", 80, namespace="web")
        url = [{"name": "URL", "value": "http://front.web.svc.cluster.local"}]
        caller = policies.pods("worker", "shop", "worker")
        caller["spec"]["template"]["spec"]["containers"][0]["env"] = url
        yield caller
    if random.random() < 0.4:
        spec = {
            "action": "ALLOW",
            "rules": [{"from": [{"source": {"namespaces": ["shop"]}}], "to": [{"operation": {"methods": ["GET"]}}]}],
        }
        yield policies.security("AuthorizationPolicy", "front", spec, "web")


def _alike(random: Random, objects: list[worlds.Tree]) -> Iterator[worlds.Tree]:
    """Sometimes another namespace like `shop`, so that one may be judged for both; callers know the first of them."""
    if random.random() < 0.3:
        for each in objects:
            if "shop" in {each["metadata"].get("namespace"), each["metadata"]["name"]}:
                yield json.loads(re.sub(r"\bshop\b(?!\.example)", "store", json.dumps(each)))


def planned(objects: Any, target: Target, settings: Settings) -> tuple[Mesh, Plan]:
    mesh = worlds.read(objects, target)
    found = staged((mesh,), analyse((mesh,)), Choice(settings=settings))
    return mesh, plans((mesh,), found, Wanted((mesh.name,), "tree"))


# --- every state ----------------------------------------------------------------------------------------------------


def states(mesh: Mesh, plan: Plan) -> Iterator[tuple[str, Mesh, tuple[Change, ...]]]:
    """The whole mesh during and after each step that changes it."""
    done: tuple[Change, ...] = ()
    for step in (step for wave in plan.waves for step in wave.steps if step.changes):
        before = after(mesh, done)
        gone = tuple(each for each in step.changes if each.verb == "delete")
        if gone and any(each.verb == "create" for each in step.changes):
            yield step.id, after(mesh, (*done, *(each for each in step.changes if each.verb != "delete"))), done
        done = (*done, *step.changes)
        now = after(mesh, done)
        yield step.id, now, done
        moving = [each.resource.ref for each in workloads(now) if mode(now, each.resource) != mode(before, each.resource)]
        for one in moving:
            yield step.id, still(now, {each for each in moving if each != one}), done
            yield step.id, still(now, {one}), done


def mode(mesh: Mesh, resource: Resource[Any]) -> str:
    found = next((each for each in workloads(mesh) if each.resource.ref == resource.ref), None)
    return injection.workload_mode(mesh, found) if found is not None else ""


def still(mesh: Mesh, refs: set[Any]) -> Mesh:
    """The mesh while pods of these workloads run with the sidecars that they were started with."""
    resources = tuple(_injected(each) if each.ref in refs else each for each in mesh.resources)
    return replace(mesh, resources=resources, _memo={})


def _injected(resource: Resource[Any]) -> Resource[Any]:
    tree = edited(
        msgspec.to_builtins(resource.body), Set(("spec", "template", "metadata", "annotations", injection.STATUS), "{}")
    )
    return replace(resource, body=msgspec.convert(tree, type(resource.body)))


# --- every call -----------------------------------------------------------------------------------------------------


def unlisted(mesh: Mesh, plan: Plan) -> Iterator[str]:
    """The calls that are judged otherwise in some state, and that no gap is about."""
    found = list(states(mesh, plan))
    if not found:
        return
    last = found[-1][1]
    ids = [step.id for wave in plan.waves for step in wave.steps]
    gaps = [gap for wave in plan.waves for gap in wave.gaps]
    for id, now, done in found:
        for caller, place, ask, seen in differences(mesh, now):
            kind = KINDS[seen.kind]
            if kind == "refused" and named(mesh, done, seen) and _lasts(mesh, last, (caller, place, ask), seen):
                continue
            if not any(covers(gap, ids, (id, kind, str(caller))) for gap in gaps):
                yield f"step {id}: {kind} at {seen.workload}: {worded(place, ask)} by {caller}\n{verdicts(seen)}"


def worded(place: Place, ask: Ask) -> str:
    way = "a pod of " if ask.direct else ""
    return f"{ask.method} {ask.path} {dict(ask.headers)} to {way}{place.host}:{place.port}"


def verdicts(seen: Verdicts) -> str:
    return f"  before: {authorization.text(seen.before)}\n  then:   {authorization.text(seen.after)}"


def covers(gap: Gap, ids: list[str], wanted: tuple[str, str, str]) -> bool:
    id, kind, caller = wanted
    return gap.kind == kind and ids.index(gap.from_step) <= ids.index(id) <= ids.index(gap.to_step) and caller in gap.callers


def differences(mesh: Mesh, now: Mesh) -> Iterator[tuple[Caller, Place, Ask, Verdicts]]:
    for caller, place, ask in calls(mesh, now):
        service = places.service(mesh, place) or places.service(now, place)
        old, new = (trip.travel(each, caller, place, ask, service).verdicts for each in (mesh, now))
        for kind, workload, one, other in authorization.differing(old, new):
            if kind in KINDS:
                yield caller, place, ask, Verdicts(kind, workload, one, other)


def calls(mesh: Mesh, now: Mesh) -> Iterator[tuple[Caller, Place, Ask]]:
    for place in places.places(mesh, now):
        own = callers.callers(mesh, now, place)
        yield from ((caller, place, ask) for ask in requests.asked(mesh, now, place, EFFORT) for caller in own)


def _lasts(mesh: Mesh, last: Mesh, call: tuple[Caller, Place, Ask], seen: Verdicts) -> bool:
    """Whether the plan ends with the difference, which its report names; else it is one for a time."""
    caller, place, ask = call
    service = places.service(mesh, place) or places.service(last, place)
    end = trip.travel(last, caller, place, ask, service).verdicts.get(seen.workload)
    return end is not None and authorization.kind_of(seen.before, end) != ""


def fault(objects: Any, target: Target, settings: Settings) -> str:
    return next(unlisted(*planned(objects, target, settings)), "")


def shown(objects: Any, target: Target, settings: Settings) -> str:
    """The fault with the smallest objects that have one."""
    small = shrunk(objects, lambda tree: bool(fault(tree, target, settings)))
    words = "\n".join(json.dumps(each) for each in small)
    return f"{settings}, Istio {target.istio}: {fault(small, target, settings)}\n{words}"


@pytest.mark.parametrize("first", range(FIRST, FIRST + COUNT, CHUNK))
def test_no_gap_is_unlisted(first: int) -> None:
    for seed in range(first, first + CHUNK):
        if fault(*drawn(seed)):
            pytest.fail(f"seed {seed}, {shown(*drawn(seed))}")


def test_many_of_the_random_ones_move() -> None:
    made = [planned(*drawn(seed))[1] for seed in range(40)]
    assert sum(any("shop" in wave.namespaces for wave in each.waves) for each in made) > 5
    assert any(gap for each in made for wave in each.waves for gap in wave.gaps)
