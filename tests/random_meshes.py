"""Random meshes: objects of every kind built from the typed views, or taken from the fixtures and damaged a little."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Sequence
from functools import cache
from itertools import cycle, islice
from typing import Any

import yaml
from hypothesis import strategies as st
from hypothesis.strategies import DrawFn, SearchStrategy
from msgspec.inspect import AnyType, BoolType, DictType, FloatType, IntType, StrType, StructType, Type, UnionType, VarTupleType

from ambimigrate.kinds import KINDS, Object
from ambimigrate.model import Target
from ambimigrate.versions import NEWEST, NEWEST_GATEWAY_API, parse
from tests import random_values
from tests.random_values import ODD_FLOATS, ODD_NUMBERS, ODD_TEXTS, ODD_TREES, Place, Tree

Draw = DrawFn
_COUNTS = st.sampled_from((1, 0, 1, 2, 2, 3))
_PERCENT = st.integers(0, 99)
_WRONG = st.sampled_from((5, "text", True, [], {}, [5], {"a": 5}, None, 2.5))


@cache
def _versions() -> SearchStrategy[Target]:
    istio = st.sampled_from([NEWEST, *map(parse, ("1.22", "1.24", "1.26.2", "1.28", "1.31", "2.0"))])
    return st.builds(
        Target,
        istio,
        st.sampled_from((NEWEST_GATEWAY_API, parse("1.1"))),
        st.sampled_from(("standard", "experimental")),
        st.sampled_from((None, "gke", "eks", "openshift", "no-such-platform")),
        st.sampled_from((None, "cluster.local", "td.example")),
    )


def targets() -> SearchStrategy[Target]:
    """What verdicts may be for: old and new versions, also one that we never heard of."""
    return _versions()


def _shares(*parts: tuple[int, Sequence[Any]]) -> SearchStrategy[Any]:
    """One of all values; each part has the given share, however many values it holds."""
    filled = [(share, values) for share, values in parts if values]
    scale = max(-(-len(values) // share) for share, values in filled)
    return st.sampled_from([value for share, values in filled for value in islice(cycle(values), share * scale)])


@cache
def _leaf(kind: type[Type], place: Place) -> SearchStrategy[Any]:
    known = random_values.seen().get(place, ())
    if kind is StrType:
        texts = [each for each in known if isinstance(each, str)]
        return _shares((5, random_values.named(place[1])), (4, texts), (2, ODD_TEXTS))
    if kind is IntType:
        return _shares((5, [each for each in known if type(each) is int]), (3, ODD_NUMBERS))
    if kind is FloatType:
        return st.sampled_from(ODD_FLOATS)
    if kind is BoolType:
        return st.booleans()
    return _shares((6, known), (1, ODD_TREES))


@cache
def _pairs(kind: type[Type], field: str) -> SearchStrategy[dict[str, Any]]:
    known = random_values.seen().get((None, field), ())
    app = [{"app": name} for name in random_values.names()]
    odd = [{"": ""}, {"a/b": "x" * 300}]
    return _shares((4, app if kind is StrType else ()), (6, known), (1, odd if kind is StrType else [{}]))


def value(draw: Draw, type_: Type, place: Place) -> Tree:
    """Some value of the type, as an object may hold it at the place."""
    if isinstance(type_, UnionType):
        type_ = draw(st.sampled_from([each for each in type_.types if each is not type_.types[-1]] or type_.types))
    if isinstance(type_, StructType):
        return _struct(draw, type_)
    if isinstance(type_, VarTupleType):
        return [value(draw, type_.item_type, place) for _ in range(draw(_COUNTS))]
    if isinstance(type_, DictType) and not isinstance(type_.value_type, AnyType):
        return _mapping(draw, type_, place)
    found = draw(_leaf(type(type_), place))
    if isinstance(found, dict | list) and draw(_PERCENT) < 50:
        return _bent(draw, found)
    return found if not isinstance(type_, DictType) or isinstance(found, dict) else {"a": found}


def _mapping(draw: Draw, type_: DictType, place: Place) -> Tree:
    if isinstance(type_.value_type, StructType):
        return {draw(_leaf(StrType, (None, "key"))): value(draw, type_.value_type, place) for _ in range(draw(_COUNTS))}
    found: Tree = {}
    for _ in range(draw(_COUNTS)):
        found |= draw(_pairs(type(type_.value_type), place[1]))
    if draw(_PERCENT) < 15:
        found[draw(_leaf(StrType, (None, "key")))] = value(draw, type_.value_type, (place[0], f"{place[1]}.*"))
    return found


def _struct(draw: Draw, type_: StructType) -> Tree:
    """Some of the fields: about half of a few, fewer of many."""
    most = (1 << len(type_.fields)) - 1
    mask = draw(st.integers(0, most)) & (most if len(type_.fields) < 6 else draw(st.integers(0, most)))
    fields = (field for number, field in enumerate(type_.fields) if mask >> number & 1)
    return {field.encode_name: value(draw, field.type, (type_.cls, field.encode_name)) for field in fields}


def _bent(draw: Draw, tree: Tree) -> Tree:
    """A tree of any form with one node replaced, left out or repeated."""
    if not isinstance(tree, dict | list) or not tree or draw(_PERCENT) < 20:
        return draw(st.sampled_from(ODD_TREES))
    if isinstance(tree, list):
        at = draw(st.integers(0, len(tree) - 1))
        return [*tree[:at], _bent(draw, tree[at]), *tree[at + 1 :]]
    key = draw(st.sampled_from(list(tree)))
    return {**tree, key: _bent(draw, tree[key])}


def changed(draw: Draw, tree: Tree, type_: Type, place: Place) -> Tree:
    """A tree of the type with one field drawn anew, somewhere in it."""
    type_ = random_values.plain(type_)
    if isinstance(type_, StructType) and isinstance(tree, dict) and type_.fields:
        field = draw(st.sampled_from(type_.fields))
        if field.encode_name not in tree and tree and draw(_PERCENT) < 60:
            field = next((each for each in type_.fields if each.encode_name in tree), field)
        inner = (type_.cls, field.encode_name)
        if field.encode_name in tree and draw(_PERCENT) < 80:
            return {**tree, field.encode_name: changed(draw, tree[field.encode_name], field.type, inner)}
        return {**tree, field.encode_name: value(draw, field.type, inner)}
    if isinstance(type_, VarTupleType) and isinstance(tree, list) and tree and draw(_PERCENT) < 80:
        at = draw(st.integers(0, len(tree) - 1))
        return [*tree[:at], changed(draw, tree[at], type_.item_type, place), *tree[at + 1 :]]
    return value(draw, type_, place) if draw(_PERCENT) < 93 else draw(_WRONG)


def _metadata(draw: Draw, view: type[Object], tree: Tree) -> Tree:
    """The object under a name, and in a namespace, that others refer to."""
    pool = random_values.namespaces() if view.PLURAL == "namespaces" else (*random_values.names(), "default", "", "Ünï x")
    own = {**tree.get("metadata", {}), "name": draw(st.sampled_from(pool))}
    if view.NAMESPACED and (namespace := draw(st.sampled_from(random_values.namespaces()))):
        own["namespace"] = namespace
    return {**tree, "metadata": own}


@cache
def _headers(view: type[Object]) -> SearchStrategy[Tree]:
    kinds = [name for (_, name), each in KINDS.items() if each is view]
    return st.sampled_from(
        [{"apiVersion": f"{view.GROUP}/{version}".lstrip("/"), "kind": kind} for kind in kinds for version in view.VERSIONS]
    )


@cache
def built(view: type[Object]) -> SearchStrategy[Tree]:
    """An object of the kind, made field by field."""

    @st.composite
    def make(draw: Draw) -> Tree:
        tree = draw(_headers(view))
        for field in random_values.info(view).fields:
            tree = {**tree, field.encode_name: value(draw, field.type, (view, field.encode_name))}
        return _metadata(draw, view, tree)

    return make()


@cache
def damaged(view: type[Object]) -> SearchStrategy[Tree]:
    """An object of the kind from the fixtures, with a few fields drawn anew; one made field by field if there is none."""
    known = random_values.fixtures().get(view, ())

    @st.composite
    def make(draw: Draw) -> Tree:
        return hurt(draw, _metadata(draw, view, draw(st.sampled_from(known))), draw(_COUNTS))

    return make() if known else built(view)


def hurt(draw: Draw, tree: Tree, times: int) -> Tree:
    """The object with so many fields drawn anew."""
    head = {name: tree[name] for name in ("apiVersion", "kind")}
    view = random_values.view_of(tree)
    for _ in range(times):
        tree = {**changed(draw, tree, random_values.info(view), (view, "")), **head}
    return tree


def objects(views: Iterable[type[Object]]) -> SearchStrategy[Tree]:
    """An object of one of the kinds."""
    return st.sampled_from(list(views)).flatmap(lambda view: st.one_of(damaged(view), built(view)))


_CHARTS = ("istiod", "base", "cni", "ztunnel", "gateway", "cilium", "kube-prometheus-stack", "prometheus")
_KEYS = [
    "profile",
    "global",
    "pilot",
    "env",
    "PILOT_ENABLE_AMBIENT",
    "meshConfig",
    "defaultConfig",
    "proxyMetadata",
    "meshNetworks",
    "extensionProviders",
    "trustDomainAliases",
    "localityLbSetting",
    "outboundTrafficPolicy",
    "mode",
    "proxy",
    "hub",
    "caAddress",
    "cni",
    "excludeNamespaces",
    "ambient",
    "dnsCapture",
    "exclusive",
    "kubeProxyReplacement",
    "socketLB",
    "bpf",
    "masquerade",
    "additionalScrapeConfigs",
    "job_name",
    "relabel_configs",
    "regex",
    "expr",
    "dashboards",
    "json",
    "revision",
    "revisionTags",
]


@st.composite
def releases(draw: Draw) -> Tree:
    """A HelmRelease of a chart that we know, with values that may be anything."""
    leaves = st.sampled_from(("ambient", "true", "remote", "", "- job_name: x", "rate(istio_requests_total[1m])", True, 7))
    keys = st.sampled_from(_KEYS)
    nodes = st.recursive(
        leaves, lambda each: st.lists(each, max_size=3) | st.dictionaries(keys, each, max_size=5), max_leaves=20
    )
    chart = {"chart": draw(st.sampled_from(_CHARTS)), "version": draw(st.sampled_from(("1.24.1", "1.31.1", "latest", "")))}
    spec = {"chart": {"spec": chart}, "values": draw(st.dictionaries(keys, nodes, max_size=8))}
    metadata = {"name": "istio-release", "namespace": draw(st.sampled_from(random_values.namespaces()))}
    return {"apiVersion": "helm.toolkit.fluxcd.io/v2", "kind": "HelmRelease", "metadata": metadata, "spec": spec}


@st.composite
def surroundings(draw: Draw) -> list[Tree]:
    """Namespaces in and out of the mesh, with Services and workloads of the names that other objects use."""
    found: list[Tree] = []
    for space in random_values.namespaces()[:3]:
        if labels := draw(st.sampled_from(_LABELS)):
            found.append({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": space, "labels": labels}})
        for name in draw(st.sampled_from(((), random_values.names()[:2], random_values.names()[:1]))):
            head = {"metadata": {"name": name, "namespace": space}}
            app = {"app": name}
            found.append({"apiVersion": "v1", "kind": "Service", **head, "spec": {"selector": app, "ports": [{"port": 80}]}})
            spec = {"template": {"metadata": {"labels": app}, "spec": {"containers": [{"name": name}]}}}
            found.append({"apiVersion": "apps/v1", "kind": "Deployment", **head, "spec": spec})
    return found


_LABELS = (
    {"istio-injection": "enabled"},
    {"istio.io/dataplane-mode": "ambient"},
    {"istio.io/dataplane-mode": "ambient", "istio.io/use-waypoint": "waypoint"},
    {"istio.io/rev": "canary"},
    {"a": "b"},
    None,
)


def written() -> SearchStrategy[Callable[[Sequence[Tree]], str]]:
    """How objects become text: as documents of YAML or JSON, or as one List."""
    return st.sampled_from((_as_json, _as_yaml, _as_list))


def _as_json(trees: Sequence[Tree]) -> str:
    return "".join(f"---\n{json.dumps(tree)}\n" for tree in trees)


def _as_yaml(trees: Sequence[Tree]) -> str:
    return "".join(f"---\n{yaml.dump(tree, Dumper=yaml.CSafeDumper, allow_unicode=True)}" for tree in trees)


def _as_list(trees: Sequence[Tree]) -> str:
    return json.dumps({"apiVersion": "v1", "kind": "List", "items": trees}, indent="\t")
