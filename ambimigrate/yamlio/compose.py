"""YAML text to trees of nodes by libyaml, and what libyaml says about text that is not valid."""

from __future__ import annotations

import operator
import re
from functools import lru_cache
from typing import Any

import yaml
from yaml.cyaml import CParser  # type: ignore[attr-defined]
from yaml.reader import ReaderError

MOST_LEVELS = 400  # deeper nesting is refused: no object of Kubernetes comes near

_ESCAPE = re.compile(r"\\u[0-9a-fA-F]{4}")


class _Composer(CParser):
    """libyaml's composer without PyYAML's tag resolution: a node's tag is "" unless it is written in the text.

    The composer calls these three for every node. They are functions of C that do nothing, since calls into Python would
    make up a quarter of its time.
    """

    resolve = staticmethod("".format)
    descend_resolver = staticmethod(operator.is_)
    ascend_resolver = staticmethod(int)


class _CarefulComposer(CParser):
    """The same for long texts, which could nest so deeply that the composer, a recursion in C, overruns its stack."""

    depth = 0
    resolve = staticmethod("".format)

    def descend_resolver(self, parent: Any, _index: Any) -> None:
        self.depth += 1
        if self.depth > MOST_LEVELS:
            raise RecursionError

    def ascend_resolver(self) -> None:
        self.depth -= 1


_LONG = 10_000  # characters; as many levels as a shorter text can have are no danger


def composed(text: str) -> Any:
    """The node tree of one document; yaml.YAMLError, ValueError or RecursionError if it cannot be made."""
    return (_Composer if len(text) < _LONG else _CarefulComposer)(text).get_single_node()


@lru_cache(maxsize=32)  # a rule that points into an object asks for it at once
def compose(text: str) -> Any:
    """The node tree of one document, None of an empty one; yaml.YAMLError if it is not valid."""
    if text.lstrip()[:1] == "{":  # JSON knows what libyaml refuses; as many characters take its place
        text = _ESCAPE.sub("??????", text.replace("\t", " "))
    return composed(text)


def reason(error: yaml.YAMLError, text: str) -> str:
    """What is wrong, in a few words."""
    mark = getattr(error, "problem_mark", None)
    if mark and text[mark.index : mark.index + 1] == "\t":
        return "found a tab where only spaces may stand"
    return str(getattr(error, "problem", None) or getattr(error, "reason", None) or str(error).splitlines()[0])


def lines_above(error: yaml.YAMLError, text: str) -> int:
    """How many lines above the fault."""
    if isinstance(error, ReaderError):  # counts bytes
        return text.encode(errors="replace")[: error.position].count(b"\n")
    mark = getattr(error, "problem_mark", None) or getattr(error, "context_mark", None)
    return mark.line if mark else 0
