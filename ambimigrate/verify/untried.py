"""Requests of the user's whose host is none of the places that were compared."""

from __future__ import annotations

from collections.abc import Iterable

from ambimigrate.model import Mesh
from ambimigrate.verify import places, requests
from ambimigrate.verify.values import Ask, Place


def untried(meshes: Iterable[Mesh], own: Iterable[Ask]) -> tuple[tuple[str, int], ...]:
    """The hosts, with the number of their requests, in order of arrival."""
    known = {name for mesh in meshes for place in places.places(mesh, mesh) if place.is_http for name in _names(place)}
    found: dict[str, int] = {}
    for ask in own:
        if ask.host.lower() not in known:
            found[ask.host] = found.get(ask.host, 0) + 1
    return tuple(found.items())


def _names(place: Place) -> tuple[str, ...]:
    return (*requests.names(place), *requests.short_names(place))
