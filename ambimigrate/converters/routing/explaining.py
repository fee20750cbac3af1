"""Refusals with a request that shows them: decided by one entry today, and by another in what would have been written."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence

from msgspec import Struct
from msgspec.structs import replace

from ambimigrate.converters.outcome import Refused
from ambimigrate.converters.routing.conditions import Condition
from ambimigrate.converters.routing.entries import shown
from ambimigrate.converters.routing.negation import LeftOut
from ambimigrate.converters.routing.order import Clash, Item, key
from ambimigrate.converters.routing.other_methods import Unnamed
from ambimigrate.converters.routing.witnesses import Asked, Place, Shown, meets, requests
from ambimigrate.model import Route

_SILENT = "invalid"  # the case of what is in no cluster as it stands: no request shows it


class Blamed(Refused):
    """A refusal by the rule of an entry; to find a request for each that is only tried would take long."""

    def __init__(self, refused: Refused, item: Item) -> None:
        super().__init__(refused.case, refused.route, refused.reason, refused.witness)
        self.refused, self.item = refused, item


class List(Struct, frozen=True):
    """The entries of a list so far, the Service port that it is for, and whether two of them do the same."""

    known: Sequence[Item]
    place: Place
    alike: Callable[[Item, Item], bool]

    def taker(self, asked: Asked) -> Item | None:
        """The entry that takes the request in a sidecar."""
        return next((each for each in self.known if meets(each.condition, asked)), None)

    def reached(self, conditions: Sequence[Condition], route: Route) -> Asked | None:
        """A request that meets the conditions and that no entry takes but the one that stands there."""
        for asked in requests(conditions, self.place):
            if all(meets(each, asked) for each in conditions):
                taker = self.taker(asked)
                if taker is None or taker.route == route[: len(taker.route)]:
                    return asked
        return None


def explained(refused: Refused, listed: List, item: Item | None = None) -> Refused:
    """The refusal of an entry or, without one, of something in the list, with a request that shows it."""
    if isinstance(refused, Blamed):
        return explained(refused.refused, listed, refused.item)
    if refused.witness is not None or refused.case == _SILENT:
        return refused
    if isinstance(refused, LeftOut):
        return _left_out(refused, listed)
    if isinstance(refused, Unnamed):
        return _unnamed(refused, listed)
    needs = [refused.needs] if isinstance(refused, Shown) else []
    if item is None and not needs:
        return refused
    conditions, route = ([item.condition, *needs], item.route) if item else (needs, refused.route)
    found = listed.reached(conditions, route)
    became = f": {refused.became}" if isinstance(refused, Shown) and refused.became else ""
    return _with(refused, f"{listed.place.written(found)}{became}" if found else None)


def _with(refused: Refused, witness: str | None) -> Refused:
    """The refusal with what shows it; what could not be proved to be exact may be so."""
    reason = refused.reason if witness else f"{refused.reason}; no request is known that shows it"
    return Refused(refused.case, refused.route, reason, witness)


def turned(pair: Clash, place: Place) -> Refused:
    """Two entries whose order turns round, with a request that both take."""
    first, other = shown(pair.first), shown(pair.overtaking)
    reason = f"{other} is the more specific match and would overtake {first}, which comes first today"
    for asked in requests((pair.first.condition, pair.overtaking.condition), place):
        taking = [each for each in pair.lines if meets(each.condition, asked)]
        if taking and taking[0].same != (then := min(taking, key=key)).same:
            return Refused("order", pair.overtaking.route, reason, _ends(place.written(asked), taking[0].item, then.item))
    return _with(Refused("order", pair.overtaking.route, reason), None)


def _ends(request: str, today: Item | None, then: Item | None) -> str:
    now, later = (shown(each) if each else "404" for each in (today, then))
    return f"{request}: today {now}, as HTTPRoute {later}"


def _left_out(refused: LeftOut, listed: List) -> Refused:
    """A request that a negative condition leaves out, best one that no later entry takes."""
    own = refused.item
    wider = replace(own.condition, without={name: each for name, each in own.condition.without.items() if name != refused.name})
    positive = Condition(headers={refused.name: own.condition.without[refused.name]})
    others = (Condition(headers=each.condition.without) for each in listed.known if each is not own)
    some = (requests((wider, positive), listed.place), requests((wider, positive, *others), listed.place))
    left = (each for each in itertools.chain(*some) if meets(wider, each) and meets(positive, each))
    found = [(each, taker) for each in left if _is_later(taker := listed.taker(each), own, listed)]
    best = next((each for each in found if each[1] is None), found[0] if found else None)
    return _with(refused, _ends(listed.place.written(best[0]), best[1], own) if best else None)


def _unnamed(refused: Unnamed, listed: List) -> Refused:
    """A request with such a method, and who else would take it."""
    own = refused.item
    for asked in requests((own.condition,), listed.place):
        taker = listed.taker(asked)
        if taker is not None and taker.route == own.route:
            then = next((each for each in listed.known if each.route != own.route and meets(each.condition, asked)), None)
            if then is None or not listed.alike(taker, then):
                return _with(refused, _ends(listed.place.written(asked), taker, then))
    return _with(refused, None)


def _is_later(taker: Item | None, own: Item, listed: List) -> bool:
    """Whether nothing or a later entry takes what the entry would, and does something else."""
    if taker is None:
        return True
    return listed.known.index(taker) > listed.known.index(own) and not listed.alike(taker, own)
