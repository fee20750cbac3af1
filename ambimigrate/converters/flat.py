"""The rules of a VirtualService as a sidecar sees them: one list, each rule with the object and the field that it stands in."""

from __future__ import annotations

from collections.abc import Iterator

from msgspec import Struct

from ambimigrate.converters.outcome import Account
from ambimigrate.kinds import VirtualService
from ambimigrate.kinds.routes import HTTPMatch, HTTPRule
from ambimigrate.model import Mesh, Resource, Route


class Placed(Struct, frozen=True):
    """A rule of the list, where its fields stand, and what of them was carried; `matches` are its entries with their places.

    No entry at all means every request. Names in the rule are those of `owner`'s namespace.
    """

    rule: HTTPRule
    route: Route
    matches: tuple[tuple[HTTPMatch, Route], ...]
    owner: Resource[VirtualService]
    account: Account


def flatten(vs: Resource[VirtualService], _mesh: Mesh, account: Account) -> tuple[Placed, ...]:
    """The rules in order. Raises Refused."""
    return tuple(_own(vs, account))


def _own(vs: Resource[VirtualService], account: Account) -> Iterator[Placed]:
    for i, rule in enumerate(vs.body.spec.http):
        route: Route = ("spec", "http", i)
        entries = tuple((match, (*route, "match", j)) for j, match in enumerate(rule.match))
        yield Placed(rule, route, entries, vs, account)
