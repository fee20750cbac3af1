"""Random objects made from the schemas of CRDs: valid ones, and half-valid ones, where some values break a rule."""

from __future__ import annotations

from collections.abc import Mapping

from hypothesis import strategies as st
from hypothesis.strategies import DrawFn, SearchStrategy

from ambimigrate import crds
from ambimigrate.crds import store
from ambimigrate.crds.values import matches
from ambimigrate.kinds import KINDS, Object
from ambimigrate.model import Route, Target
from tests import random_meshes, random_values
from tests.random_values import ODD_NUMBERS, ODD_TEXTS, ODD_TREES, Tree

DURATIONS = ("1s", "500ms", "1.5h", "1h30m", "0.001s")
SHAPES = {  # texts for the patterns and rules that fields have most
    "pattern": ("web", "v1", "a-b", "x-user", "GET", "example.com", "/api", "1s", "", "example.com/a"),
    "rule": ("web", "http://example.com/jwks", "10.0.0.1", "/api", "v1"),
}
_COUNTS = st.sampled_from((1, 1, 0, 2, 1, 3))
_PERCENT = st.integers(0, 99)
_MOST_REPAIRS = 40
TRIED = tuple(
    view for (group, kind), view in KINDS.items() if store.every(group, kind)
)  # the kinds that both the store and the decoder know


def value(draw: DrawFn, schema: store.Schema, field: str, depth: int = 0) -> Tree:
    """Some value that fits the structure of the schema."""
    match schema.get("type"):
        case "object":
            return _mapping(draw, schema, field, depth)
        case "array":
            least = schema.get("minItems", 0)
            return [value(draw, schema["items"], field, depth + 1) for _ in range(max(least, draw(_COUNTS)))]
        case "boolean":
            return draw(st.booleans())
        case "integer" | "number":
            low, high = schema.get("minimum", 0), schema.get("maximum", 65535)
            return draw(st.sampled_from([each for each in (80, 8080, 1, low, high, 200) if low <= each <= high]))
        case "string":
            return _text(draw, schema, field)
    return draw(st.sampled_from(ODD_TREES))


def _text(draw: DrawFn, schema: store.Schema, field: str) -> str:
    if words := schema.get("enum"):
        return str(draw(st.sampled_from(words)))
    rules = " ".join(each["rule"] for each in schema.get("x-kubernetes-validations", ()))
    if "duration" in rules:
        return draw(st.sampled_from(DURATIONS))
    named = random_values.named(field)
    pool = (*named, *named, *SHAPES["pattern" if "pattern" in schema else "rule"])
    fitting = [each for each in pool if matches(each, schema.get("pattern", ""))] if draw(_PERCENT) < 90 else []
    return draw(st.sampled_from(fitting or pool))


def _mapping(draw: DrawFn, schema: store.Schema, field: str, depth: int) -> Tree:
    properties: Mapping[str, store.Schema] = schema.get("properties", {})
    if not properties:
        inner = schema.get("additionalProperties")
        if not isinstance(inner, dict):
            return draw(st.sampled_from(({}, {"a": 1}, {"name": "envoy.filters.http.lua", "typed_config": {"b": ["c"]}})))
        keys = draw(st.lists(st.sampled_from(("app", "version", "x-user", "80", ":path")), max_size=2, unique=True))
        return {key: value(draw, inner, field, depth + 1) for key in keys}
    wanted = set(schema.get("required", ())) | set(
        draw(st.sampled_from([each.get("required", ()) for each in schema.get("oneOf", ())] or [()]))
    )
    share = 70 if depth < 2 else 35 if depth < 6 else 15
    names = [name for name in properties if name in wanted or draw(_PERCENT) < share]
    return {name: value(draw, properties[name], name, depth + 1) for name in names}


def repaired(draw: DrawFn, tree: Tree, target: Target) -> Tree:
    """The object without what its CRD does not take, as far as leaving out helps."""
    for _ in range(_MOST_REPAIRS):
        found = crds.faults(tree, target)
        if not found or not found[-1].route:
            break
        route = found[-1].route
        holder = _at(tree, route)
        if isinstance(holder, dict) and holder:
            route = (*route, draw(st.sampled_from(sorted(holder))))
        tree = _without(tree, route)
    return tree


def _at(tree: Tree, route: Route) -> Tree:
    for step in route:
        tree = tree[step] if isinstance(tree, list) and isinstance(step, int) else tree.get(step)
    return tree


def _without(tree: Tree, route: Route) -> Tree:
    step, rest = route[0], route[1:]
    if isinstance(tree, list):
        return [_without(each, rest) if number == step else each for number, each in enumerate(tree) if rest or number != step]
    return {key: _without(each, rest) if key == step else each for key, each in tree.items() if rest or key != step}


def objects(views: tuple[type[Object], ...], target: Target) -> SearchStrategy[Tree]:
    """An object of one of the kinds; four of five are half-valid."""

    @st.composite
    def make(draw: DrawFn) -> Tree:
        view = draw(st.sampled_from(views))
        kind = next(name for (_, name), each in KINDS.items() if each is view)
        versions = [each for each in view.VERSIONS if _schema(view, kind, each, target)]
        version = draw(st.sampled_from(versions or view.VERSIONS[:1]))
        schema = _schema(view, kind, version, target)
        spec = value(draw, schema["properties"]["spec"], "spec") if schema else {}
        tree: Tree = {"apiVersion": f"{view.GROUP}/{version}", "kind": kind, "spec": spec}
        tree = {**tree, "metadata": {"name": draw(st.sampled_from((*random_values.names(), "other")))}}
        if space := draw(st.sampled_from(random_values.namespaces())):
            tree["metadata"]["namespace"] = space
        if draw(_PERCENT) < 40:
            return repaired(draw, tree, target)
        return random_meshes.hurt(draw, tree, 1) if draw(_PERCENT) < 50 else _bent(draw, tree)

    return make()


def _schema(view: type[Object], kind: str, version: str, target: Target) -> store.Schema | None:
    found = store.definition(view.GROUP, kind, version, target)
    return found.schema if found else None


def _bent(draw: DrawFn, tree: Tree) -> Tree:
    """The object with one value anywhere replaced."""
    route: list[str | int] = ["spec"]
    at = tree["spec"]
    while isinstance(at, dict | list) and at and draw(_PERCENT) < 80:
        step = draw(st.sampled_from(list(at) if isinstance(at, dict) else list(range(len(at)))))
        route.append(step)
        at = at[step]
    return _with(tree, tuple(route), draw(st.sampled_from((*ODD_TEXTS, *ODD_NUMBERS, *ODD_TREES, None))))


def _with(tree: Tree, route: Route, new: Tree) -> Tree:
    if not route:
        return new
    step, rest = route[0], route[1:]
    if isinstance(tree, list):
        return [_with(each, rest, new) if number == step else each for number, each in enumerate(tree)]
    return {key: _with(each, rest, new) if key == step else each for key, each in tree.items()}
