"""The lines of a list in the order of the VirtualService: prefixes if they do, else patterns of decreasing length."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from msgspec.structs import replace

from ambimigrate.converters.outcome import Refused
from ambimigrate.converters.routing.entries import shown
from ambimigrate.converters.routing.matches import LONGEST_PATTERN, is_valid
from ambimigrate.converters.routing.order import EXACT_PATH, PATH_PREFIX, PATTERN, Act, Clash, Item, Key, Line, Order, key
from ambimigrate.converters.routing.repair import MOST_LINES, line, prefixes, repaired, replaces_prefix, spread
from ambimigrate.converters.routing.strings import ANY, EXACT, PREFIX, Test, pattern
from ambimigrate.converters.routing.witnesses import Shown

_PADDING = "(?:)"  # the empty group: matches nothing and counts


def arranged(items: Iterable[Item], act: Act, order: Order) -> list[Line] | Clash:
    """The lines as they are to be written, or a pair of entries whose order no HTTPRoute keeps. Raises Refused.

    Prefixes and exact paths come first, since every implementation orders them alike. Patterns outrank nothing: a PathPrefix
    beside them precedes them all, and `/` without conditions cuts the list (conversion.go `sortHTTPRoutes`, route.go
    `IsCatchAllRoute`), so a list has either prefixes or patterns, unless a prefix is to be replaced. The order of patterns by
    length is Istio's own; with it, lists were compared on 1.24.6 to 1.30.3 and on the master of August 2026.
    """
    lines = [_natural(item, act) for item in items]
    turned: Clash | None = None
    if all(each.type != PATTERN for each in lines):
        found = _portable(lines, act, order)
        if isinstance(found, list):
            return found
        turned = found
    patterns = [each if each.fixed or each.type == EXACT_PATH else _as_pattern(each) for each in lines]
    for keeps_exact in (False, True):
        found = _ladder(patterns, act, order, keeps_exact=keeps_exact)
        if isinstance(found, list):
            return found
        turned = found or turned
    if turned is None:
        raise Refused(
            "size", ("spec", "http"), f"{len(lines)} entries need too many matches, or patterns of more than 1024 characters"
        )
    return turned


def _natural(item: Item, act: Act) -> Line:
    """The line with the type of path that says the same, a pattern where none does."""
    path = item.condition.path
    found = line(item, act, PATTERN, pattern(path))
    if replaces_prefix(found.action):
        text = path.text if path.kind == PREFIX else "/"
        if not is_valid(text):
            raise Refused("rewrite", item.route, f"no PathPrefix may be {text}, so that nothing can replace it")
        return line(item, act, PATH_PREFIX, text, fixed=True)
    value = _portable_path(path)
    return found if value is None else replace(found, type=EXACT_PATH if path.kind == EXACT else PATH_PREFIX, value=value)


def _portable_path(path: Test) -> str | None:
    """The text of the Exact or PathPrefix that says the same."""
    if path.kind == ANY:
        return "/"
    fits = path.kind == EXACT or (path.kind == PREFIX and path.text.endswith("/"))
    return path.text if fits and not path.fold and is_valid(path.text) else None


def _as_pattern(own: Line) -> Line:
    return replace(own, type=PATTERN, value=pattern(own.condition.path))


def _portable(lines: Sequence[Line], act: Act, order: Order) -> list[Line] | Clash | None:
    try:
        wider = spread(lines, act, prefixes(lines))
    except Refused:
        return None
    return None if wider is None else repaired(wider, act, order)


def _ladder(lines: Sequence[Line], act: Act, order: Order, *, keeps_exact: bool) -> list[Line] | Clash | None:
    """Patterns in falling length, beside exact paths that may stay and prefixes that must (conversion steps 4 and 5)."""
    wider = spread(lines, act, prefixes(lines))
    if wider is None:
        own = next(each for each in lines if each.type == PATH_PREFIX)
        bare = own.value.rstrip("/")
        reason = f"PathPrefix {own.value} also takes {bare}, for which no rule takes every request today"
        asked = replace(own.condition, path=Test(EXACT, bare))
        raise Shown("rewrite-bare", own.item.route, reason, asked, f"today 404, as HTTPRoute {shown(own.item)}")
    padded = _padded(wider if keeps_exact else _demoted(wider, order), order)
    return None if padded is None else repaired(padded, act, order, MOST_LINES - len(padded))


def _demoted(lines: Iterable[Line], order: Order) -> list[Line]:
    """The lines with patterns for the exact paths that would overtake an earlier line."""
    kept: list[tuple[Line, Key]] = []
    for each in lines:
        own = each, key(each)
        if not each.fixed and each.type == EXACT_PATH and any(order.turns(first, own) for first in kept):
            changed = _as_pattern(each)
            own = changed, key(changed)
        kept.append(own)
    return [each for each, _ in kept]


def _padded(lines: Sequence[Line], order: Order) -> list[Line] | None:
    """Each pattern longer than those that may not overtake it, from the end; None if one grows too long."""
    kept: list[tuple[Line, Key]] = []
    for each in reversed(lines):
        own = each
        if each.type == PATTERN:
            lengths = (-place[1] for later, place in kept if later.type == PATTERN and _meet(each, later, order))
            longest = max(lengths, default=0)
            grown = _grown(each.value, longest + 1)
            if grown is None:
                return None
            own = replace(each, value=grown)
        kept.append((own, key(own)))
    return [each for each, _ in reversed(kept)]


def _meet(first: Line, later: Line, order: Order) -> bool:
    """Whether the two have to keep their order."""
    return order.turns((first, _LAST), (later, _FIRST))


_FIRST: Key = (0, 0, False, 0, 0)
_LAST: Key = (9, 0, True, 0, 0)


def _grown(value: str, length: int) -> str | None:
    missing = length - len(value.encode())
    if missing <= 0:
        return value
    padding = _PADDING * -(-missing // len(_PADDING))
    grown = padding + value if "\\Q" in value else value + padding  # what is quoted up to its end would quote the padding
    return grown if len(grown) <= LONGEST_PATTERN else None
