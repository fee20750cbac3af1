"""Requests that somebody recorded, one JSON object a line: method, path, authority or host, headers."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from ambimigrate.model import Problem
from ambimigrate.verify.values import Ask

# How Envoy's JSON access log of Istio's default format calls them, and what people write.
_METHOD, _PATH, _HOST = ("method", ":method"), ("path", "url", ":path"), ("authority", "host", ":authority")


def recorded(file: str, text: str) -> tuple[tuple[Ask, ...], tuple[Problem, ...]]:
    """The requests, each once, and a problem for each line without one."""
    found: dict[Ask, None] = {}
    problems: list[Problem] = []
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip():
            continue
        ask = _ask(line)
        if ask is None:
            problems.append(Problem("no request: a JSON object with path and authority is wanted", file, number))
        else:
            found.setdefault(ask)
    return tuple(found), tuple(problems)


def _ask(line: str) -> Ask | None:
    try:
        tree = json.loads(line)
    except ValueError:
        return None
    if not isinstance(tree, dict):
        return None
    path, host, method = (_text(tree, names) for names in (_PATH, _HOST, _METHOD))
    if not path.startswith("/") or not host:
        return None
    return Ask(method or "GET", path, host, tuple(_headers(tree.get("headers"))))


def _text(tree: dict[str, Any], names: Iterable[str]) -> str:
    return next((value for name in names if isinstance(value := tree.get(name), str)), "")


def _headers(tree: Any) -> list[tuple[str, str]]:
    """As an object, or as pairs, where a header has several lines."""
    pairs = tree.items() if isinstance(tree, dict) else tree if isinstance(tree, list) else ()
    pairs = [tuple(each) for each in pairs if isinstance(each, list | tuple)]
    return [(each[0].lower(), each[1]) for each in pairs if len(each) == 2 and all(isinstance(one, str) for one in each)]
