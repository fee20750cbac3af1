"""Prefix rewrites as an HTTPRoute has them, by whole path elements, where the user agreed to that."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from msgspec.structs import replace

from ambimigrate.converters.outcome import Refused
from ambimigrate.converters.routing.conditions import covers
from ambimigrate.converters.routing.flat import Placed
from ambimigrate.converters.routing.order import Item
from ambimigrate.converters.routing.strings import EXACT, PREFIX, Test
from ambimigrate.converters.settings import Settings

BY_ELEMENTS = "VS924"


def split(found: Iterable[Item], flat: Sequence[Placed], settings: Settings, at: str) -> Iterator[Item]:
    """The entries, those that rewrite a prefix `/p` as two: for `/p`, and for what begins with `/p/`.

    PathPrefix `/p/` also takes `/p`: what no entry takes today is the last to go there. `at` is how requests begin.
    """
    known: list[Item] = []
    bare: list[Item] = []
    for item in found:
        if _is_agreed(flat[item.rule], item.condition.path, settings):
            known += _parts(item, flat[item.rule], settings, at)
            bare += [_bare(item)] if item.condition.path.text.endswith("/") else []
        else:
            known.append(item)
    yield from known
    for item in bare:
        if not any(covers(each.condition, item.condition) for each in known):
            placed = flat[item.rule]
            placed.account.agree(settings, BY_ELEMENTS, placed.owner, _taken(placed, item.condition.path.text, at))
            yield item


def _parts(item: Item, placed: Placed, settings: Settings, at: str) -> list[Item]:
    path = item.condition.path
    if path.text.endswith("/"):
        return [item]
    placed.account.agree(settings, BY_ELEMENTS, placed.owner, _text(placed, path.text, at))
    below = replace(item.condition, path=Test(PREFIX, f"{path.text}/"))
    return [_bare(item), replace(item, condition=below, cut=None if _to(placed).endswith("/") else path)]


def _bare(item: Item) -> Item:
    path = item.condition.path
    return replace(item, condition=replace(item.condition, path=Test(EXACT, path.text.rstrip("/"))), cut=path)


def _is_agreed(placed: Placed, path: Test, settings: Settings) -> bool:
    """Only a plain prefix of at least one element has such a form."""
    is_plain = path.kind == PREFIX and not path.fold and path.text.startswith("/") and "//" not in path.text
    is_moved = bool(_to(placed)) and path.text not in {"/", _to(placed)}
    return is_plain and is_moved and settings.accepts(BY_ELEMENTS, placed.owner)


def _to(placed: Placed) -> str:
    rewrite = placed.rule.rewrite
    return rewrite.uri if rewrite and not rewrite.uri_regex_rewrite else ""


def _text(placed: Placed, prefix: str, at: str) -> Refused:
    to = _to(placed)
    reason = f"prefix {prefix} to {to} counts for whole path elements only"
    after = f"{to}x" if to.endswith("/") else "left to later rules"
    asked, became = (f"{prefix}/x", f"{to}/x") if to.endswith("/") else (f"{prefix}x", f"{to}x")
    return Refused("rewrite", (*placed.route, "rewrite", "uri"), reason, f"GET {at}{asked}: {became} today, {after} then")


def _taken(placed: Placed, path: str, at: str) -> Refused:
    reason = f"PathPrefix {path}/ also takes {path}, which no rule takes today"
    return Refused("rewrite", (*placed.route, "rewrite", "uri"), reason, f"GET {at}{path}: 404 today, {_to(placed)} then")
