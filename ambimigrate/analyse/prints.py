"""What a finding is known by wherever its text moves."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from typing import Any

import msgspec

from ambimigrate.model import Hit, Resource, Route


def fingerprint(rule: str, resource: Resource[Any], hit: Hit) -> str:
    """SHA-256 of rule, case, object and stable route."""
    ref = resource.ref
    parts = (rule, hit.case, ref.kind, ref.namespace, ref.name, *stable(resource.body, hit.position.route))
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()


def stable(body: Any, route: Route) -> Iterator[str]:
    """The route with list indexes replaced by the element's own name, or a hash of what it holds."""
    value = body
    for step in route:
        value = _step(value, step)
        if isinstance(step, str):
            yield step
        elif isinstance(name := _step(value, "name"), str) and name:
            yield f"[{name}]"
        else:
            yield f"[{hashlib.sha256(msgspec.json.encode(value, order='sorted')).hexdigest()[:12]}]"


def _step(value: Any, step: str | int) -> Any:
    if isinstance(step, int):
        return value[step] if isinstance(value, list | tuple) and step < len(value) else None
    if isinstance(value, dict):
        return value.get(step)
    if isinstance(value, msgspec.Struct):
        for field, name in zip(value.__struct_fields__, value.__struct_encode_fields__, strict=True):
            if name == step:
                return getattr(value, field)
    return None
