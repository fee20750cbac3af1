"""Objects made from the schemas of CRDs: no rule and no converter fails on one, and nothing is made that a CRD refuses.

For a long run with other random numbers each time: `AMBIMIGRATE_EXAMPLES=2000 pytest -n auto tests/test_crds_random.py`.
"""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import given, note
from hypothesis import strategies as st

from ambimigrate import crds
from ambimigrate.analyse import analyse
from ambimigrate.changes import Create
from ambimigrate.conform import REFUSED
from ambimigrate.convert import after, convert
from ambimigrate.crds import quick, structure, validator
from ambimigrate.crds.metadata import named
from ambimigrate.kinds import AuthorizationPolicy, DestinationRule, VirtualService
from ambimigrate.model import Finding, Mesh, Target
from ambimigrate.versions import NEWEST, NEWEST_GATEWAY_API, Version
from tests import random_crds, random_meshes, random_values
from tests.random_values import Tree
from tests.test_rules_random import decoded, repeated

BATCHES = 6
NAMES = random_values.names()[:3]
INJECTED = {"istio-injection": "enabled"}
ROUTING = (VirtualService, VirtualService, DestinationRule, AuthorizationPolicy)


@st.composite
def targets(draw: st.DrawFn) -> Target:
    """Targets whose CRDs are known."""
    istio = draw(st.sampled_from((NEWEST, NEWEST, Version(1, 24, 6), Version(1, 28, 0))))
    gateway = draw(st.sampled_from((NEWEST_GATEWAY_API, NEWEST_GATEWAY_API, Version(1, 2, 1))))
    return Target(istio, gateway, draw(st.sampled_from(("standard", "experimental"))))


@st.composite
def meshes(draw: st.DrawFn) -> tuple[Target, str]:
    """A target, and the text of objects of all kinds, most of them of the three that convert is about."""
    target = draw(targets())
    found = [routable(draw, each) for each in draw(st.lists(random_crds.objects(ROUTING, target), min_size=1, max_size=4))]
    if draw(st.booleans()):
        return target, draw(random_meshes.written())([*world(), *found])
    found += draw(st.lists(random_crds.objects(random_crds.TRIED, target), min_size=1, max_size=4))
    return target, draw(random_meshes.written())([*draw(random_meshes.surroundings()), *found])


def world() -> list[Tree]:
    """Two namespaces of sidecars with the same Services and workloads."""
    found: list[Tree] = []
    for space in random_values.namespaces()[:2]:
        found.append({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": space, "labels": INJECTED}})
        for name in NAMES:
            head: Tree = {"metadata": {"name": name, "namespace": space}}
            ports = [{"name": "http", "port": 80}, {"name": "grpc", "port": 8080}]
            found.append({"apiVersion": "v1", "kind": "Service", **head, "spec": {"selector": {"app": name}, "ports": ports}})
            template = {"metadata": {"labels": {"app": name}}, "spec": {"containers": [{"name": name}]}}
            found.append({"apiVersion": "apps/v1", "kind": "Deployment", **head, "spec": {"template": template}})
    return found


def routable(draw: st.DrawFn, tree: Tree) -> Tree:
    """The object, if it is a VirtualService, about Services of that world, and mostly without what no route can say."""
    spec = tree["spec"]
    if tree["kind"] != "VirtualService" or not isinstance(spec, dict):
        return tree
    spec = {key: each for key, each in spec.items() if key not in {"gateways", "exportTo", "tls", "tcp"} or seldom(draw)}
    spec["hosts"] = [draw(st.sampled_from(NAMES))]
    rules = spec.get("http")
    spec["http"] = [simpler(draw, each) for each in (rules if isinstance(rules, list) else ())] or [
        {"route": [aimed(draw, {})]}
    ]
    own = {**tree["metadata"], "namespace": draw(st.sampled_from(random_values.namespaces()[:2]))}
    return {**tree, "metadata": own, "spec": spec}


def simpler(draw: st.DrawFn, rule: Tree) -> Tree:
    """An entry with few of the fields that hold it, and with destinations that exist."""
    if not isinstance(rule, dict):
        return rule
    found = {key: each for key, each in rule.items() if key in {"name", "match", "route", "timeout", "rewrite"} or seldom(draw)}
    if isinstance(rule.get("match"), list):
        found["match"] = [simple(draw, each) for each in rule["match"]]
    if isinstance(rule.get("route"), list) and "redirect" not in found:
        found["route"] = [aimed(draw, each) for each in rule["route"] or [{}]]
    return found


def simple(draw: st.DrawFn, match: Tree) -> Tree:
    """A condition, mostly on the path, the method and headers only."""
    if not isinstance(match, dict):
        return match
    return {key: each for key, each in match.items() if key in {"uri", "method", "headers"} or seldom(draw)}


def aimed(draw: st.DrawFn, destination: Tree) -> Tree:
    """A destination that exists, mostly without subset."""
    found = dict(destination) if isinstance(destination, dict) else {}
    return {**found, "destination": {"host": draw(st.sampled_from(NAMES)), "port": {"number": 80}}}


def seldom(draw: st.DrawFn) -> bool:
    return draw(st.integers(0, 9)) == 0


@pytest.mark.parametrize("batch", range(BATCHES))
def test_rules_and_converters_on_objects_of_the_schemas(batch: int) -> None:
    @repeated(20, f"crds {batch}")
    @given(meshes())
    def holds(drawn: tuple[Target, str]) -> None:
        target, text = drawn
        note(text)
        read = decoded([("a.yaml", text)], target)
        conversion = convert(read, analyse(read), check=nothing)
        assert not [each for each in conversion.held if REFUSED in each.because and is_named(each.ref.name)]
        for change in (*conversion.changes, *conversion.pending):
            if isinstance(change.action, Create):
                assert not crds.faults(dict(change.action.value), target)
        analyse([after(mesh, conversion.changes) for mesh in read])

    holds()


def is_named(name: str) -> bool:
    """Whether an object may have the name, and hence what is named after it."""
    return not list(named({"kind": "VirtualService", "metadata": {"name": name}}))


def nothing(_meshes: Sequence[Mesh]) -> tuple[Finding, ...]:
    """No rules: what the converters do by themselves."""
    return ()


@pytest.mark.parametrize("view", random_crds.TRIED, ids=lambda view: f"{view.__name__}.{view.GROUP}")
def test_the_quick_check_and_jsonschema_agree(view: type) -> None:
    target = Target(NEWEST, NEWEST_GATEWAY_API, "experimental")
    seen: list[bool] = []

    @repeated(25, f"agree {view.__name__}")
    @given(random_crds.objects((view,), target))
    def holds(tree: Tree) -> None:
        found = crds.defined(tree, target)
        assert found is not None
        if found.schema is not None:
            value = structure.defaulted(tree, found.schema)
            slow = not list(validator.errors(value, found.schema)) and not list(structure.unknown(tree, found.schema))
            assert quick.accepts(found.schema)(value) == slow
            seen.append(slow)

    holds()
    assert True in seen
    assert False in seen
