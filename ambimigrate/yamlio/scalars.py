"""Plain scalars as Kubernetes reads them: YAML 1.1 booleans and octals, neither dates nor sexagesimal numbers.

Source: resolve.go of the YAML library behind sigs.k8s.io/yaml (goyaml.v2), which turns YAML into JSON for every client.
"""

from __future__ import annotations

import re

Scalar = str | int | float | bool | None

WORDS: dict[str, Scalar] = {"": None, "~": None, "null": None, "Null": None, "NULL": None}
WORDS |= {word: True for word in ["y", "Y", "yes", "Yes", "YES", "true", "True", "TRUE", "on", "On", "ON"]}
WORDS |= {word: False for word in ["n", "N", "no", "No", "NO", "false", "False", "FALSE", "off", "Off", "OFF"]}
WORDS |= {sign + word: float(sign + "inf") for sign in ("", "+", "-") for word in (".inf", ".Inf", ".INF")}
WORDS |= {word: float("nan") for word in (".nan", ".NaN", ".NAN")}

_NUMERIC = frozenset("0123456789+-.")
_INTEGER = re.compile(r"([-+]?)(?:(0b[01]+)|(0x[0-9a-fA-F]+)|0o?([0-7]+)|(0|[1-9][0-9]*))")
_FLOAT = re.compile(r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?")


def plain(text: str) -> Scalar:
    """The value of a scalar without quotes and without a tag."""
    if text in WORDS:
        return WORDS[text]
    return _number(text) if text[0] in _NUMERIC else text


def _number(text: str) -> Scalar:
    if text.isascii() and text.isdigit() and (text[0] != "0" or len(text) == 1):
        return int(text)
    digits = text.replace("_", "")
    if found := _INTEGER.fullmatch(digits):
        sign, binary, hexadecimal, octal, decimal = found.groups()
        base, body = next((b, d) for b, d in ((2, binary), (16, hexadecimal), (8, octal), (10, decimal)) if d is not None)
        return int(sign + body, base)
    return float(digits) if _FLOAT.fullmatch(digits) else text


def is_ambiguous(text: str) -> bool:
    """Whether the text, written without quotes, is no string to some reader of YAML 1.1 or 1.2."""
    lower = text.lower()
    return not isinstance(plain(text), str) or lower in _OTHER_WORDS or bool(_OTHER_NUMBERS.fullmatch(lower))


_OTHER_WORDS = frozenset({"=", "<<", "nan", "inf"})
_OTHER_NUMBERS = re.compile(
    r"[-+]?[0-9][0-9_]*(?::[0-5]?[0-9])+(?:\.[0-9_]*)?|[0-9]{4}-[0-9]{1,2}-[0-9]{1,2}.*|[-+]?[.0-9][0-9._]*(?:e[-+]?[0-9]+)?|0[xob][0-9a-f_]+"
)
