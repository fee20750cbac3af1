"""Whether an object passes the CRD of its kind in the target: structure, values, and the rules in CEL."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ambimigrate.crds.quick import accepts
from ambimigrate.crds.store import Definition, Schema, definition, every
from ambimigrate.crds.structure import METADATA, Fault, Unknown, defaulted, has, unknown
from ambimigrate.model import Route, Target


def defined(tree: dict[str, Any], target: Target) -> Definition | None:
    """The definition of the kind and version that the object names; None if it is not one of these CRDs'."""
    group, _, version = str(tree.get("apiVersion")).rpartition("/")
    return definition(group, str(tree.get("kind")), version, target)


def faults(tree: dict[str, Any], target: Target) -> tuple[Fault, ...]:
    """All that an API server of the target has against the object, in order of its fields; unknown fields count."""
    found = defined(tree, target)
    if found is None:
        return ()
    if found.schema is None:
        served = f", but {', '.join(found.versions)}" if found.versions else ""
        return (Fault(("apiVersion",), f"{found.name}, does not serve {tree['kind']} {tree['apiVersion']}{served}"),)
    value = defaulted(tree, found.schema)
    if accepts(found.schema)(value) and METADATA.issuperset(tree.get("metadata", ())):
        return ()
    return tuple(sorted({*_structural(tree, found.schema), *_invalid(value, found.schema)}, key=_order))


def _structural(tree: dict[str, Any], schema: Schema) -> Iterator[Fault]:
    for each in unknown(tree, schema):
        yield Fault(each.route, f"unknown field {each.route[-1]}" + (f"; {each.near} is near" if each.near else ""))


def _invalid(value: dict[str, Any], schema: Schema) -> Iterator[Fault]:
    from ambimigrate.crds.validator import errors  # loads jsonschema, which is seldom needed

    yield from (Fault(route, text) for route, text in errors(value, schema))


def _order(fault: Fault) -> tuple[Any, ...]:
    return [(isinstance(step, str), step if isinstance(step, int) else 0, str(step)) for step in fault.route], fault.reason


def releases_with(tree: dict[str, Any], route: Route) -> tuple[str, ...]:
    """The releases, oldest first, whose CRD of the object's kind has a field at the route."""
    group = str(tree.get("apiVersion")).rpartition("/")[0]
    return tuple(name for name, schema in every(group, str(tree.get("kind"))).items() if has(schema, route))


__all__ = ["Definition", "Fault", "Unknown", "defined", "faults", "has", "releases_with", "unknown"]
