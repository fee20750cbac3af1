"""How routes hang on listeners: parents and host names within the limits of one route.

Every request comes by one listener and asks for one host, so that several routes which share them out are as one.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, TypeVar

from ambimigrate.changes import Create
from ambimigrate.converters.gateways import objects
from ambimigrate.converters.gateways.binding import ALL
from ambimigrate.converters.gateways.listeners import Listener
from ambimigrate.topology import hosts

MOST_PARENTS, MOST_NAMES = 32, 16  # Gateway API, of one route

Hook = tuple[Create, Listener]  # a new Gateway and one of its listeners
T = TypeVar("T")


def spread(hooks: Sequence[Hook], names: Sequence[str]) -> Iterator[dict[str, Any]]:
    """The beginnings of routes for these host names at these listeners, without names that none of them takes.

    Every host (`*`) is what a route without names is for, which then has no other.
    """
    every: list[Sequence[str]] = [()] if ALL in names else []
    taken = [name for name in names if name != ALL and any(hosts.meet(listener.host, name) for _, listener in hooks)]
    for own in (*every, *_batches(taken, MOST_NAMES)):
        fitting = [each for each in hooks if not own or any(hosts.meet(each[1].host, name) for name in own)]
        for some in _batches(fitting, MOST_PARENTS):
            parents = [ref for gateway, listener in some for ref in objects.parents(gateway, [listener])]
            yield {"parentRefs": parents} | ({"hostnames": [*own]} if own else {})


def narrower(one: str, other: str) -> str:
    """Of two names that meet, the one that the other covers."""
    return other if hosts.covers(one, other) else one


def _batches(members: Sequence[T], most: int) -> Iterable[Sequence[T]]:
    return (members[start : start + most] for start in range(0, len(members), most))
