"""The Applications that an object stands for: itself, or those that an ApplicationSet makes, as far as the tree tells."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator, Sequence
from fnmatch import fnmatchcase
from typing import Any

import msgspec

from ambimigrate.kinds import Application, ApplicationSet
from ambimigrate.kinds.delivery import ApplicationTemplate
from ambimigrate.model import Resource
from ambimigrate.topology.releases import mapping

_FIELD = re.compile(r"\{\{\s*\.?([\w.-]+)\s*\}\}")  # `{{path.basename}}`, and `{{ .path.basename }}` with goTemplate


def applications(resource: Resource[Any], folders: Sequence[str]) -> Iterator[ApplicationTemplate]:
    """Name and spec of each; what a generator asks of a cluster or a server stays unfinished, `{{` and all."""
    match resource.body:
        case Application(metadata=metadata, spec=spec):
            yield ApplicationTemplate(metadata, spec)
        case ApplicationSet(spec=spec):
            every = [each for generator in spec.generators for each in _elements(generator, folders)]
            for element in every:
                yield msgspec.convert(_filled(msgspec.to_builtins(spec.template), element), ApplicationTemplate)
            if not every:
                yield spec.template


def _elements(generator: dict[str, Any], folders: Sequence[str]) -> Iterator[dict[str, str]]:
    """What a list names, and the folders of a git generator."""
    for each in _listed(generator.get("list"), "elements"):
        yield dict(_flat(each, ""))
    wanted = [mapping(each) for each in _listed(generator.get("git"), "directories")]
    for folder in folders:
        matching = [each for each in wanted if _matches(folder, str(each.get("path")))]
        if matching and not any(each.get("exclude") for each in matching):
            base = posixpath.basename(folder)
            yield {
                "path": folder,
                "path.path": folder,
                "path.basename": base,
                "path.basenameNormalized": base.replace("_", "-"),
            }


def _matches(folder: str, pattern: str) -> bool:
    """Whether the last folders of a path are those of a pattern, in which `*` stands for one of them."""
    steps, parts = pattern.strip("./").split("/"), folder.split("/")
    if len(parts) < len(steps):
        return False
    return all(fnmatchcase(part, step) for part, step in zip(parts[-len(steps) :], steps, strict=True))


def _listed(holder: Any, key: str) -> list[Any]:
    found = mapping(holder).get(key)
    return found if isinstance(found, list) else []


def _flat(value: Any, name: str) -> Iterator[tuple[str, str]]:
    if isinstance(value, dict):
        for key, each in value.items():
            yield from _flat(each, f"{name}.{key}" if name else str(key))
    elif value is not None:
        yield name, str(value)


def _filled(tree: Any, element: dict[str, str]) -> Any:
    if isinstance(tree, dict):
        return {key: _filled(each, element) for key, each in tree.items()}
    if isinstance(tree, list | tuple):
        return [_filled(each, element) for each in tree]
    return _FIELD.sub(lambda found: element.get(found[1], found[0]), tree) if isinstance(tree, str) else tree
