"""The hashes of a mesh over everything that a rule can see of it: objects with their places and texts, and what is missing."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from typing import Any

import msgspec

from ambimigrate.analyse.again import Look
from ambimigrate.model import Mesh, Resource
from ambimigrate.yamlio import Document


def look(mesh: Mesh) -> Look:
    """Raises TypeError, ValueError, OverflowError or RecursionError if an object holds what cannot be written down."""
    encode = msgspec.msgpack.Encoder().encode
    texts: dict[str, bytes] = {}
    prints = (hashlib.sha256(encode(tuple(_seen(each, texts)))).digest() for each in mesh.resources)
    rest = encode((mesh.name, mesh.target, mesh.problems, mesh.source, mesh.scope))
    return Look(rest, list(_counted(prints)))


def _counted(prints: Iterator[bytes]) -> Iterator[bytes]:
    """Prints of equal objects, told apart by their order."""
    seen: dict[bytes, int] = {}
    for each in prints:
        number = seen[each] = seen.get(each, 0) + 1
        yield each if number == 1 else hashlib.sha256(b"%d %b" % (number, each)).digest()


def _seen(each: Resource[Any], texts: dict[str, bytes]) -> Iterator[Any]:
    yield (type(each.body).__name__, each.ref, each.body)
    yield (each.base, each.shared, each.overlaid, each.levels, each.addressed)
    origin = each.origin
    yield type(origin).__name__
    if not isinstance(origin, Document):
        yield origin
        return
    if origin.text not in texts:
        texts[origin.text] = hashlib.sha256(origin.text.encode(errors="surrogatepass")).digest()
    yield (origin.file, origin.start, origin.first_line, texts[origin.text])
