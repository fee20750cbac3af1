"""What rules say about objects: hits, and findings as hits in their context."""

from __future__ import annotations

from enum import IntEnum
from typing import Any

from msgspec import Struct

from ambimigrate.model.objects import Position, Ref


class Severity(IntEnum):
    """How bad a finding is; a greater value is worse."""

    info = 0
    warning = 1
    error = 2
    blocker = 3


class Hit(Struct, frozen=True):
    """What a rule yields: where, the sentence, and which case of its catalogue entry it is.

    `services` names the Services (namespace/name) that need a waypoint because of it; `evidence` says what proves it.
    """

    position: Position
    message: str
    case: str = "default"
    services: tuple[str, ...] = ()
    related: tuple[Position, ...] = ()
    evidence: str | None = None


class Finding(Struct, frozen=True):
    """A hit in its context: the rule and severity of its case, the object, and the meshes in which it holds."""

    rule: str
    severity: Severity
    fails_open: bool
    ref: Ref
    hit: Hit
    fix: str
    meshes: tuple[str, ...]
    fingerprint: str = ""
    suppressed: Suppression | None = None

    @property
    def order(self) -> tuple[Any, ...]:
        return (*self.hit.position.order, self.rule, self.hit.case, self.ref, self.hit.message)


class Suppression(Struct, frozen=True):
    """Why a finding does not count: by which means, the reason, the last day (ISO date) or None, and where it is said."""

    by: str  # comment | annotation | configuration
    reason: str
    expires: str | None = None
    place: Position | None = None
