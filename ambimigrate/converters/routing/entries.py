"""The entries that a sidecar keeps for one port of a Service, and why the others are left out."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from msgspec import Struct, field

from ambimigrate.converters.routing import matches
from ambimigrate.converters.routing.conditions import Condition
from ambimigrate.converters.routing.flat import Placed, heading
from ambimigrate.converters.routing.order import Dead, Item
from ambimigrate.kinds.routes import HTTPMatch
from ambimigrate.model import Route
from ambimigrate.topology.virtualservices import MESH

Flat = tuple[Placed, ...]
Key = tuple[int, Route]  # number of the rule in the list, and where its entry stands


class Fate(Struct):
    """Which entries some port uses, and why others are left out."""

    live: set[Key] = field(default_factory=set)
    gone: dict[Key, str] = field(default_factory=dict)

    def judge(self, kept: Sequence[Item], dead: Sequence[Dead]) -> None:
        """Notes what became of the entries for one port."""
        self.live |= {(each.rule, each.route) for each in kept}
        self.gone |= {(each.item.rule, each.item.route): _why(each) for each in dead}

    def pass_over(self, items: Sequence[Item]) -> None:
        """Notes entries that are not written since later ones do the same."""
        self.gone |= {
            (each.rule, each.route): "the rules after it do the same with requests of these methods" for each in items
        }


def shown(item: Item) -> str:
    """The rule of an entry in words, with the delegate that it stands in."""
    return f"http[{item.route[2]}]{heading(item.route)}"


def _why(dead: Dead) -> str:
    by = dead.by.route
    entry = f"http[{by[2]}]{f'.match[{by[4]}]' if len(by) > 4 else ''}{heading(by)}"
    return f"no request reaches it: {entry} before it takes them all"


def items(flat: Flat, port: int, fate: Fate) -> Iterator[Item]:
    """The entries that a sidecar keeps for the port (route.go `BuildHTTPRoutesForVirtualService`). Raises Refused."""
    for i, placed in enumerate(flat):
        if not placed.matches:
            yield Item(i, placed.route, Condition(), {})
            return
        for match, here in placed.matches:
            if reason := _absent(match, port):
                fate.gone.setdefault((i, here), reason)
                continue
            found = matches.conditions(match, here, placed.account)
            if not found:
                fate.gone.setdefault((i, here), "plain HTTP never has this scheme")
            names = {name.lower(): name for name in (*match.without_headers, *match.headers)} | {"host": "Host"}
            yield from (Item(i, here, each, names) for each in found)
            if any(each.is_catch_all for each in found):
                return


def _absent(match: HTTPMatch, port: int) -> str | None:
    if match.gateways and MESH not in match.gateways:
        return "it is for gateways only"
    if match.port and match.port != port:
        return f"no port of the Service that carries HTTP is {match.port}"
    return None


def note_dead(flat: Flat, fate: Fate) -> None:
    """What lies in entries that no port uses is left out with the reason."""
    for i, placed in enumerate(flat):
        entries = [(i, route) for _, route in placed.matches] or [(i, placed.route)]
        dead = [each for each in entries if each not in fate.live]
        if len(dead) == len(entries):
            placed.account.left[placed.route] = next(
                (fate.gone[each] for each in dead if each in fate.gone),
                "no request reaches it: a rule before it takes them all",
            )
        else:
            for each in dead:
                placed.account.left[each[1]] = fate.gone.get(each, "no request reaches it: an entry before it takes them all")
