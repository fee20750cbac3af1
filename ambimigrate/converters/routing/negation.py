"""Conditions that ask for the absence of a header: what is left out goes first, to the rules that take it today."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from msgspec import Struct
from msgspec.structs import replace

from ambimigrate.converters.outcome import Refused
from ambimigrate.converters.routing.conditions import Condition, are_disjoint, covers, intersection
from ambimigrate.converters.routing.entries import shown as named
from ambimigrate.converters.routing.order import Alike, Item, is_taken_alike
from ambimigrate.converters.routing.strings import EXACT, PRESENT, REGEX, Test, excludes, implies
from ambimigrate.model import Route

_MOST = 400  # entries; conditions inside conditions multiply


class LeftOut(Refused):
    """What a negative condition of an entry leaves out has no form: the header that is asked for, and what it must be."""

    def __init__(self, route: Route, reason: str, item: Item, name: str) -> None:
        super().__init__("without-headers", route, reason)
        self.item, self.name = item, name


class _Around(Struct, frozen=True):
    """The entries before an entry, and those after it without negative conditions."""

    before: Sequence[Item]
    rest: Sequence[Item]
    alike: Alike


def expanded(items: Iterable[Item], alike: Alike) -> list[Item]:
    """The same list without negative conditions: every request meets an entry of the same rule first. Raises Refused.

    For "m without p" before the entries R: R for requests with p, then m, then R.
    """
    rest: list[Item] = []
    known = list(items)
    for number, item in reversed(list(enumerate(known))):
        rest = [*_positive(item, _Around(known[:number], rest, alike)), *rest]
        if len(rest) > _MOST:
            reason = f"without negative conditions the list grows beyond {_MOST} entries"
            raise Refused("size", (*item.route, "withoutHeaders"), reason)
    return rest


def _positive(item: Item, around: _Around) -> list[Item]:
    without = item.condition.without
    if not without:
        return [item]
    headers = dict(item.condition.headers)
    for name, test in without.items():
        if _takes_empty(test):  # then a missing header is left out, too (Envoy treats it as empty)
            headers.setdefault(name, Test(PRESENT))
    own = replace(item.condition, headers=headers, without={})
    copies: list[Item] = []
    for name, test in without.items():
        known = headers.get(name)
        if test == Test(REGEX, ".*") or (known is not None and implies(known, test)):
            return []
        if known is None or name != "host" or not excludes(known, test):
            found = _left_out(replace(item, condition=own), Condition(headers={name: test}), around)
            if found is None:
                raise _refused(item, name, around.rest)
            copies += found
    return [*copies, replace(item, condition=own)]


def _takes_empty(test: Test) -> bool:
    return test.kind != PRESENT and implies(Test(EXACT), test)


def _left_out(item: Item, wanted: Condition, around: _Around) -> list[Item] | None:
    """The later entries for the requests that the negative condition leaves out, None if that has no form.

    They are cut down to the requests of the entry itself where that has a form; else each stands for all its requests.
    """
    inside = intersection(item.condition, wanted)
    for asked in (inside, wanted):
        copies = None if asked is None else _copies(item, asked, around.rest)
        if copies is not None:
            return copies
    is_taken = inside is not None and any(covers(each.condition, inside) for each in around.before)
    return [] if is_taken or is_taken_alike(item, around.rest, around.alike) else None


def _refused(item: Item, name: str, rest: Sequence[Item]) -> LeftOut:
    """Why what is left out has no form."""
    route, test = (*item.route, "withoutHeaders", item.names.get(name, name)), item.condition.without[name]
    reason = f"a request with {name} that no later rule takes gets 404 today, which no HTTPRoute answers"
    for each in rest:
        other = each.condition.headers.get(name)
        if other is not None and not (implies(other, test) or implies(test, other)):
            reason = f"{named(each)} asks for {name} in another way, and one match has each header once"
            break
    return LeftOut(route, reason, item, name)


def _copies(item: Item, asked: Condition, rest: Sequence[Item]) -> list[Item] | None:
    """The later entries for the requests asked for, up to the one that takes all that is left; None if that has no form."""
    found: list[Item] = []
    for each in rest:
        own = each.condition
        if are_disjoint(own, asked):
            continue
        shared = intersection(own, asked)
        if shared is None:
            return None
        cut = each.cut or (own.path if own.path != shared.path else None)
        found.append(replace(each, condition=shared, names={**item.names, **each.names}, cut=cut))
        if covers(own, asked):
            return found
    return None
