"""What an API server does with an object by the structure of its CRD: which fields it does not know, what it fills in."""

from __future__ import annotations

from collections.abc import Iterator
from difflib import get_close_matches
from typing import Any

from msgspec import Struct

from ambimigrate.crds.store import Schema
from ambimigrate.model import Route

# Kubernetes' ObjectMeta (k8s.io/apimachinery/pkg/apis/meta/v1), which CRDs do not repeat.
METADATA = frozenset(
    (
        "annotations",
        "creationTimestamp",
        "deletionGracePeriodSeconds",
        "deletionTimestamp",
        "finalizers",
        "generateName",
        "generation",
        "labels",
        "managedFields",
        "name",
        "namespace",
        "ownerReferences",
        "resourceVersion",
        "selfLink",
        "uid",
    )
)


class Unknown(Struct, frozen=True):
    """A field that the CRD does not have, and the name of the one that was meant, if one is near."""

    route: Route
    near: str | None = None


class Fault(Struct, frozen=True):
    """Why the API server refuses an object, and at which field."""

    route: Route
    reason: str


def unknown(tree: dict[str, Any], schema: Schema) -> Iterator[Unknown]:
    """The fields of an object that the API server drops, or refuses where fields are validated strictly."""
    metadata = tree.get("metadata")
    names = metadata.keys() - METADATA if isinstance(metadata, dict) else ()
    yield from (_unknown(("metadata",), key, METADATA) for key in sorted(names))
    yield from _below(tree, schema, ())


def _below(value: Any, schema: Schema, route: Route) -> Iterator[Unknown]:
    if isinstance(value, list):
        items = schema.get("items", {})
        for number, each in enumerate(value if items else ()):
            yield from _below(each, items, (*route, number))
    elif isinstance(value, dict):
        properties, others = schema.get("properties", {}), schema.get("additionalProperties")
        kept = schema.get("x-kubernetes-preserve-unknown-fields") or others is True
        for key, each in value.items():
            part = properties.get(key, others)
            if isinstance(part, dict):
                yield from _below(each, part, (*route, key))
            elif not kept:
                yield _unknown(route, key, properties.keys())


def _unknown(route: Route, key: Any, known: Any) -> Unknown:
    by_lower = {each.lower(): each for each in sorted(known)}
    near = get_close_matches(str(key).lower().replace("_", ""), by_lower, 1, 0.7)
    return Unknown((*route, str(key)), by_lower[near[0]] if near else None)


def has(schema: Schema, route: Route) -> bool:
    """Whether objects of the schema may hold something at the route."""
    for step in route:
        if schema.get("x-kubernetes-preserve-unknown-fields"):
            return True
        part = schema.get("items") if isinstance(step, int) else schema.get("properties", {}).get(step)
        part = part if part is not None else schema.get("additionalProperties")
        if not isinstance(part, dict):
            return part is True
        schema = part
    return True


def defaulted(value: Any, schema: Schema) -> Any:
    """The value with what the API server fills in, which it does before it validates."""
    if not _fills(schema):
        return value
    if isinstance(value, list) and (items := schema.get("items")):
        return [defaulted(each, items) for each in value]
    if not isinstance(value, dict):
        return value
    return dict(_filled(value, schema))


def _filled(value: dict[str, Any], schema: Schema) -> Iterator[tuple[str, Any]]:
    properties, others = schema.get("properties", {}), schema.get("additionalProperties")
    missing = {
        key: part
        for key, part in properties.items()
        if "default" in part and (key not in value or _is_dropped(value[key], part))
    }
    for key, each in value.items():
        part = properties.get(key, others)
        if key not in missing:
            yield key, defaulted(each, part) if isinstance(part, dict) else each
    yield from ((key, defaulted(part["default"], part)) for key, part in missing.items())


def _is_dropped(value: Any, schema: Schema) -> bool:
    return value is None and not schema.get("nullable")


_FILLING: dict[int, tuple[Schema, bool]] = {}  # keeps the schema, too, so that its id stays its own


def _fills(schema: Schema) -> bool:
    """Whether the schema has a default somewhere."""
    if id(schema) not in _FILLING:
        parts = [*schema.get("properties", {}).values(), schema.get("items"), schema.get("additionalProperties")]
        fills = any("default" in each or _fills(each) for each in parts if isinstance(each, dict))
        _FILLING[id(schema)] = schema, fills
    return _FILLING[id(schema)][1]
