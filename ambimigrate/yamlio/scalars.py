"""Plain scalars as Kubernetes reads them: YAML 1.1 booleans and octals, neither dates nor sexagesimal numbers.

Source: resolve.go of the YAML library behind sigs.k8s.io/yaml (goyaml.v2), which turns YAML into JSON for every client.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from math import isinf
from typing import Any

Scalar = str | int | float | bool | None

WORDS: dict[str, Scalar] = {"": None, "~": None, "null": None, "Null": None, "NULL": None}
WORDS |= {word: True for word in ["y", "Y", "yes", "Yes", "YES", "true", "True", "TRUE", "on", "On", "ON"]}
WORDS |= {word: False for word in ["n", "N", "no", "No", "NO", "false", "False", "FALSE", "off", "Off", "OFF"]}
WORDS |= {sign + word: float(sign + "inf") for sign in ("", "+", "-") for word in (".inf", ".Inf", ".INF")}
WORDS |= {word: float("nan") for word in (".nan", ".NaN", ".NAN")}

_NUMERIC = frozenset("0123456789+-.")
_INTEGER = re.compile(r"([-+]?)(?:(0[bB][01]+)|(0[xX][0-9a-fA-F]+)|0[oO]?([0-7]+)|(0|[1-9][0-9]*))")
_FLOAT = re.compile(r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?")


def plain(text: str) -> Scalar:
    """The value of a scalar without quotes and without a tag."""
    if text in WORDS:
        return WORDS[text]
    return _number(text) if text[0] in _NUMERIC else text


def tagged(tag: str, text: str) -> Scalar:
    """The value of a scalar with a tag: only the tags of numbers, truth values and null make more of it than a string."""
    return plain(text) if tag in _RESOLVED else text


_RESOLVED = frozenset(f"tag:yaml.org,2002:{name}" for name in ("bool", "int", "float", "null"))


def _number(text: str) -> Scalar:
    if text.isascii() and text.isdigit() and len(text) < _SAFE and (text[0] != "0" or len(text) == 1):
        return int(text)
    digits = text.replace("_", "")
    if (found := _INTEGER.fullmatch(digits)) and len(digits) < _LONGEST:
        sign, binary, hexadecimal, octal, decimal = found.groups()
        base, body = next((b, d) for b, d in zip((2, 16, 8, 10), (binary, hexadecimal, octal, decimal), strict=True) if d)
        value = int(sign + body, base)
        if _LEAST <= value <= _GREATEST:
            return value
    return _float(digits, text)


def _float(digits: str, text: str) -> Scalar:
    if not _FLOAT.fullmatch(digits):
        return text
    value = float(digits)
    return text if isinf(value) else value


_SAFE, _LONGEST = 19, 100  # digits that surely fit 64 bits, and that surely do not in any base
_LEAST, _GREATEST = -(2**63), 2**64 - 1  # integers are those of Go; greater numbers are floats


class _Known(dict[str, Any]):
    """What plain scalars mean, each worked out once; equal texts become one string, which saves memory, too."""

    def __init__(self, meaning: Callable[[str], Any]) -> None:
        super().__init__()
        self.meaning = meaning

    def __missing__(self, text: str) -> Any:
        if len(self) > _MOST_KNOWN:
            self.clear()
        self[text] = found = self.meaning(text)
        return found


_MOST_KNOWN = 50_000


def plain_key(text: str) -> str | None:
    """The name that a plain key is, None for the merge key."""
    if text == "<<":
        return None
    value = plain(text)
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return repr(value).removesuffix(".0")
    return text if value is None or isinstance(value, str) else str(value)


VALUES, KEYS = _Known(plain), _Known(plain_key)


def is_ambiguous(text: str) -> bool:
    """Whether the text, written without quotes, is no string to some reader of YAML 1.1 or 1.2."""
    lower = text.lower()
    return not isinstance(plain(text), str) or lower in _OTHER_WORDS or bool(_OTHER_NUMBERS.fullmatch(lower))


_OTHER_WORDS = frozenset({"=", "<<", "nan", "inf"})
_OTHER_NUMBERS = re.compile(
    r"[-+]?[0-9][0-9_]*(?::[0-5]?[0-9])+(?:\.[0-9_]*)?|[0-9]{4}-[0-9]{1,2}-[0-9]{1,2}.*|[-+]?[.0-9][0-9._]*(?:e[-+]?[0-9]+)?|0[xob][0-9a-f_]+"
)
