"""The reason why a namespace is held, as an entry of the report."""

from __future__ import annotations

from typing import Any

from ambimigrate import catalogue
from ambimigrate.changes import Held
from ambimigrate.model import Mesh, Position, Ref, Resource
from ambimigrate.topology import injection


def reason(mesh: Mesh, namespace: str, rule: str, text: str, subject: Resource[Any] | None = None) -> Held:
    """A reason that lies with a namespace as a whole, or with the object named."""
    ref = subject.ref if subject else Ref("Namespace", "", "", namespace)
    position = subject.at() if subject else _position(mesh, namespace)
    return Held(mesh.name, namespace, ref, position, text, (rule,), None, catalogue.entry(rule).cases["default"].fix)


def _position(mesh: Mesh, namespace: str) -> Position:
    own: Resource[Any] | None = injection.namespaces(mesh).get(namespace)
    first = own or next(iter(injection.by_namespace(mesh).get(namespace, ())), None)
    return first.at() if first else Position("", None, None)
