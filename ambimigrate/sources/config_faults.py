"""What is wrong with a configuration, all of it at once: each fault in a line with its place."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from ambimigrate import catalogue
from ambimigrate.model import Position, Route
from ambimigrate.suppressions.ids import no_rule
from ambimigrate.suppressions.wording import is_day
from ambimigrate.yamlio import Document


def schema() -> dict[str, Any]:
    """The JSON Schema of the configuration."""
    found: dict[str, Any] = json.loads((catalogue.folder() / "schemas" / "config.json").read_text(encoding="utf-8"))
    return found


def faults(document: Document, tree: Any) -> Iterator[str]:
    """Against the schema; if it agrees, against the catalogue and the calendar."""
    import jsonschema

    errors = sorted(
        jsonschema.Draft202012Validator(schema()).iter_errors(tree),
        key=lambda each: [(document.at(tuple(each.absolute_path)).line or 0, str(step)) for step in (*each.absolute_path, "")],
    )
    for error in errors:
        yield from _of_schema(document, error)
    if isinstance(tree, dict):
        yield from (f"{_place(document.at(route))}: {text}" for route, text in _of_catalogue(tree))


def _of_schema(document: Document, error: Any) -> Iterator[str]:
    route = tuple(error.absolute_path)
    if error.validator == "additionalProperties" and error.schema.get("additionalProperties") is False:
        known = list(error.schema.get("properties", {}))
        for key in sorted(set(error.instance) - set(known)):
            yield f"{_place(document.at((*route, key)))}: unknown key {key!r}{_nearest(key, known)}"
        return
    where = ".".join(str(step) for step in route)
    yield f"{_place(document.at(route))}: {where + ': ' if where else ''}{_message(error)}"


def _message(error: Any) -> str:
    """What jsonschema says; of alternatives not the whole schema but what is missing, or what comes nearest."""
    if error.validator == "enum":
        return f"{error.instance!r} is not one of {', '.join(each for each in error.validator_value if isinstance(each, str))}"
    if error.validator not in {"oneOf", "anyOf"} or not error.context:
        return str(error.message)
    lacks = [name for each in error.context if each.validator == "required" for name in each.validator_value]
    if len(lacks) == len(error.context):
        return f"needs {' or '.join(lacks)}"
    return str(max(error.context, key=lambda each: len(each.absolute_path)).message)


def _of_catalogue(tree: dict[str, Any]) -> Iterator[tuple[Route, str]]:
    """Ids that no rule has, and days that no calendar has."""
    for route, id in _ids(tree):
        if isinstance(id, str) and (why := no_rule(id)):
            yield route, why
    for key in ("suppressions", "accept"):
        for number, each in enumerate(_list(tree.get(key))):
            until = each.get("until") if isinstance(each, dict) else None
            if isinstance(until, str) and len(until) == 10 and not is_day(until):
                yield (key, number, "until"), f"{key}.{number}.until: {until} is no day of the calendar"


def _ids(tree: dict[str, Any]) -> Iterator[tuple[Route, Any]]:
    yield from _rules(tree, ())
    for number, each in enumerate(_list(tree.get("overrides"))):
        yield from _rules(each, ("overrides", number))
    for number, each in enumerate(_list(tree.get("suppressions"))):
        said = each.get("id") if isinstance(each, dict) else None
        if isinstance(said, list):
            yield from ((("suppressions", number, "id", place), id) for place, id in enumerate(said))
        else:
            yield ("suppressions", number, "id"), said


def _rules(tree: Any, route: Route) -> Iterator[tuple[Route, Any]]:
    rules = tree.get("rules") if isinstance(tree, dict) else None
    for id in rules if isinstance(rules, dict) else ():
        yield (*route, "rules", id), id


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _place(position: Position) -> str:
    return f"{position.file}:{position.line}"


def _nearest(key: str, known: list[str]) -> str:
    from difflib import get_close_matches

    close = get_close_matches(key, known, 1, 0.5)
    return f"; did you mean {close[0]!r}?" if close else f"; known are {', '.join(known)}"
