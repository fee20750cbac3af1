"""What stands in a patch of an EnvoyFilter: the name of a filter and its configuration, whichever way they are written."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from ambimigrate.kinds.networking import ConfigPatch

CONFIG = ("typed_config", "typedConfig")  # the value is a Struct that istiod reads as proto JSON, which takes both
_STRUCTS = frozenset({"type.googleapis.com/udpa.type.v1.TypedStruct", "type.googleapis.com/xds.type.v3.TypedStruct"})
_TYPE = "type.googleapis.com/"


def value(patch: ConfigPatch) -> dict[str, Any]:
    """The value of a patch; empty if it has none."""
    found = (patch.patch or {}).get("value")
    return found if isinstance(found, dict) else {}


def filtered(patch: ConfigPatch) -> tuple[str, str, dict[str, Any]] | None:
    """Name, type and fields of a filter of which a patch says nothing else; fields in the spelling of Envoy's API."""
    written = value(patch)
    key = next((each for each in CONFIG if each in written), "")
    name, config = written.get("name", ""), written.get(key)
    if written.keys() - {"name"} != {key} or not isinstance(name, str) or not isinstance(config, dict):
        return None
    found = configured(config)
    return None if found is None else (name, *found)


def configured(config: Mapping[str, Any]) -> tuple[str, dict[str, Any]] | None:
    """Type and fields of a typed configuration; of a TypedStruct those that it stands for."""
    fields = {snake(key): each for key, each in config.items() if key != "@type"}
    kind = config.get("@type")
    if kind in _STRUCTS:
        inner = fields.get("value", {})
        if fields.keys() - {"value"} != {"type_url"} or not isinstance(inner, dict):
            return None
        kind, fields = fields["type_url"], {snake(key): each for key, each in inner.items()}
    return (kind.removeprefix(_TYPE), fields) if isinstance(kind, str) else None


def snake(name: str) -> str:
    """A field's name as Envoy's API spells it."""
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).lower()


def texts(tree: Any) -> Iterator[str]:
    """The texts in a configuration."""
    if isinstance(tree, dict):
        yield from (text for each in tree.values() for text in texts(each))
    elif isinstance(tree, list):
        yield from (text for each in tree for text in texts(each))
    elif isinstance(tree, str):
        yield tree


def found(tree: Any, name: str) -> Iterator[Any]:
    """Every value that a configuration has under the name, at any depth."""
    if isinstance(tree, dict):
        for key, each in tree.items():
            if snake(str(key)) == name:
                yield each
            yield from found(each, name)
    elif isinstance(tree, list):
        yield from (one for each in tree for one in found(each, name))


def said(tree: Any, name: str) -> str:
    """The first of them that is a text or a number; empty if there is none."""
    return next((str(each) for each in found(tree, name) if isinstance(each, str | int | float)), "")
