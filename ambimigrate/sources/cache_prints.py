"""The hash of a mesh over everything that a rule can see of it: objects with their places and texts, and what is missing."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from typing import Any

import msgspec

from ambimigrate.model import Mesh, Resource
from ambimigrate.yamlio import Document


def fingerprint(mesh: Mesh) -> bytes:
    """Raises TypeError, ValueError, OverflowError or RecursionError if an object holds what cannot be written down."""
    encode = msgspec.msgpack.Encoder().encode
    digest = hashlib.sha256(encode((mesh.name, mesh.target, mesh.problems, mesh.source, mesh.scope, len(mesh.resources))))
    texts: dict[str, bytes] = {}
    for each in mesh.resources:
        digest.update(encode(tuple(_seen(each, texts))))
    return digest.digest()


def _seen(each: Resource[Any], texts: dict[str, bytes]) -> Iterator[Any]:
    yield from (type(each.body).__name__, each.ref, each.body, each.base, each.shared, each.overlaid, each.levels)
    origin = each.origin
    yield type(origin).__name__
    if not isinstance(origin, Document):
        yield origin
        return
    if origin.text not in texts:
        texts[origin.text] = hashlib.sha256(origin.text.encode(errors="surrogatepass")).digest()
    yield from (origin.file, origin.start, origin.first_line, texts[origin.text])
