"""Makes trees of namespaces of which no two are alike: their workloads, policies and routes all differ."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from random import Random
from typing import Any

from ambimigrate.yamlio import write

Tree = dict[str, Any]
_METHODS = ("GET", "POST", "PUT", "DELETE", "PATCH")
_WORDS = ("orders", "carts", "users", "reports", "items", "prices", "stock", "mail", "search", "admin")
_LEVELS = 5


def tree(root: Path, count: int) -> Path:
    """A file for each of so many namespaces, called by some of those a level above."""
    for number in range(count):
        chance = Random(number)
        callers = _callers(number, count, chance)
        text = "---\n".join(write.text(each) for each in _namespace(number, callers, chance))
        (root / f"ns-{number:03}.yaml").write_text(text, encoding="utf-8")
    return root


def _callers(number: int, count: int, chance: Random) -> list[int]:
    size = max(count // _LEVELS, 1)
    above = range(number // size * size)
    return sorted(chance.sample(above, min(len(above), chance.randint(1, 4))))


def _namespace(number: int, callers: list[int], chance: Random) -> Iterator[Tree]:
    name = f"ns-{number:03}"
    yield {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": {"istio-injection": "enabled"}}}
    mode = {"mtls": {"mode": chance.choice(("STRICT", "PERMISSIVE"))}}
    yield _of("security.istio.io/v1", "PeerAuthentication", name, "default", mode)
    for each in range(2 + chance.randrange(3)):
        app = f"{chance.choice(_WORDS)}-{each}" if each else "front"
        yield from _app(name, app, 8000 + chance.randrange(900))
        yield from _policies(name, app, callers, chance)
        yield from _routes(name, app, chance)


def _app(name: str, app: str, port: int) -> Iterator[Tree]:
    container = {"name": app, "image": app, "ports": [{"containerPort": port}]}
    pod = {"metadata": {"labels": {"app": app}}, "spec": {"serviceAccountName": app, "containers": [container]}}
    yield _of("apps/v1", "Deployment", name, app, {"selector": {"matchLabels": {"app": app}}, "template": pod})
    yield _of(
        "v1", "Service", name, app, {"selector": {"app": app}, "ports": [{"name": "http", "port": 80, "targetPort": port}]}
    )


def _policies(name: str, app: str, callers: list[int], chance: Random) -> Iterator[Tree]:
    selector = {"matchLabels": {"app": app}}
    who = [f"cluster.local/ns/ns-{each:03}/sa/front" for each in callers] or [f"cluster.local/ns/{name}/sa/front"]
    rules = [
        {
            "from": [{"source": {"principals": chance.sample(who, chance.randint(1, len(who)))}}],
            "to": [{"operation": {"methods": chance.sample(_METHODS, 2), "paths": [_path(chance), f"{_path(chance)}*"]}}],
        }
        for _ in range(chance.randint(1, 3))
    ]
    yield _of("security.istio.io/v1", "AuthorizationPolicy", name, f"{app}-callers", {"selector": selector, "rules": rules})
    if chance.random() < 0.5:
        denied = [{"to": [{"operation": {"paths": [f"{_path(chance)}*"], "methods": [chance.choice(_METHODS)]}}]}]
        spec = {"selector": selector, "action": "DENY", "rules": denied}
        yield _of("security.istio.io/v1", "AuthorizationPolicy", name, f"{app}-never", spec)


def _path(chance: Random) -> str:
    return f"/{chance.choice(_WORDS)}/v{chance.randint(1, 9)}/{chance.choice(_WORDS)}"


def _routes(name: str, app: str, chance: Random) -> Iterator[Tree]:
    if chance.random() < 0.4:
        first = {
            "match": [{"uri": {"prefix": f"{_path(chance)}/"}}],
            "headers": {"request": {"set": {"x-from": chance.choice(_WORDS)}}},
            "route": [{"destination": {"host": app}}],
        }
        rest = {"timeout": f"{chance.randint(2, 30)}s", "route": [{"destination": {"host": app}}]}
        yield _of("networking.istio.io/v1", "VirtualService", name, app, {"hosts": [app], "http": [first, rest]})


def _of(version: str, kind: str, namespace: str, name: str, spec: Tree) -> Tree:
    return {"apiVersion": version, "kind": kind, "metadata": {"name": name, "namespace": namespace}, "spec": spec}
