"""Prefixes and exact paths in the order of the VirtualService: what overtakes an earlier entry gets its rule in front."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import islice

from msgspec.structs import replace

from ambimigrate.converters.outcome import Refused
from ambimigrate.converters.routing.conditions import Condition, both
from ambimigrate.converters.routing.order import EXACT_PATH, PATH_PREFIX, PATTERN, Act, Clash, Item, Line, Order, clashes
from ambimigrate.converters.routing.strings import EXACT, PREFIX, Test, implies

MOST_LINES = 600
MOST_REPEATED = 128  # matches of one HTTPRoute; above that a list of patterns is shorter
_MOST_ROUNDS = 8  # a repeated line may overtake another one


def line(item: Item, act: Act, type: str, value: str, *, fixed: bool = False) -> Line:
    """The entry as a match of that type. Raises Refused."""
    found = act(item)
    text = str(found)
    return Line(item, found, f"{text} {value}" if replaces_prefix(found) else text, type, value, fixed)


def replaces_prefix(action: dict[str, object]) -> bool:
    """Whether the action needs a PathPrefix: it takes the matched prefix away (CEL rule of HTTPRouteRule)."""
    return "'ReplacePrefixMatch'" in str(action.get("filters", ""))


def spread(lines: Sequence[Line], act: Act, paths: Sequence[str]) -> list[Line] | None:
    """The lines with more for each prefix `/p/`: Exact `/p`, which PathPrefix would take, too, with the rules of `/p` today.

    None if no rule takes every request for `/p` today: the rest would have to stay 404. Raises Refused if they are too many.
    """
    extra: dict[int, list[Line]] = {}
    now = list(lines)
    count = len(lines)
    for path in paths:
        bare = Test(EXACT, path.rstrip("/"))
        for number, item in _answers(lines, bare):
            count += 1
            if item is None:
                return None
            if count > MOST_LINES:
                raise Refused("size", ("spec", "http"), f"prefixes need more than {MOST_LINES} matches")
            if item is lines[number].item:
                now[number] = replace(lines[number], type=EXACT_PATH, value=bare.text, fixed=True)
            else:
                extra.setdefault(number, []).append(line(item, act, EXACT_PATH, bare.text, fixed=True))
    return [each for number, own in enumerate(now) for each in (*extra.get(number, ()), own)]


def _answers(lines: Sequence[Line], bare: Test) -> Iterator[tuple[int, Item | None]]:
    for number, each in enumerate(lines):
        own = each.condition
        if not implies(bare, own.path):
            continue
        narrowed = replace(own, path=bare)
        yield number, each.item if own.path == bare else replace(each.item, condition=narrowed, cut=each.item.cut or own.path)
        if not (own.headers or own.query or own.method):
            return
    yield -1, None


def prefixes(lines: Sequence[Line]) -> list[str]:
    """The prefixes `/p/` that are written as PathPrefix."""
    found = (each for each in lines if each.type == PATH_PREFIX and each.condition.path.kind == PREFIX)
    return list(dict.fromkeys(each.value for each in found if each.condition.path.text.endswith("/")))


def repaired(lines: Sequence[Line], act: Act, order: Order, most: int = MOST_REPEATED) -> list[Line] | Clash | None:
    """The lines with repeated ones until no pair turns round (conversion step 3).

    A pair for which that does not help, None if it takes more than `most` repeated lines.
    """
    now = list(lines)
    for _ in range(_MOST_ROUNDS):
        pairs = list(islice(clashes(now, order), most + 1))
        if not pairs:
            return now
        more: dict[int, list[Line]] = {}
        for i, j in pairs:
            copy = _repeated(now[i], now[j], act)
            if copy is None or any(each.condition == copy.condition and each.same == copy.same for each in now[:i]):
                return Clash(now[i].item, now[j].item, tuple(now))
            if all(each.condition != copy.condition for each in more.setdefault(i, [])):
                more[i].append(copy)
        now = [each for i, own in enumerate(now) for each in (*more.get(i, ()), own)]
        if len(now) - len(lines) > most:
            break
    return None


def _repeated(first: Line, other: Line, act: Act) -> Line | None:
    """The earlier entry for the path and the conditions of the one that overtakes it, which then comes after it."""
    own, path = first.condition, other.condition.path
    if other.type == PATTERN or not implies(path, own.path):
        return None
    shared: Condition | None = both(own, other.condition)
    if shared is None:
        return None
    cut = first.item.cut or (own.path if own.path != path else None)
    names = {**other.item.names, **first.item.names}
    item = replace(first.item, condition=replace(shared, path=path), names=names, cut=cut)
    try:
        return line(item, act, other.type, other.value, fixed=True)
    except Refused:
        return None
