"""The flat list of rules that a VirtualService gives each port of a Service, as rules of HTTPRoutes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import Any

from msgspec import Struct, field
from msgspec.structs import replace

from ambimigrate.converters.outcome import Account, Refused
from ambimigrate.converters.routing import distribute, elements, entries, explaining, matches, other_methods
from ambimigrate.converters.routing.actions import Context, action
from ambimigrate.converters.routing.entries import Fate, Flat
from ambimigrate.converters.routing.flat import flatten
from ambimigrate.converters.routing.ladder import arranged
from ambimigrate.converters.routing.negation import expanded
from ambimigrate.converters.routing.order import Clash, Item, Line, Order, Rule, alive, key
from ambimigrate.converters.routing.repair import replaces_prefix
from ambimigrate.converters.routing.strings import ANY, EVERYTHING, EXACT, REGEX, Test
from ambimigrate.converters.routing.witnesses import Place
from ambimigrate.converters.settings import DEFAULT, Settings
from ambimigrate.kinds import Service, VirtualService
from ambimigrate.kinds.routes import HTTPRule
from ambimigrate.model import Mesh, Resource
from ambimigrate.topology import hosts
from ambimigrate.topology.protocols import carries_http
from ambimigrate.versions import at_least


class Lists(Struct, frozen=True):
    """The rules for each port that carries HTTP; none where the VirtualService says nothing.

    A list may be longer than one HTTPRoute holds: `distribute.parts` gives the rules of each.
    """

    by_port: dict[int, list[Rule]]


def port_lists(
    vs: Resource[VirtualService], service: Resource[Service], mesh: Mesh, account: Account, settings: Settings = DEFAULT
) -> Lists:
    """The rules of HTTPRoutes by port. Raises Refused."""
    ports = [each.port for each in service.body.spec.ports if carries_http(each)]
    if not ports:
        raise Refused("l4", ("spec", "http"), f"no port of {service.name} carries HTTP")
    flat = flatten(vs, mesh, account)
    fate = Fate()
    found = {port: Port(flat, mesh, hosts.host_of(service), port, settings).rules(fate) for port in ports}
    entries.note_dead(flat, fate)
    return Lists(found)


class Port(Struct, frozen=True):
    """One port of a Service; `made` are the actions that were found for it, by rule and path, `known` its entries so far."""

    flat: Flat
    mesh: Mesh
    host: str
    port: int
    settings: Settings = DEFAULT
    made: dict[tuple[int, Test, Test | None], Rule] = field(default_factory=dict)
    known: list[Item] = field(default_factory=list)

    def rules(self, fate: Fate) -> list[Rule]:
        kept = self.kept(fate)
        if not kept:
            return []
        found = self.lines(kept)
        rules = grouped(found)
        return rules if _fits(rules) else self._long(kept, found, rules)

    def kept(self, fate: Fate) -> list[Item]:
        """The entries that some request to the port reaches. Raises Refused."""
        try:
            at = f"http://{self.host}:{self.port}"
            found = elements.split(entries.items(self.flat, self.port, fate), self.flat, self.settings, at)
            known, dead = alive(map(self._noted, found))
            kept, _ = alive(expanded(known, self._alike))
            named, unnamed = other_methods.without_them(kept, self._alike)
        except Refused as refused:
            raise self.explained(refused) from None
        fate.judge(named, dead)
        fate.pass_over(unnamed)
        return named

    def _noted(self, item: Item) -> Item:
        self.known.append(item)
        return item

    def lines(self, kept: Sequence[Item]) -> list[Line]:
        """The entries as they are to be written. Raises Refused."""
        try:
            found = arranged(kept, self.act, Order())
        except Refused as refused:
            raise self.explained(refused) from None
        if isinstance(found, Clash):
            raise self.turned(found)
        return found

    def _long(self, kept: Sequence[Item], found: list[Line], rules: list[Rule]) -> list[Rule]:
        """Rules that do not fit into one route as they stand: those with the same action together, else as several routes.

        The parts of a list are in its order, so that a list of which the last parts are missing decides nothing wrongly
        while the VirtualService is still there behind it.
        """
        order = Order(strict=True)
        try:
            strict: list[Line] | Clash | None = arranged(kept, self.act, order)
        except Refused:
            strict = None
        if isinstance(strict, list) and _fits(together := grouped(_gathered(strict))):
            return together
        if not _ties(found, rules, order):
            return rules
        if not isinstance(strict, list):
            reason = f"{len(rules)} rules do not fit into one HTTPRoute, and of equal matches in several the oldest wins"
            raise Refused("size", ("spec", "http"), reason)
        return grouped(strict)

    def act(self, item: Item) -> Rule:
        """What the rule of the entry does with its path. Raises Refused."""
        place = (item.rule, item.condition.path, item.cut)
        if place not in self.made:
            self.made[place] = self._acted(item)
        return self.made[place]

    def _acted(self, item: Item) -> Rule:
        placed = self.flat[item.rule]
        owner, account = placed.owner, placed.account
        parent = hosts.service(self.mesh, self.host, owner.namespace, owner.file)
        context = Context(
            self.mesh, self.port, owner, account, parent, self.settings, lambda refused: self.explained(refused, item)
        )
        try:
            return action(_narrowed(placed.rule, item), item.condition.path, placed.route, context)
        except Refused as refused:
            raise explaining.Blamed(refused, item) from None

    def explained(self, refused: Refused, item: Item | None = None) -> Refused:
        """The refusal, of an entry or of the whole list, with a request that shows it."""
        return explaining.explained(refused, explaining.List(self.known, self.place, self._alike), item)

    def turned(self, pair: Clash) -> Refused:
        """The order that cannot be kept, with a request that shows it."""
        return explaining.turned(pair, self.place)

    @property
    def place(self) -> Place:
        return Place(self.host, self.port, joins=not at_least(self.mesh.target.istio, "1.31.0"))

    def _alike(self, one: Item, other: Item) -> bool:
        try:
            found = self.act(one)
            return str(found) == str(self.act(other)) and not replaces_prefix(found)
        except Refused:
            return False


def _narrowed(rule: HTTPRule, item: Item) -> HTTPRule:
    """The rule for some paths out of those of its entry: what the rewrite makes of them. Raises Refused."""
    rewrite, path, cut = rule.rewrite, item.condition.path, item.cut
    if cut is None or rewrite is None:
        return rule
    whole = cut.kind in {EXACT, REGEX} or cut.text == EVERYTHING  # the rewrite replaces the whole path
    if rewrite.uri_regex_rewrite is not None or (rewrite.uri and whole and path.kind not in {EXACT, REGEX}):
        raise Refused("rewrite", item.route, "the rewrite of a pattern has no form for a part of its paths")
    if not rewrite.uri or whole:
        return rule
    if path.fold or (path.kind not in {EXACT, ANY} and path.kind != cut.kind):
        raise Refused("rewrite", item.route, "the rewrite of a prefix has no form for a pattern inside it")
    prefix = cut.text or "/"
    became = rewrite.uri + path.text[len(prefix) :]
    return replace(rule, rewrite=replace(rewrite, uri="" if became == path.text else became))


def _fits(rules: Sequence[Rule]) -> bool:
    return len(distribute.parts(rules)) == 1


def _gathered(lines: Sequence[Line]) -> list[Line]:
    """The lines that do the same side by side, for lists whose order is in their ranks alone; their rules become one."""
    found: dict[str, list[Line]] = {}
    for each in lines:
        found.setdefault(each.same, []).append(each)
    return [replace(each, item=replace(each.item, rule=same[0].item.rule)) for same in found.values() for each in same]


def grouped(lines: Sequence[Line]) -> list[Rule]:
    """The rules, neighbours with the same rule together."""
    return [
        rule for _, members in groupby(lines, key=lambda each: (each.item.rule, each.same)) for rule in _rules(list(members))
    ]


def _rules(members: list[Line]) -> Iterator[Rule]:
    found = []
    for each in members:
        match = matches.written(each.condition, each.item.names, {"type": each.type, "value": each.value})
        matches.check_limits(match, each.item.route)
        found.append(match)
    own: dict[str, Any] = members[0].action
    for some in [[each] for each in found] if replaces_prefix(own) else [found]:  # only one match may be beside it
        yield {"matches": some, **own}


def _ties(lines: Sequence[Line], rules: Sequence[Rule], order: Order) -> bool:
    """Whether lines in several HTTPRoutes rank equal, so that their age would decide between different rules."""
    sizes = [sum(len(rule["matches"]) for rule in part) for part in distribute.parts(rules)]
    places = [number for number, size in enumerate(sizes) for _ in range(size)]
    placed = [(line, key(line)) for line in lines]
    return any(
        places[i] != places[j] and first[1] == placed[j][1] and order.turns(first, placed[j])
        for i, first in enumerate(placed if len(sizes) > 1 else ())
        for j in range(i + 1, len(placed))
    )
