"""Conditions that ask for the absence of a header: what is left out goes first, to the rules that take it today."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from msgspec.structs import replace

from ambimigrate.converters.outcome import Refused
from ambimigrate.converters.routing.conditions import Condition, are_disjoint, covers, intersection
from ambimigrate.converters.routing.entries import shown as named
from ambimigrate.converters.routing.order import Item
from ambimigrate.converters.routing.samples import shown
from ambimigrate.converters.routing.strings import EXACT, PRESENT, REGEX, Test, excludes, implies

_MOST = 400  # entries; conditions inside conditions multiply


Show = Callable[[Condition], str]  # how a request that meets a condition reads


def expanded(items: Iterable[Item], show: Show) -> list[Item]:
    """The same list without negative conditions: every request meets an entry of the same rule first. Raises Refused.

    For "m without p" before the entries R: R for requests with p, then m, then R.
    """
    rest: list[Item] = []
    for item in reversed(list(items)):
        rest = [*_positive(item, rest, show), *rest]
        if len(rest) > _MOST:
            reason = f"without negative conditions the list grows beyond {_MOST} entries"
            raise Refused("size", (*item.route, "withoutHeaders"), reason)
    return rest


def _positive(item: Item, rest: Sequence[Item], show: Show) -> list[Item]:
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
            copies += _left_out(replace(item, condition=own), Condition(headers={name: test}), rest, show)
    return [*copies, replace(item, condition=own)]


def _takes_empty(test: Test) -> bool:
    return test.kind != PRESENT and implies(Test(EXACT), test)


def _left_out(item: Item, wanted: Condition, rest: Sequence[Item], show: Show) -> list[Item]:
    """The later entries for the requests that the negative condition leaves out.

    They are cut down to the requests of the entry itself where that has a form; else each stands for all its requests.
    """
    inside = intersection(item.condition, wanted)
    for asked in (inside, wanted):
        copies = None if asked is None else _copies(item, asked, rest, show)
        if copies is not None:
            return copies
    raise _refused(item, wanted, rest, show)


def _refused(item: Item, wanted: Condition, rest: Sequence[Item], show: Show) -> Refused:
    """Why what is left out has no form, with a request that shows it."""
    ((name, test),) = wanted.headers.items()
    route = (*item.route, "withoutHeaders", item.names.get(name, name))
    asked, now = intersection(item.condition, wanted) or wanted, f"as HTTPRoute {named(item)}"
    for each in rest:
        other = each.condition.headers.get(name)
        if other is not None and not (implies(other, test) or implies(test, other)):
            reason = f"{named(each)} asks for {name} in another way, and one match has each header once"
            witness = f"a request with {name}: {shown(test)} and, in a line of its own, {name}: {shown(other)}"
            return Refused("without-headers", route, reason, witness)
    reason = f"a request with {name} that no later rule takes gets 404 today, which no HTTPRoute answers"
    answered = any(not are_disjoint(each.condition, asked) for each in rest)
    today = "a later rule or 404" if answered else "404"
    return Refused("without-headers", route, reason, f"{show(asked)}: today {today}, {now}")


def _copies(item: Item, asked: Condition, rest: Sequence[Item], show: Show) -> list[Item] | None:
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
