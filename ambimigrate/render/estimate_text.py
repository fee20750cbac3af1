"""An estimate for people: a table of reservations, what is freed, and what was assumed."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TextIO

from ambimigrate.estimate import EACH, L4_ONLY, NEEDED, Estimate, Total
from ambimigrate.estimate.amounts import Prices, Range
from ambimigrate.estimate.use import SOURCE, Use
from ambimigrate.render.estimate_json import Result
from ambimigrate.render.style import Style, counted, wrap

_ROWS = {L4_ONLY: "after: L4 only", NEEDED: "after: needed waypoints", EACH: "after: waypoint per namespace"}
_UNKNOWN = "unknown"


def render(result: Result, out: TextIO, width: int = 100) -> None:
    """Writes the estimate."""
    style = Style.of(out)
    for line in (*_table(result.estimate, result.prices, style), *_closing(result, width)):
        out.write(f"{line.rstrip()}\n")


def _table(found: Estimate, prices: Prices, style: Style) -> Iterator[str]:
    rows = [
        ("now: sidecars", found.before, None),
        *((title, found.after[name], found.savings[name]) for name, title in _ROWS.items()),
        ("while both run", found.peak, None),
    ]
    money = prices.vcpu is not None or prices.gib is not None
    heads = ["reserved", "vCPU", "GiB", *(["a year"] if money else []), "freed"]
    cells = [[title, *_cells(total, money=money), _freed(saving, money=money)] for title, total, saving in rows]
    widths = [max(len(row[n]) for row in (heads, *cells)) for n in range(len(heads))]
    yield style.bold(_row(heads, widths))
    yield from (_row(row, widths) for row in cells)


def _row(cells: list[str], widths: list[int]) -> str:
    middle = (each.rjust(width) for each, width in zip(cells[1:-1], widths[1:-1], strict=True))
    return "  ".join([cells[0].ljust(widths[0]), *middle, cells[-1]])


def _cells(total: Total, *, money: bool) -> list[str]:
    return [shown(total.amount.cpu), shown(total.amount.memory), *([_money(total)] if money else [])]


def _money(total: Total) -> str:
    return _UNKNOWN if total.money is None else f"${shown(total.money, 0)}"


def _freed(saving: Total | None, *, money: bool) -> str:
    if saving is None:
        return ""
    if saving.amount.cpu is None and saving.amount.memory is None:
        return _UNKNOWN
    parts = [f"{shown(saving.amount.cpu)} vCPU", f"{shown(saving.amount.memory)} GiB"]
    return ", ".join([*parts, *([_money(saving)] if money else [])])


def shown(value: Range | None, digits: int = 1) -> str:
    """A number or a range with thousands separated."""
    if value is None:
        return _UNKNOWN
    low, high = (_plain(each, digits) for each in (value.low, value.high))
    return low if low == high else f"{low} to {high}"


def _plain(number: float, digits: int) -> str:
    text = f"{number:,.{digits}f}"
    return text.removesuffix(".0") if digits else text


def _closing(result: Result, width: int) -> Iterator[str]:
    found = result.estimate
    yield ""
    if found.restarts.before:
        yield from wrap(_restarts(found), width)
    worse = [title for name, title in _ROWS.items() if _is_negative(found.savings[name])]
    if worse:
        yield from wrap(f"Ambient mode reserves more than the sidecars here: {'; '.join(worse)}.", width)
    if result.use:
        yield from _use(result.use, width)
    yield from wrap("Reservations are what pods request. Money is saved only as nodes are taken away.", width)
    yield "Assumed:"
    for each in found.figures.assumptions:
        yield from wrap(f"- {each.what} ({each.source})", width, initial_indent="  ", subsequent_indent="    ")


def _restarts(found: Estimate) -> str:
    after = found.restarts.after
    then = (
        "ztunnel restarts on each node"
        if after is None
        else f"{counted(after, 'waypoint pod')} restart, and ztunnel on each node; no application does"
    )
    pods = f"{found.restarts.before:,} application pod{'' if found.restarts.before == 1 else 's'}"
    return f"An upgrade of the mesh restarts {pods} now; afterwards {then}."


def _is_negative(saving: Total) -> bool:
    return any(each is not None and each.high < 0 for each in (saving.amount.cpu, saving.amount.memory))


def _use(use: Use, width: int) -> Iterator[str]:
    scenarios = ", ".join(f"{_ROWS[name].removeprefix('after: ')} {cores:,.1f}" for name, cores in use.after.items())
    text = f"In use for {use.rate:,.0f} requests a second ({use.l7:,.0f} of them to Services that need a waypoint): "
    yield from wrap(f"{text}sidecars {use.before:,.1f} vCPU; {scenarios} ({SOURCE}).", width)
