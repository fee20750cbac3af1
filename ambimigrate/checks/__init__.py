"""The rules: one file each, found by family; a family is imported when one of the kinds that it is about was read."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any

from ambimigrate.model import Hit, Mesh, Resource

Check = Callable[[Resource[Any], Mesh], Iterable[Hit]]


@dataclass(frozen=True, slots=True)
class Rule:
    """A rule and the kinds of object that it looks at; `Mesh` stands for the mesh as a whole."""

    id: str
    kinds: tuple[type, ...]
    check: Check


RULES: dict[str, Rule] = {}


def rule(name: str, *kinds: type) -> Callable[[Any], Any]:
    """Decorator: registers a check of one resource, which yields hits, under the id of its catalogue entry."""

    def register(check: Any) -> Any:
        if name in RULES and RULES[name].check.__module__ != check.__module__:
            raise ValueError(f"rule {name} is registered twice")
        RULES[name] = Rule(name, kinds, check)
        return check

    return register


@cache
def _families() -> tuple[tuple[str, frozenset[str]], ...]:
    found = []
    for module in pkgutil.iter_modules(__path__):
        if module.ispkg:
            family = importlib.import_module(f"{__name__}.{module.name}")
            found.append((family.__name__, frozenset(family.KINDS)))
    return tuple(found)


@cache
def _load(family: str) -> None:
    package = importlib.import_module(family)
    for module in pkgutil.iter_modules(package.__path__):
        importlib.import_module(f"{family}.{module.name}")


def rules(kinds: Iterable[type] | None = None) -> tuple[Rule, ...]:
    """The rules about any of these kinds (all rules for None), in order of their ids."""
    wanted = None if kinds is None else {Mesh, *kinds}
    names = None if wanted is None else {kind.__name__ for kind in wanted}
    for family, about in _families():
        if names is None or not names.isdisjoint(about):
            _load(family)
    return tuple(sorted(_among(wanted), key=lambda rule: rule.id))


def _among(wanted: set[type] | None) -> Iterator[Rule]:
    return (rule for rule in RULES.values() if wanted is None or not wanted.isdisjoint(rule.kinds))
