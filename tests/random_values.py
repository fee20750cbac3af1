"""Values for random objects: names that refer to each other, odd ones, and whatever the fixtures write in a field."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator
from functools import cache
from typing import Any

import msgspec
from msgspec.inspect import AnyType, DictType, StructType, Type, UnionType, VarTupleType, type_info

from ambimigrate.kinds import KINDS, Object
from ambimigrate.yamlio import documents, values
from tests.conftest import FIXTURES

Tree = Any
Place = tuple[type | None, str]  # a struct and the name of one of its fields

MOST_SEEN = 60  # values of one field, so that no pool drowns the others

ODD_TEXTS = (
    "",
    "*",
    ".",
    "~",
    "-",
    "/",
    "*/*",
    "./*",
    "~/*",
    "a/b/c/d",
    "..",
    "*.",
    "*.*.example.com",
    "a..b",
    "Ünïcödé-≠-✓",
    "two\nlines",
    " blank ",
    "x" * 5000,
    "{{ .Values.x }}",
    "[",
    "(?P<",
    "10.0.0.0/8",
    "10.0.0.1",
    "10.0.0.0/33",
    "::1/64",
    "1:2:3",
    "-1s",
    "1.5h",
    "0s",
    "99999999999h",
    "NO_SUCH_WORD",
    "0",
    "-1",
    "99999999999999999999",
    "80-90",
    "100%",
    "cluster.local/ns//sa/",
    "cluster.local/ns/*/sa/x",
    "spiffe://cluster.local/ns/a/sa/b",
    "*/ns/shop/*",
    '{"a": [1',
    "a: [b",
    "false",
)
ODD_NUMBERS = (0, -1, 1, 80, 443, 15001, 15008, 15021, 65536, -(2**63), 2**64 - 1)
ODD_FLOATS = (0.0, -1.0, 0.1, 100.0, 1e300)
ODD_TREES: tuple[Tree, ...] = (
    {},
    [],
    "",
    "*",
    0,
    -1,
    2.5,
    True,
    [[]],
    [{}],
    {"": {}},
    {"name": []},
    {"value": {"a": "b"}},
    [None],
)


@cache
def fixtures() -> dict[type[Object], tuple[Tree, ...]]:
    """The objects of all fixtures by kind, as they were written."""
    found: dict[type[Object], dict[str, Tree]] = defaultdict(dict)
    for path in sorted(FIXTURES.rglob("*.yaml")):
        for document in documents(str(path), path.read_text(encoding="utf-8")):
            for tree in objects_in(document.text):
                found[view_of(tree)].setdefault(repr(tree), tree)
    return {view: tuple(trees.values()) for view, trees in found.items()}


def objects_in(text: str) -> Iterator[Tree]:
    """The objects of kinds that we read in a text of documents."""
    for document in documents("", text):
        tree = values(document).value if "{{" not in document.text else None
        if isinstance(tree, dict) and (str(tree.get("apiVersion")).rpartition("/")[0], tree.get("kind")) in KINDS:
            yield tree


def view_of(tree: Tree) -> type[Object]:
    return KINDS[tree["apiVersion"].rpartition("/")[0], tree["kind"]]


@cache
def info(view: type) -> StructType:
    found = type_info(view)
    assert isinstance(found, StructType)
    return found


def plain(type_: Type) -> Type:
    """The type without `None`; of several the first."""
    if isinstance(type_, UnionType):
        return next(each for each in type_.types if not isinstance(each, msgspec.inspect.NoneType))
    return type_


@cache
def seen() -> dict[Place, tuple[Tree, ...]]:
    """What the fixtures hold in each field, most frequent first; single pairs of mappings lie under the field of any struct."""
    found: dict[Place, Counter[str]] = defaultdict(Counter)
    kept: dict[str, Tree] = {}
    for view, trees in fixtures().items():
        for tree in trees:
            for place, value in _leaves(info(view), tree, (view, "")):
                kept.setdefault(repr(value), value)
                found[place][repr(value)] += 1
    return {place: tuple(kept[text] for text, _ in count.most_common(MOST_SEEN)) for place, count in found.items()}


def _leaves(type_: Type, value: Tree, place: Place) -> Iterator[tuple[Place, Tree]]:
    type_ = plain(type_)
    if isinstance(type_, StructType) and isinstance(value, dict):
        for field in type_.fields:
            if field.encode_name in value:
                yield from _leaves(field.type, value[field.encode_name], (type_.cls, field.encode_name))
    elif isinstance(type_, VarTupleType) and isinstance(value, list):
        for item in value:
            yield from _leaves(type_.item_type, item, place)
    elif isinstance(type_, DictType) and isinstance(value, dict) and not isinstance(type_.value_type, AnyType):
        for key, item in value.items():
            yield (None, "key"), key
            yield (None, place[1]), {key: item}
            yield from _leaves(type_.value_type, item, (place[0], f"{place[1]}.*"))
    else:
        yield place, value


@cache
def namespaces() -> tuple[str, ...]:
    """The namespaces that the fixtures use most, the root namespace, one of Kubernetes' own, and the unknown one."""
    counted = Counter(
        tree["metadata"].get("namespace", "") for trees in fixtures().values() for tree in trees if tree.get("metadata")
    )
    most = [name for name, _ in counted.most_common(6) if name and name != "istio-system"][:3]
    return (*most, "istio-system", "kube-system", "")


@cache
def names() -> tuple[str, ...]:
    """The names of workloads and Services that the fixtures use most."""
    counted: Counter[str] = Counter()
    for view, trees in fixtures().items():
        if view.PLURAL in {"services", "deployments", "gateways"}:
            counted.update(tree["metadata"]["name"] for tree in trees if tree["metadata"].get("name"))
    return tuple(name for name, _ in counted.most_common(8))


@cache
def hosts() -> tuple[str, ...]:
    """Those names as hosts in every form."""
    forms = ("{0}", "{0}.{1}.svc.cluster.local", "{0}.{1}", "{1}/{0}.{1}.svc.cluster.local", "*.{1}.svc.cluster.local", "{1}/*")
    return tuple(
        dict.fromkeys(form.format(name, space) for form in forms for name in names()[:3] for space in namespaces()[:2])
    )


def named(field: str) -> tuple[str, ...]:
    """Texts for a field of that name which refer to other objects; none if the name does not say that it refers."""
    lower = field.lower()
    if "namespace" in lower:
        return namespaces()
    if "host" in lower or lower == "authority":
        return hosts()
    if lower in {"name", "serviceaccountname", "serviceaccount", "service", "subset", "servicename"}:
        return (*names(), "default", "v1", "v2", "http")
    if "principal" in lower:
        return tuple(f"cluster.local/ns/{space}/sa/{name}" for name in names()[:3] for space in namespaces()[:3])
    return ()
