"""The rules: one file each, in a folder by family; a rule is imported when one of the kinds that it is about was read."""

from __future__ import annotations

import importlib
import pkgutil
import re
from collections.abc import Callable, Iterable, Iterator
from functools import cache
from typing import Any

from msgspec import Struct

from ambimigrate.model import Hit, Mesh, Resource
from ambimigrate.topology.workloads import KINDS as WORKLOADS

_WORKLOADS = "*KINDS"  # how a decorator names all kinds of workloads
_DECORATOR = re.compile(r'\n@rule\(\s*"\w+",([^)]*)\)')  # begins with plain text, which is found quickly

Check = Callable[[Resource[Any], Mesh], Iterable[Hit]]


class Rule(Struct, frozen=True):
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
def _written() -> tuple[tuple[str, frozenset[str]], ...]:
    """Each module of a rule and the names of the kinds in its decorator, as they stand in its text.

    Reading the text of all modules takes a tenth of the time of importing them, and a scan needs but a few.
    """
    found = []
    for family in pkgutil.iter_modules(__path__):
        folder = f"{__path__[0]}/{family.name}"
        for module in pkgutil.iter_modules([folder] if family.ispkg else []):
            if kinds := _decorated(f"{folder}/{module.name}.py"):
                found.append((f"{__name__}.{family.name}.{module.name}", kinds))
    return tuple(found)


def _decorated(path: str) -> frozenset[str]:
    text = __spec__.loader.get_data(path).decode()  # type: ignore[union-attr]
    names = {name.strip() for found in _DECORATOR.findall(text) for name in found.split(",")} - {""}
    if _WORKLOADS in names:
        names |= {kind.__name__ for kind in WORKLOADS}
    return frozenset(names - {_WORKLOADS})


def rules(kinds: Iterable[type] | None = None) -> tuple[Rule, ...]:
    """The rules about any of these kinds (all rules for None), in order of their ids."""
    wanted = None if kinds is None else {Mesh, *kinds}
    names = None if wanted is None else {kind.__name__ for kind in wanted}
    for module, about in _written():
        if names is None or not names.isdisjoint(about):
            importlib.import_module(module)
    return tuple(sorted(_among(wanted), key=lambda rule: rule.id))


def _among(wanted: set[type] | None) -> Iterator[Rule]:
    return (rule for rule in RULES.values() if wanted is None or not wanted.isdisjoint(rule.kinds))
