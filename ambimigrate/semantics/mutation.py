"""Header changes as Envoy carries them out, and the format strings in their values."""

from __future__ import annotations

import re
from functools import lru_cache

from msgspec import Struct

from ambimigrate.semantics.decision import Headers

_OPERATOR = re.compile(r"%%|%([A-Z_]+)(?:\(([^)]*)\))?(?::(\d+))?%")


class Mutation(Struct, frozen=True):
    """The header changes of one level: all removals come first, then what is set, then what is added."""

    remove: tuple[str, ...] = ()
    set: Headers = ()
    add: Headers = ()

    def then(self, other: Mutation) -> Mutation:
        """The lists of two levels made one."""
        return Mutation(self.remove + other.remove, self.set + other.set, self.add + other.add)


class Message(Struct, frozen=True):
    """A request or a response on its way; `headers` holds no pseudo headers, and names in lower case."""

    headers: Headers
    method: str = ""
    path: str = ""
    host: str = ""
    scheme: str = "http"

    def values(self, name: str) -> tuple[str, ...]:
        """The lines of a header, pseudo headers included."""
        match name:
            case ":method":
                return (self.method,)
            case ":path":
                return (self.path,)
            case ":authority" | "host":
                return (self.host,)
            case ":scheme":
                return (self.scheme,)
            case _:
                return tuple(value for key, value in self.headers if key == name)


NOTHING = Mutation()


def mutated(headers: Headers, mutation: Mutation, request: Message) -> Headers:
    """The headers after the changes; a value that comes out empty is skipped.

    `request` is what format strings see. Where the request itself is changed, what is removed of it is gone by then, and what
    is set is not there yet (Envoy, source/common/router/header_parser.cc `evaluateHeaders`).
    """
    if mutation == NOTHING:
        return headers
    left = list(without(headers, mutation.remove))
    seen = Message(tuple(left), request.method, request.path, request.host, request.scheme)
    for name, form in mutation.set:
        if value := formatted(form, request, seen):
            left = [each for each in left if each[0] != name.lower()] + [(name.lower(), value)]
    for name, form in mutation.add:
        if value := formatted(form, request, seen):
            left.append((name.lower(), value))
    return tuple(left)


def without(headers: Headers, names: tuple[str, ...]) -> Headers:
    """The headers but for those of these names."""
    gone = {name.lower() for name in names}
    return tuple(each for each in headers if each[0] not in gone) if gone else headers


@lru_cache(maxsize=4096)
def lowered(headers: Headers) -> Headers:
    """Names in lower case and sorted, lines of one name in their order; blanks around values are no part of them."""
    plain = ((name.lower(), value.strip(" \t")) for name, value in headers)
    return tuple(sorted(plain, key=lambda each: each[0]))


def formatted(form: str, request: Message, response: Message) -> str:
    """The value of a format string; an operator that we cannot know here (an address, a time) stays as it is written."""
    if "%" not in form:
        return form

    def replaced(found: re.Match[str]) -> str:
        operator, argument, length = found[1], found[2] or "", found[3]
        if operator is None:
            return "%"
        if operator not in {"REQ", "RESP"}:
            return found[0]
        message = request if operator == "REQ" else response
        names = argument.lower().split("?")
        value = next((lines[0] for name in names if (lines := message.values(name))), "")
        return value[: int(length)] if length else value

    return _OPERATOR.sub(replaced, form)
