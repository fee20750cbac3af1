"""The rules of CRDs in CEL (x-kubernetes-validations) as trees: as much of the language as those rules use."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, NamedTuple

_TOKEN = re.compile(
    r"""\s*(?:
    (?P<raw>r\"{3}.*?\"{3})
  | (?P<text>"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*')
  | (?P<number>\d+)
  | (?P<name>[A-Za-z_]\w*)
  | (?P<sign>\|\||&&|==|!=|<=|>=|[<>!?:.,()\[\]{}+-])
  | (?P<end>$) )""",
    re.VERBOSE | re.DOTALL,
)
_RELATIONS = {"==", "!=", "<", "<=", ">", ">=", "in"}
_CONSTANTS = {"true": True, "false": False, "null": None}
_ESCAPES = {"n": "\n", "r": "\r", "t": "\t"}


class Node(NamedTuple):
    """An operation on other nodes; of a constant, a name or a field the first argument is the value or the name."""

    operation: str
    arguments: tuple[Any, ...]


class Unparsable(Exception):
    """The text uses more of CEL than is known here."""


def parse(text: str) -> Node:
    """The tree of a rule; raises Unparsable."""
    parser = _Parser(text)
    found = parser.expression()
    parser.take("")
    return found


class _Parser:
    """Reads the tokens from left to right."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.tokens = list(_tokens(text))
        self.next = 0

    @property
    def seen(self) -> str:
        return self.tokens[self.next][1]

    def take(self, wanted: str | None = None) -> str:
        found = self.seen
        if wanted is not None and found != wanted:
            raise Unparsable(f"{wanted!r} expected, not {found!r}: {self.text}")
        self.next += 1
        return found

    def expression(self) -> Node:
        condition = self._chain("||", "&&")
        if self.seen != "?":
            return condition
        self.take()
        then = self._chain("||", "&&")
        self.take(":")
        return Node("?", (condition, then, self.expression()))

    def _chain(self, sign: str, *tighter: str) -> Node:
        found = self._chain(*tighter) if tighter else self._relation()
        while self.seen == sign:
            self.take()
            found = Node(sign, (found, self._chain(*tighter) if tighter else self._relation()))
        return found

    def _relation(self) -> Node:
        found = self._sum()
        while self.seen in _RELATIONS:
            found = Node(self.take(), (found, self._sum()))
        return found

    def _sum(self) -> Node:
        found = self._unary()
        while self.seen in {"+", "-"}:
            found = Node(self.take(), (found, self._unary()))
        return found

    def _unary(self) -> Node:
        if self.seen == "!":
            self.take()
            return Node("!", (self._unary(),))
        return self._member()

    def _member(self) -> Node:
        found = self._primary()
        while self.seen in {".", "["}:
            if self.take() == "[":
                found = Node("[]", (found, self.expression()))
                self.take("]")
                continue
            name = self.take()
            if self.seen == "(":
                found = Node("call", (name, found, *self._arguments(")")))
            else:
                found = Node("field", (found, _unescaped(name)))
        return found

    def _arguments(self, end: str) -> tuple[Node, ...]:
        self.take()
        found = []
        while self.seen != end:
            found.append(self.expression())
            if self.seen != end:
                self.take(",")
        self.take(end)
        return tuple(found)

    def _primary(self) -> Node:
        kind, token = self.tokens[self.next]
        if token == "[":
            return Node("list", self._arguments("]"))
        self.take()
        if token == "(":
            found = self.expression()
            self.take(")")
            return found
        if token == "{":
            self.take("}")
            return Node("constant", ({},))
        if kind in {"raw", "text", "number"}:
            return Node("constant", (_constant(kind, token),))
        if kind != "name":
            raise Unparsable(f"{token!r} stands where a value is expected: {self.text}")
        if token in _CONSTANTS:
            return Node("constant", (_CONSTANTS[token],))
        if self.seen == "(":
            return Node("call", (token, *self._arguments(")")))
        return Node("name", (token,))


def _tokens(text: str) -> Iterator[tuple[str, str]]:
    at = 0
    while at < len(text) or not at:
        found = _TOKEN.match(text, at)
        if not found:
            raise Unparsable(f"{text[at:]!r} is not understood")
        yield str(found.lastgroup), found[str(found.lastgroup)]
        at = found.end()
    yield "end", ""


def _constant(kind: str, token: str) -> str | int:
    if kind == "number":
        return int(token)
    if kind == "raw":
        return token[4:-3]
    return re.sub(r"\\(.)", lambda found: _ESCAPES.get(found[1], found[1]), token[1:-1])


def _unescaped(name: str) -> str:
    """Fields whose names are words of CEL are written with underscores around them."""
    return name[2:-2] if name.startswith("__") and name.endswith("__") else name
