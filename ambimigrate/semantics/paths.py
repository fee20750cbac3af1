"""Paths as Envoy sees them: normalized as the mesh says, split from their query, and the query's parameters."""

from __future__ import annotations

import re

from ambimigrate.model import Mesh
from ambimigrate.topology import meshconfig

_ESCAPE = re.compile(r"%([0-9A-Fa-f]{2})")
_UNRESERVED = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~")
_SLASHES = {"2f": "/", "5c": "\\"}


def normalized(mesh: Mesh, path: str) -> str:
    """The path after the mesh's `pathNormalization`, BASE unless it is set."""
    return normalize(path, mesh.index(_mode))


def _mode(mesh: Mesh) -> str:
    found = (each.value for each in meshconfig.settings(mesh, "pathNormalization", "normalization"))
    return next((value for value in found if isinstance(value, str) and value != "DEFAULT"), "BASE")


def normalize(path: str, mode: str = "BASE") -> str:
    """BASE resolves dot segments, turns backslashes and decodes unreserved characters; slashes stay as they are.

    Istio, pilot/pkg/networking/core/listener_builder.go; Envoy, source/common/http/path_utility.cc. The query is left alone.
    """
    if mode == "NONE":
        return path
    path = path.partition("#")[0]
    plain, mark, query = path.partition("?")
    if mode == "DECODE_AND_MERGE_SLASHES":
        plain = _ESCAPE.sub(lambda found: _SLASHES.get(found[1].lower(), found[0]), plain)
    plain = _ESCAPE.sub(_decoded, plain).replace("\\", "/")
    plain = _without_dots(plain)
    if mode in {"MERGE_SLASHES", "DECODE_AND_MERGE_SLASHES"}:
        plain = re.sub("/+", "/", plain)
    return plain + mark + query


def _decoded(found: re.Match[str]) -> str:
    character = chr(int(found[1], 16))
    return character if character in _UNRESERVED else found[0]


def _without_dots(path: str) -> str:
    """RFC 3986, 5.2.4; empty segments count."""
    if "/." not in path:
        return path
    kept: list[str] = []
    segments = path.split("/")[1:]
    for segment in segments:
        if segment == "..":
            del kept[-1:]
        elif segment != ".":
            kept.append(segment)
    if segments[-1] in {".", ".."}:
        kept.append("")
    return "/" + "/".join(kept)


def split(path: str) -> tuple[str, str]:
    """The path proper, and the query with its question mark."""
    plain, mark, query = path.partition("?")
    return plain, mark + query


def parameters(path: str) -> dict[str, str]:
    """The query's parameters, undecoded; of a repeated one the first."""
    found: dict[str, str] = {}
    for part in path.partition("?")[2].split("&"):
        name, _, value = part.partition("=")
        if part:
            found.setdefault(name, value)
    return found
