"""Which objects the patches, replacements and variables of a kustomization name, and at which line."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterator, Mapping
from typing import Any

from msgspec import Struct

from ambimigrate.layout.kustomize import Kustomization, patched_one_by_one
from ambimigrate.model import Position
from ambimigrate.yamlio import Unreadable, documents, values

Tree = Mapping[str, Any]
Read = Callable[[str], str]  # the text of a patch that a kustomization names by its path, or gives in place


class Address(Struct, frozen=True):
    """A place that names objects by kind (empty: any) and name, as patterns that must fit as a whole."""

    position: Position
    kind: str
    name: str

    def is_about(self, kind: str, names: Collection[str]) -> bool:
        return _fits(self.kind, (kind,)) and _fits(self.name, names)


def _fits(pattern: str, texts: Collection[str]) -> bool:
    try:
        return not pattern or any(re.fullmatch(pattern, each) for each in texts)
    except re.error:
        return pattern in texts


def addresses(each: Kustomization, read: Read) -> Iterator[Address]:
    """Every object that the kustomization names; what it picks by label or kind alone breaks with none of them."""
    for key, number, text, target in patched_one_by_one(each):
        for kind, name in _selected(target) if target else _own_names(each.file, read(text)):
            yield Address(_at(each, key, number), kind, name)
    for number, entry in enumerate(_entries(each.spec.get("replacements"))):
        for place in (entry.get("source"), *(target.get("select") for target in _entries(entry.get("targets")))):
            for kind, name in _selected(place):
                yield Address(_at(each, "replacements", number), kind, name)
    for number, entry in enumerate(_entries(each.spec.get("vars"))):
        for kind, name in _selected(entry.get("objref")):
            yield Address(_at(each, "vars", number), kind, name)


def _at(each: Kustomization, key: str, number: int) -> Position:
    return Position(each.file, each.lines.get(f"{key}.{number}") or each.lines.get(key), None, (key, number))


def _selected(target: Any) -> Iterator[tuple[str, str]]:
    """What a selector names, if it does so by name."""
    if isinstance(target, dict) and isinstance(target.get("name"), str) and target["name"]:
        yield str(target.get("kind") or ""), target["name"]


def _own_names(file: str, text: str) -> Iterator[tuple[str, str]]:
    """The objects that a merge patch is about: it has their kinds and names."""
    for document in documents(file, text.removeprefix("\ufeff")):
        try:
            tree = values(document).value
        except Unreadable:
            continue
        metadata = tree.get("metadata") if isinstance(tree, dict) else None
        if isinstance(metadata, dict) and isinstance(metadata.get("name"), str):
            yield re.escape(str(tree.get("kind"))), re.escape(metadata["name"])


def _entries(value: Any) -> list[Tree]:
    return [each for each in value if isinstance(each, dict)] if isinstance(value, list) else []
