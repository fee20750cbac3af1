"""Schemas of CRDs as validators: OpenAPI 3.0 with the extensions of Kubernetes, all faults of a value at once."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from jsonschema import Draft4Validator
from jsonschema.exceptions import ValidationError
from jsonschema.protocols import Validator
from jsonschema.validators import extend

from ambimigrate.crds.cel import rule
from ambimigrate.crds.store import Schema
from ambimigrate.crds.values import fits, matches, repeated
from ambimigrate.model import Route

_MOST = 160  # characters of a reason
Errors = Iterator[ValidationError]
_TYPE, _ENUM = Draft4Validator.VALIDATORS["type"], Draft4Validator.VALIDATORS["enum"]


def errors(value: Any, schema: Schema) -> Iterator[tuple[Route, str]]:
    """Everything that is wrong with a value, but for fields that the schema does not name: where, and what."""
    for error in _STRUCTURAL(schema).iter_errors(value):
        yield tuple(error.absolute_path), _said(error)


def _said(error: ValidationError) -> str:
    """The words of jsonschema, which repeat the value, unless that may be large."""
    value: Any = error.instance
    match error.validator:
        case "maxItems" | "minItems" | "maxProperties" | "minProperties":
            return f"it has {len(value)} of them; {error.validator[:3]}imum is {error.validator_value}"
        case "maxLength":
            return f"it has {len(value)} characters; maximum is {error.validator_value}"
        case "oneOf" | "anyOf" | "not" | "allOf":
            return "it has fields that exclude each other, or lacks one of those of which one is needed"
    return error.message if len(error.message) <= _MOST else f"{error.message[:_MOST]}…"


def _of_type(own: Validator, types: Any, value: Any, schema: Schema) -> Errors:
    if not (value is None and schema.get("nullable")):
        yield from _TYPE(own, types, value, schema)


def _of_enum(own: Validator, words: Any, value: Any, schema: Schema) -> Errors:
    if not (value is None and schema.get("nullable")):
        yield from _ENUM(own, words, value, schema)


def _of_pattern(_own: Validator, text: str, value: Any, _schema: Schema) -> Errors:
    if isinstance(value, str) and not matches(value, text):
        yield ValidationError(f"{value!r} does not match {text}")


def _of_format(_own: Validator, name: str, value: Any, _schema: Schema) -> Errors:
    if not fits(name, value):
        yield ValidationError(f"{value} does not fit into {name}")


def _of_list(_own: Validator, _kind: str, value: Any, schema: Schema) -> Errors:
    if (number := repeated(value, schema)) is not None:
        names = " and ".join(schema.get("x-kubernetes-list-map-keys", ("value",)))
        yield ValidationError(f"one before it has the same {names}", path=[number])


def _of_rules(_own: Validator, rules: list[dict[str, str]], value: Any, _schema: Schema) -> Errors:
    if value is not None:
        yield from (ValidationError(each.get("message", each["rule"])) for each in rules if not rule(each["rule"])(value))


_STRUCTURAL = extend(  # type: ignore[no-untyped-call]
    Draft4Validator,
    {
        "type": _of_type,
        "enum": _of_enum,
        "pattern": _of_pattern,
        "format": _of_format,
        "x-kubernetes-list-type": _of_list,
        "x-kubernetes-validations": _of_rules,
    },
)
