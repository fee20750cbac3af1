"""New objects as YAML text: block style, two spaces, and quotes around what some reader takes for no string."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache, lru_cache
from io import StringIO
from typing import Any

from ambimigrate.yamlio import block
from ambimigrate.yamlio.scalars import is_ambiguous

_FIRST = ("apiVersion", "kind", "metadata", "spec")
_PLAIN = re.compile(r"[A-Za-z0-9/](?:[A-Za-z0-9/._-]*[A-Za-z0-9/])?")  # nothing in it means anything to YAML
_WIDTH = 4096  # no value is broken into several lines


def text(value: Mapping[str, Any]) -> str:
    """The object as one YAML document."""
    tree = ordered(value)
    try:
        return "".join(f"{each}\n" for each in block.lines(tree, _string))
    except block.Unusual:
        return _dumped(tree)


def _dumped(tree: Any) -> str:
    out = StringIO()
    _writer().dump(tree, out)
    return out.getvalue()


@lru_cache(maxsize=65536)
def _string(text: str) -> str:
    """The string as the general writer has it, which is slow; most are repeated."""
    if _PLAIN.fullmatch(text) and not is_ambiguous(text):
        return text
    return _dumped({"k": text}).removeprefix("k: ").removesuffix("\n")


def ordered(value: Mapping[str, Any]) -> dict[str, Any]:
    """The object with the keys that every object has first."""
    keys = [key for key in _FIRST if key in value] + [key for key in value if key not in _FIRST]
    return {key: value[key] for key in keys}


@cache
def _writer() -> Any:
    from ruamel.yaml import YAML
    from ruamel.yaml.representer import RoundTripRepresenter

    class Representer(RoundTripRepresenter):
        def ignore_aliases(self, _data: Any) -> bool:
            return True

    def string(representer: Any, data: str) -> Any:
        style = "|" if "\n" in data.rstrip("\n") else '"' if is_ambiguous(data) else None
        return representer.represent_scalar("tag:yaml.org,2002:str", data, style=style)

    Representer.add_representer(str, string)
    writer = YAML()
    writer.Representer = Representer
    writer.width = _WIDTH
    writer.default_flow_style = False
    writer.indent(mapping=2, sequence=4, offset=2)
    return writer
