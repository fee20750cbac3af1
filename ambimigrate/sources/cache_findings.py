"""Findings remembered by a hash of the meshes that they are about: what equals all that a rule can see has them again."""

from __future__ import annotations

from collections.abc import Iterable

from ambimigrate.analyse import analyse
from ambimigrate.model import Finding, Mesh
from ambimigrate.sources.cache import Store
from ambimigrate.sources.cache_prints import fingerprint


def findings(meshes: Iterable[Mesh], store: Store) -> tuple[Finding, ...]:
    """What `analyse` finds in the meshes."""
    meshes = tuple(meshes)
    if store.folder is None:
        return analyse(meshes)
    try:
        key = store.key("findings", [fingerprint(mesh) for mesh in meshes])
    except (TypeError, ValueError, OverflowError, RecursionError):
        return analyse(meshes)  # an object holds what cannot be written down
    return store.recall(key, tuple[Finding, ...], lambda: analyse(meshes))
