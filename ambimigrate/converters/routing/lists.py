"""The flat list of rules that a VirtualService gives each port of a Service, as rules of HTTPRoutes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import Any

from msgspec import Struct, field
from msgspec.structs import replace

from ambimigrate.converters.outcome import Account, Refused
from ambimigrate.converters.routing import distribute, entries, matches
from ambimigrate.converters.routing.actions import Context, action
from ambimigrate.converters.routing.conditions import Condition, both
from ambimigrate.converters.routing.entries import Fate, Flat, shown
from ambimigrate.converters.routing.flat import flatten
from ambimigrate.converters.routing.ladder import arranged
from ambimigrate.converters.routing.negation import expanded
from ambimigrate.converters.routing.order import Clash, Item, Line, Order, Rule, alive, key
from ambimigrate.converters.routing.repair import replaces_prefix
from ambimigrate.converters.routing.samples import sample
from ambimigrate.converters.routing.strings import ANY, EVERYTHING, EXACT, REGEX, Test
from ambimigrate.converters.settings import DEFAULT, Settings
from ambimigrate.kinds import Service, VirtualService
from ambimigrate.kinds.routes import HTTPRule
from ambimigrate.model import Mesh, Resource
from ambimigrate.topology import hosts
from ambimigrate.topology.protocols import carries_http


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
    """One port of a Service; `made` are the actions that were found for it, by rule and path."""

    flat: Flat
    mesh: Mesh
    host: str
    port: int
    settings: Settings = DEFAULT
    made: dict[tuple[int, Test, Test | None], Rule] = field(default_factory=dict)

    def show(self, condition: Condition) -> str:
        """A request that meets the condition."""
        return sample(condition, self.host, self.port)

    def rules(self, fate: Fate) -> list[Rule]:
        kept = self.kept(fate)
        if not kept:
            return []
        found = self.lines(kept)
        rules = _grouped(found)
        return rules if _fits(rules) else self._long(kept, found, rules)

    def kept(self, fate: Fate) -> list[Item]:
        """The entries that some request to the port reaches. Raises Refused."""
        known, dead = alive(entries.items(self.flat, self.port, fate))
        kept, _ = alive(expanded(known, self.show))
        fate.judge(kept, dead)
        return kept

    def lines(self, kept: Sequence[Item]) -> list[Line]:
        """The entries as they are to be written. Raises Refused."""
        found = arranged(kept, self.act, Order())
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
        if isinstance(strict, list) and _fits(together := _grouped(_gathered(strict))):
            return together
        if not _ties(found, rules, order):
            return rules
        if not isinstance(strict, list):
            reason = f"{len(rules)} rules do not fit into one HTTPRoute, and of equal matches in several the oldest wins"
            raise Refused("size", ("spec", "http"), reason)
        return _grouped(strict)

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
        try:
            rule = _narrowed(placed.rule, item)
            return action(
                rule, item.condition.path, placed.route, Context(self.mesh, self.port, owner, account, parent, self.settings)
            )
        except Refused as refused:
            witness = refused.witness or self.show(item.condition)
            raise Refused(refused.case, refused.route, refused.reason, witness) from None

    def turned(self, pair: Clash) -> Refused:
        """The order that cannot be kept, with a request that shows it."""
        first, other = (shown(each) for each in (pair.first, pair.overtaking))
        request = self.show(both(pair.first.condition, pair.overtaking.condition) or pair.overtaking.condition)
        reason = f"{other} is the more specific match and would overtake {first}, which comes first today"
        return Refused("order", pair.overtaking.route, reason, f"{request}: today {first}, as HTTPRoute {other}")


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


def _grouped(lines: Sequence[Line]) -> list[Rule]:
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
