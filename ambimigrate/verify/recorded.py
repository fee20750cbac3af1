"""Requests that somebody recorded: Envoy's JSON access log, a HAR file of a browser, or JSON lines of one's own."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

from msgspec import Struct

from ambimigrate.model import Problem
from ambimigrate.semantics.decision import Headers
from ambimigrate.verify.values import Ask

# How Envoy's JSON access log of Istio's default format calls them, and what people write.
_METHOD, _PATH, _HOST = ("method", ":method"), ("path", "url", ":path"), ("authority", "host", ":authority")
_LOGGED = {"user_agent": "user-agent", "x_forwarded_for": "x-forwarded-for"}  # headers that the default format has
_ABSENT = {"", "-"}


class Recorded(Struct, frozen=True):
    """The requests, each once, what holds none, and the number of connections that carried no HTTP."""

    asks: tuple[Ask, ...]
    problems: tuple[Problem, ...] = ()
    connections: int = 0


def recorded(file: str, text: str) -> Recorded:
    """What a file holds, by its content."""
    try:
        tree = json.loads(text)
    except ValueError:
        return _lines(file, text)
    if isinstance(tree, dict) and isinstance(tree.get("log"), dict):
        return _har(file, tree["log"])
    return _listed(file, list(enumerate(tree, 1))) if isinstance(tree, list) else _lines(file, text)


def _lines(file: str, text: str) -> Recorded:
    lines = ((number, line) for number, line in enumerate(text.splitlines(), 1) if line.strip())
    return _listed(file, [(number, _loaded(line)) for number, line in lines])


def _loaded(line: str) -> Any:
    try:
        return json.loads(line)
    except ValueError:
        return None


def _listed(file: str, entries: list[tuple[int, Any]]) -> Recorded:
    found: dict[Ask, None] = {}
    problems: list[Problem] = []
    connections = 0
    for number, tree in entries:
        ask = _ask(tree)
        if ask is not None:
            found.setdefault(ask)
        elif _is_connection(tree):
            connections += 1
        else:
            problems.append(Problem("no request: a JSON object with path and authority is wanted", file, number))
    return Recorded(tuple(found), tuple(problems), connections)


def _is_connection(tree: Any) -> bool:
    """Envoy logs TCP in the same format, without method and path."""
    return isinstance(tree, dict) and "upstream_cluster" in tree and (tree.get("method") or "-") == "-"


def _har(file: str, log: dict[str, Any]) -> Recorded:
    """HTTP Archive 1.2: log.entries[].request with method, url, and headers as a list of name and value."""
    entries = log.get("entries")
    requests = (
        [each.get("request") if isinstance(each, dict) else None for each in entries] if isinstance(entries, list) else []
    )
    found = _listed(file, list(enumerate(requests, 1)))
    wrong = tuple(Problem(f"entry {each.line} holds no request with a URL", file) for each in found.problems)
    return Recorded(found.asks, wrong or (() if requests else (Problem("the HAR file has no entries", file),)))


def _ask(tree: Any) -> Ask | None:
    if not isinstance(tree, dict):
        return None
    path, host, method = (_text(tree, names) for names in (_PATH, _HOST, _METHOD))
    if "://" in path:
        url = urlsplit(path)
        host = host or url.netloc.rpartition("@")[2]
        path = (url.path or "/") + (f"?{url.query}" if url.query else "")
    if not path.startswith("/") or not host:
        return None
    return Ask(method or "GET", path, host, tuple(_headers(tree)))


def _text(tree: dict[str, Any], names: tuple[str, ...]) -> str:
    values = (tree.get(name) for name in names)
    return next((value for value in values if isinstance(value, str) and value not in _ABSENT), "")


def _headers(tree: dict[str, Any]) -> Headers:
    """As an object, as pairs, or as a list of name and value, which may have several lines for a header."""
    listed = tree.get("headers")
    pairs: Iterator[Any] = iter(())
    if isinstance(listed, dict):
        pairs = iter(listed.items())
    elif isinstance(listed, list):
        pairs = ((each.get("name"), each.get("value")) if isinstance(each, dict) else each for each in listed)
    logged = ((name, tree.get(key)) for key, name in _LOGGED.items())
    every = [*(each for each in pairs if isinstance(each, list | tuple) and len(each) == 2), *logged]
    texts = ((name.lower(), value) for name, value in every if isinstance(name, str) and isinstance(value, str))
    return tuple((name, value) for name, value in texts if not name.startswith(":") and name != "host" and value not in _ABSENT)
