"""What a mesh comes to."""

from __future__ import annotations

from msgspec import Struct

from ambimigrate.model import Finding, Mesh


class End(Struct, frozen=True):
    """A mesh once changes are made, and what is found in it then."""

    mesh: Mesh
    findings: tuple[Finding, ...]
