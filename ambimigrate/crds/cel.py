"""What a rule of a CRD in CEL says about a value, as the API server evaluates it."""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterable, Mapping
from functools import cache
from typing import Any

from ambimigrate.crds.cel_functions import FUNCTIONS, Failed
from ambimigrate.crds.cel_parse import Node, parse

Scope = Mapping[str, Any]
Code = Callable[[Scope], Any]

_OPERATORS: dict[str, Callable[[Any, Any], Any]] = {
    "==": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
    "+": operator.add,
    "-": operator.sub,
}
_MACROS = {"all", "exists", "exists_one", "filter"}


@cache
def rule(text: str) -> Callable[[Any], bool]:
    """The rule as a function of `self`: whether it holds. One that cannot be evaluated does not hold.

    A rule about the change of a value (`oldSelf`) says nothing about a new one. Raises Unparsable.
    """
    if "oldSelf" in text:
        return lambda _value: True
    code = _code(parse(text))

    def holds(value: Any) -> bool:
        try:
            return code({"self": value}) is True
        except (Failed, TypeError, ValueError, IndexError, KeyError):
            return False

    return holds


def _code(node: Node) -> Code:
    operation, arguments = node
    if operation == "constant":
        return lambda _scope: arguments[0]
    if operation == "name":
        return lambda scope: scope[arguments[0]]
    if operation == "field":
        return _field(_code(arguments[0]), arguments[1])
    if operation == "call":
        return _call(arguments[0], arguments[1:])
    return _operation(operation, [_code(each) for each in arguments])


def _operation(operation: str, parts: list[Code]) -> Code:
    match operation, parts:
        case "list", _:
            return lambda scope: [each(scope) for each in parts]
        case "!", [part]:
            return lambda scope: not _truth(part(scope))
        case "?", [condition, then, other]:
            return lambda scope: then(scope) if _truth(condition(scope)) else other(scope)
        case "[]", [holder, key]:
            return lambda scope: holder(scope)[key(scope)]
        case ("||" | "&&") as sign, [left, right]:
            return lambda scope: _decided((left, right), scope, by=sign == "||")
        case "in", [left, right]:
            return lambda scope: left(scope) in right(scope)
        case sign, [left, right]:
            apply = _OPERATORS[sign]
            return lambda scope: apply(left(scope), right(scope))
    raise Failed(operation)


def _decided(parts: Iterable[Code], scope: Scope, *, by: bool) -> bool:
    """`||` (by true) and `&&` (by false): a part that decides outweighs one that fails, whichever comes first."""
    failed: Exception | None = None
    for part in parts:
        try:
            if _truth(part(scope)) is by:
                return by
        except (Failed, TypeError, ValueError, IndexError, KeyError) as error:
            failed = error
    if failed:
        raise Failed(str(failed))
    return not by


def _truth(value: Any) -> bool:
    if not isinstance(value, bool):
        raise Failed(f"{value!r} is neither true nor false")
    return value


def _field(holder: Code, name: str) -> Code:
    def take(scope: Scope) -> Any:
        found = holder(scope)
        if not isinstance(found, dict) or name not in found:
            raise Failed(f"no such key: {name}")
        return found[name]

    return take


def _call(name: str, arguments: tuple[Node, ...]) -> Code:
    if name == "has":
        holder, field = _code(arguments[0].arguments[0]), arguments[0].arguments[1]
        return lambda scope: field in _mapping(holder(scope))
    if name in _MACROS:
        return _macro(name, _code(arguments[0]), arguments[1].arguments[0], _code(arguments[2]))
    function, parts = FUNCTIONS[name], [_code(each) for each in arguments]
    return lambda scope: function(*(each(scope) for each in parts))


def _mapping(value: Any) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise Failed(f"{value!r} has no fields")
    return value


def _macro(name: str, items: Code, variable: str, body: Code) -> Code:
    """A macro over the elements of a list or the keys of a mapping."""

    def run(scope: Scope) -> Any:
        scopes = [{**scope, variable: each} for each in items(scope)]
        if name in {"all", "exists"}:
            parts = [_bound(body, each) for each in scopes]
            return _decided(parts, scope, by=name == "exists")
        chosen = [each[variable] for each in scopes if _truth(body(each))]
        return chosen if name == "filter" else len(chosen) == 1

    return run


def _bound(body: Code, scope: Scope) -> Code:
    return lambda _scope: body(scope)
