"""The rules of a VirtualService as a sidecar sees them: one list, each rule with the object and the field that it stands in."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec
from msgspec import Struct, field
from msgspec.structs import replace

from ambimigrate.converters.outcome import Account, leaves, written
from ambimigrate.converters.routing import delegates
from ambimigrate.kinds import VirtualService
from ambimigrate.kinds.routes import HTTPMatch, HTTPRule
from ambimigrate.model import Mesh, Resource, Route
from ambimigrate.topology import hosts
from ambimigrate.topology.virtualservices import MESH


class Placed(Struct, frozen=True):
    """A rule of the list, where its fields stand, and what of them was carried; `matches` are its entries with their places.

    No entry at all means every request. Names in the rule are those of `owner`'s namespace.
    """

    rule: HTTPRule
    route: Route
    matches: tuple[tuple[HTTPMatch, Route], ...]
    owner: Resource[VirtualService]
    account: Account


class Ledger(Account):
    """The account of a VirtualService, with those of its delegates."""

    others: dict[int, tuple[Resource[VirtualService], Account]] = field(default_factory=dict)

    def of(self, delegate: Resource[VirtualService]) -> Account:
        """The account of a delegate."""
        return self.others.setdefault(id(delegate), (delegate, Account()))[1]


class Head(str):
    """The first step of a route through a delegate; it remembers the delegate, and where a field stands that it lacks."""

    __slots__ = ("instead", "owner", "size")
    owner: Resource[VirtualService]
    instead: tuple[Resource[VirtualService], Route] | None
    size: int


def _below(owner: Resource[VirtualService], route: Route, root: Resource[VirtualService], instead: Route | None) -> Route:
    head = Head(route[0])
    head.owner, head.size = owner, len(route)
    head.instead = (root, instead) if instead is not None else None
    return (head, *route[1:])


def place(vs: Resource[VirtualService], route: Route) -> tuple[Resource[VirtualService], Route]:
    """The object and the field that a route means: of the VirtualService, of its delegate, or of what the delegate inherits."""
    if not route or not isinstance(route[0], Head):
        return vs, route
    head, plain = route[0], (str(route[0]), *route[1:])
    if head.instead and len(plain) > head.size and not _stands(head.owner, plain[: head.size + 1]):
        return head.instead[0], (*head.instead[1], *plain[head.size :])
    return head.owner, plain


def heading(route: Route) -> str:
    """The delegate that a route goes through, in words that follow the name of a field; nothing without one."""
    return f" of {route[0].owner.name}" if route and isinstance(route[0], Head) else ""


def _stands(owner: Resource[VirtualService], route: Route) -> bool:
    return any(leaf[: len(route)] == route for leaf in leaves(written(owner).get("spec"), ("spec",)))


def flatten(vs: Resource[VirtualService], mesh: Mesh, account: Account) -> tuple[Placed, ...]:
    """The rules in order. Raises Refused."""
    return tuple(_all(vs, mesh, account))


def _all(vs: Resource[VirtualService], mesh: Mesh, account: Account) -> Iterator[Placed]:
    for i, rule in enumerate(vs.body.spec.http):
        route: Route = ("spec", "http", i)
        if rule.delegate is not None:
            yield from _delegated(vs, rule, route, mesh, account)
            continue
        entries = tuple((match, (*route, "match", j)) for j, match in enumerate(rule.match))
        yield Placed(rule, route, entries, vs, account)


def _delegated(vs: Resource[VirtualService], rule: HTTPRule, route: Route, mesh: Mesh, account: Account) -> Iterator[Placed]:
    """The rules of the delegate in the place of the rule; without a delegate that can be seen it is not there at all."""
    delegate = delegates.found(rule, vs, mesh)
    if isinstance(delegate, str):
        account.left[route] = delegate
        return
    account.carry(route, "name", "delegate")
    own = account.of(delegate) if isinstance(account, Ledger) else Account()
    for name in ("hosts", "gateways", "exportTo"):
        own.carry(("spec", name))
    used: set[int] = set()
    needed: set[str] = set()
    for each in delegates.merged(rule, delegate.body.spec.http):
        if isinstance(each, int):
            own.left[("spec", "http", each)] = f"it does not fit into http[{route[2]}] of {vs.name}, so Istio leaves it out"
            continue
        used |= {pair.root for pair in each.pairs if pair.root is not None}
        needed |= set(each.inherited)
        yield _placed(each, delegate, own, vs, route)
    _close(account, rule, route, used, needed)


def _placed(
    each: delegates.Merged, delegate: Resource[VirtualService], own: Account, vs: Resource[VirtualService], root: Route
) -> Placed:
    here: Route = ("spec", "http", each.number)
    entries = []
    for pair in each.pairs:
        instead = None if pair.root is None else (*root, "match", pair.root)
        at = here if pair.leaf is None else (*here, "match", pair.leaf)
        entries.append((pair.match, _below(delegate, at, vs, instead)))
    return Placed(_completed(each, vs), _below(delegate, here, vs, root), tuple(entries), delegate, own)


def _completed(each: delegates.Merged, vs: Resource[VirtualService]) -> HTTPRule:
    """The rule with the root's mirrors under their full names: Istio completes names before it merges."""
    rule = each.rule
    if "mirror" in each.inherited and rule.mirror is not None:
        rule = replace(rule, mirror=replace(rule.mirror, host=hosts.full_name(rule.mirror.host, vs.namespace)))
    if "mirrors" in each.inherited:
        named = tuple(
            replace(one, destination=replace(one.destination, host=hosts.full_name(one.destination.host, vs.namespace)))
            for one in rule.mirrors
        )
        rule = replace(rule, mirrors=named)
    return rule


def _close(account: Account, rule: HTTPRule, route: Route, used: set[int], needed: set[str]) -> None:
    """What of the root's rule went into the delegate's, and what Istio drops."""
    spelt = msgspec.structs.fields(HTTPRule)
    for info in spelt:
        value: Any = getattr(rule, info.name)
        if info.name in {"match", "name", "delegate"} or value in (None, ()):
            continue
        if info.name in needed:
            account.carry(route, info.encode_name)
        else:
            account.left[(*route, info.encode_name)] = "every rule of the delegate has its own"
    for number in range(len(rule.match)):
        if number in used:
            account.carry((*route, "match", number))
        else:
            account.left[(*route, "match", number)] = "no rule of the delegate fits into it"


def speaks(flat: tuple[Placed, ...], port: int) -> bool:
    """Whether any rule is left for the port; without one Istio passes the VirtualService over (pilot route.go)."""
    return any(not placed.matches or any(applies(match, port) for match, _ in placed.matches) for placed in flat)


def applies(match: HTTPMatch, port: int) -> bool:
    """Whether the entry is for the mesh and for the port."""
    return match.port in {None, 0, port} and (not match.gateways or MESH in match.gateways)
