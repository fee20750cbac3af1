"""The order of a plan: what goes before what, what a user wants of it, and that its commands lead to the end at once."""

from __future__ import annotations

import random
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ambimigrate.model import Mesh, Target
from ambimigrate.plan.graph import graph
from ambimigrate.plan.units import units
from ambimigrate.plan.waves import Ranks, Task, fill
from ambimigrate.plan.wishes import NONE, Contradiction, Named, Pin, Wishes
from ambimigrate.sources.read import read_files
from ambimigrate.topology.callgraph import calls, witnesses
from ambimigrate.traffic import Flow, Traffic
from ambimigrate.versions import NEWEST, NEWEST_GATEWAY_API
from tests.random_calls import namespace, rules

NAMES = st.sampled_from("abcdefgh")


# --- units and waves: pure functions ----------------------------------------------------------------------------------


def waves(
    names: str, pairs: set[tuple[str, str]], wishes: Wishes = NONE, risks: Mapping[str, int] | None = None, first: int = 1
) -> list[str]:
    found = units(names, {pair: "a policy" for pair in pairs}, wishes.pinned)
    return ["".join(each) for each in fill(Task(found, Ranks(risks or {}, {}), wishes, first))]


@settings(suppress_health_check=[HealthCheck.too_slow])  # on a machine with much else to do
@given(st.sets(NAMES), st.sets(st.tuples(NAMES, NAMES)), st.integers(0, 3), st.dictionaries(NAMES, st.integers(0, 2)))
def test_callers_come_first_and_circles_together(
    names: set[str], pairs: set[tuple[str, str]], most: int, risks: dict[str, int]
) -> None:
    found = waves("".join(names), pairs, Wishes(most), risks)
    place = {name: number for number, wave in enumerate(found) for name in wave}
    assert sorted(place) == sorted(names)
    circles = units(names, dict.fromkeys(pairs, ""), ()).units
    home = {name: circle for circle in circles for name in circle}
    for caller, callee in pairs:
        if caller in names and callee in names:
            assert place[caller] < place[callee] or home[caller] == home[callee]
    for circle in circles:
        assert len({place[name] for name in circle}) == 1
    for wave in found if most else ():
        assert len(wave) <= most or set(wave) == set(home[wave[0]])


@settings(suppress_health_check=[HealthCheck.too_slow])  # on a machine with much else to do
@given(st.sets(NAMES), st.sets(st.tuples(NAMES, NAMES)), st.randoms())
def test_the_order_of_the_input_does_not_count(names: set[str], pairs: set[tuple[str, str]], chance: random.Random) -> None:
    shuffled = chance.sample(sorted(names), len(names))
    mixed = chance.sample(sorted(pairs), len(pairs))
    assert waves("".join(shuffled), dict.fromkeys(mixed).keys()) == waves("".join(sorted(names)), pairs)  # type: ignore[arg-type]


def test_least_risk_first_and_pilots_before_all() -> None:
    risks = {"a": 2, "b": 1, "c": 0, "d": 0}
    assert waves("abcd", set(), risks=risks) == ["cd", "b", "a"]
    assert waves("abcd", set(), Wishes(1), risks) == ["c", "d", "b", "a"]
    assert waves("abcd", set(), Wishes(pilots=(Named("b"),)), risks) == ["b", "cd", "a"]
    assert waves("abcd", {("a", "b")}, Wishes(pilots=(Named("b"),)), risks) == ["a", "b", "cd"]


def test_pins_are_kept() -> None:
    assert waves("abc", set(), Wishes(pinned=(Pin("a", wave=2),))) == ["bc", "a"]
    assert waves("abc", set(), Wishes(pinned=(Pin("a", wave=4),)), first=3) == ["bc", "a"]
    assert waves("abc", set(), Wishes(pinned=(Pin("a", before="b"), Pin("a", after="c")))) == ["c", "a", "b"]
    assert waves("abcd", {("a", "d")}, Wishes(1, (Pin("d", wave=2),)), {"a": 2}) == ["a", "d", "b", "c"]


CONTRADICTIONS = {
    "f:1: a after b contradicts a before b (a policy)": ("ab", {("a", "b")}, (Pin("a", "f:1", after="b"),)),
    "f:2: c before a contradicts a before b (a policy), b before c (pinned at f:1)": (
        "abc",
        {("a", "b")},
        (Pin("b", "f:1", before="c"), Pin("c", "f:2", before="a")),
    ),
    "f:1: a before b contradicts b before a (a policy)": ("ab", {("a", "b"), ("b", "a")}, (Pin("a", "f:1", before="b"),)),
    "f:1: b in wave 3 cannot be: with what has to move before it, wave 4 is the first for it": (
        "ab",
        {("a", "b")},
        (Pin("b", "f:1", wave=3),),
    ),
    "f:1: a in wave 2 cannot be: the first wave that moves namespaces is 3": ("ab", set(), (Pin("a", "f:1", wave=2),)),
    "f:1: wave 4 would stay empty, since only a is left, for later waves": ("ab", set(), (Pin("a", "f:1", wave=5),)),
    "f:2: b in wave 5 contradicts wave 4 of another one of a, b, which move together": (
        "ab",
        {("a", "b"), ("b", "a")},
        (Pin("a", "f:1", wave=4), Pin("b", "f:2", wave=5)),
    ),
}


@pytest.mark.parametrize("said", CONTRADICTIONS)
def test_contradicting_pins_are_named(said: str) -> None:
    names, pairs, pinned = CONTRADICTIONS[said]
    with pytest.raises(Contradiction) as error:
        waves(names, pairs, Wishes(pinned=pinned), first=3)
    assert said in str(error.value).splitlines()


def test_pins_that_do_not_fit_into_a_wave_are_named() -> None:
    with pytest.raises(Contradiction, match="a, b would have to move in wave 1, of 1 at most"):
        waves("abc", set(), Wishes(1, (Pin("a", "f:1", wave=1), Pin("b", "f:2", wave=1))))


def test_faults_of_wishes_are_all_named() -> None:
    wishes = Wishes(
        pinned=(Pin("a", "f:1", wave=3), Pin("a", "f:2", wave=4), Pin("b", "f:3", before="x")),
        exclude=(Named("b", "f:4"),),
        pilots=(Named("b", "f:5"), Named("y", "f:6")),
    )
    with pytest.raises(Contradiction) as error:
        wishes.check("ab")
    assert str(error.value).splitlines() == [
        "f:3: there is no namespace 'x' in the input",
        "f:6: there is no namespace 'y' in the input",
        "f:3: b is to move, and to stay at f:4",
        "f:5: b is to move, and to stay at f:4",
        "f:2: a in wave 4 contradicts wave 3 at f:1",
    ]


# --- the call graph ---------------------------------------------------------------------------------------------------


def mesh(tmp_path: Path, *objects: Any) -> Mesh:
    (tmp_path / "mesh.yaml").write_text(yaml.safe_dump_all(objects))
    return read_files([str(tmp_path)], Target(NEWEST, NEWEST_GATEWAY_API)).meshes[0]


def of(kind: str, name: str, space: str, spec: Any, **more: Any) -> dict[str, Any]:
    group = {"NetworkPolicy": "networking.k8s.io/v1", "ConfigMap": "v1", "Service": "v1"}
    version = group.get(kind, "security.istio.io/v1" if kind == "AuthorizationPolicy" else "networking.istio.io/v1")
    return {"apiVersion": version, "kind": kind, "metadata": {"name": name, "namespace": space, **more}, **spec}


def test_every_edge_says_where_it_comes_from(tmp_path: Path) -> None:
    spaces = [each for name in ("api", "web", "jobs") for each in namespace(name)]
    spaces[4]["spec"]["template"]["spec"]["containers"][0]["env"] = [{"name": "API", "value": "http://app.api:80"}]
    host = "app.api.svc.cluster.local"
    to = {"route": [{"destination": {"host": host}}]}
    selected = {"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "web"}}}
    listed = {
        "namespaceSelector": {
            "matchExpressions": [{"key": "kubernetes.io/metadata.name", "operator": "In", "values": ["jobs"]}]
        }
    }
    found = mesh(
        tmp_path,
        *spaces,
        of("VirtualService", "own", "web", {"spec": {"hosts": [host], "http": [to]}}),
        of("VirtualService", "shown", "api", {"spec": {"hosts": [host], "exportTo": ["jobs", "."], "http": [to]}}),
        of("DestinationRule", "shown", "api", {"spec": {"host": host, "exportTo": ["jobs"]}}),
        of("ServiceEntry", "shown", "api", {"spec": {"hosts": ["x.example"], "exportTo": ["jobs"]}}),
        of("Service", "shown", "api", {"spec": {"ports": []}}, annotations={"networking.istio.io/exportTo": "jobs, web"}),
        of("Sidecar", "default", "web", {"spec": {"egress": [{"hosts": ["api/*", "./*"]}]}}),
        of("NetworkPolicy", "in", "api", {"spec": {"ingress": [{"from": [selected, listed]}]}}),
        of("NetworkPolicy", "out", "api", {"spec": {"egress": [{"to": [selected]}]}}),
        of("ConfigMap", "urls", "jobs", {"data": {"api": f"api = http://{host}/"}}),
        *rules("api", ("web",), "identity"),
    )
    edges = graph(found).edges
    said = {(each.caller, each.callee, each.because, each.guessed) for each in edges}
    assert said == {
        ("web", "api", "VirtualService web/own routes to it", False),
        ("web", "api", "Sidecar web/default lists its hosts", False),
        ("web", "api", "NetworkPolicy api/in lets it in", False),
        ("web", "api", "AuthorizationPolicy api/callers admits it", False),
        ("web", "api", "Service api/shown is exported to it", False),
        ("web", "api", "Deployment web/app names a Service of it", True),
        ("api", "web", "NetworkPolicy api/out lets calls to it out", False),
        ("jobs", "api", "NetworkPolicy api/in lets it in", False),
        ("jobs", "api", "VirtualService api/shown is exported to it", False),
        ("jobs", "api", "DestinationRule api/shown is exported to it", False),
        ("jobs", "api", "ServiceEntry api/shown is exported to it", False),
        ("jobs", "api", "Service api/shown is exported to it", False),
        ("jobs", "api", "ConfigMap jobs/urls names a Service of it", True),
    }
    assert all(each.file.endswith("mesh.yaml") and each.line for each in edges)
    assert {(each.caller, each.callee) for each in calls(found)} <= {(each.caller, each.callee) for each in witnesses(found)}


def test_traffic_adds_edges(tmp_path: Path) -> None:
    found = mesh(tmp_path, *namespace("api"), *namespace("web"))
    flows = (Flow("web", "front", "", "api", "app", 2.5), Flow("web", "old", "", "api", "db", 1.0, "connections"))
    (edge,) = graph(found, Traffic((*flows, Flow("", "", "", "api", "app", 9.0))), "seen.json").edges
    assert (edge.caller, edge.callee, edge.file, edge.line) == ("web", "api", "seen.json", None)
    assert edge.because == "traffic: 2.5 requests/s and 1 connections/s, most from front to app"
