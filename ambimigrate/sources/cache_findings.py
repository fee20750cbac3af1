"""Analyses remembered by a hash of the meshes that they are about: what equals all that a rule can see has them again."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec import Struct

from ambimigrate.analyse.again import Study, studied
from ambimigrate.model import Mesh
from ambimigrate.sources.cache import Store
from ambimigrate.sources.cache_prints import look


class Studied(Struct, frozen=True):
    """An analysis, and the name of its entry."""

    key: str
    study: Study


def study(meshes: Sequence[Mesh], store: Store, before: Study | None = None) -> Studied | None:
    """The analysis of the meshes, with what is left of an earlier one; None where it cannot be written down."""
    try:
        looks = [look(mesh) for mesh in meshes]
    except (TypeError, ValueError, OverflowError, RecursionError):
        return None
    key = store.key("findings", looks)
    found = store.found(key, Study)
    if found is None:
        found = studied(meshes, looks, before)
        store.keep(key, found)
    return Studied(key, found)
