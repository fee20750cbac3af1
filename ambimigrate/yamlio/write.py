"""New objects as YAML text: block style, two spaces, and quotes around what some reader takes for no string."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from io import StringIO
from typing import Any

from ambimigrate.yamlio.scalars import is_ambiguous

_FIRST = ("apiVersion", "kind", "metadata", "spec")
_WIDTH = 4096  # no value is broken into several lines


def text(value: Mapping[str, Any]) -> str:
    """The object as one YAML document."""
    out = StringIO()
    _writer().dump(ordered(value), out)
    return out.getvalue()


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
        return representer.represent_scalar("tag:yaml.org,2002:str", data, style='"' if is_ambiguous(data) else None)

    Representer.add_representer(str, string)
    writer = YAML()
    writer.Representer = Representer
    writer.width = _WIDTH
    writer.default_flow_style = False
    writer.indent(mapping=2, sequence=4, offset=2)
    return writer
