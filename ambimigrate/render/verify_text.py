"""The result of `verify` for people: each difference with its request, both outcomes and the objects that decide."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from typing import TextIO

from ambimigrate.render.style import Style, counted, visible, wrap
from ambimigrate.render.verify_json import curl
from ambimigrate.verify import Difference, Side, Verification

_NAMED = 5  # objects for one reason


def render(found: Verification, out: TextIO, width: int = 100) -> None:
    """Writes what differs, the weighty first, then what was not compared."""
    style = Style.of(out)
    several = len({each.mesh for each in found.differences}) > 1
    for difference in found.differences:
        for line in _difference(difference, style, width, several=several):
            out.write(f"{line}\n")
    for line in _unchecked(found, style, width):
        out.write(f"{line}\n")
    for line in (*_untried(found, width), *wrap(_summary(found), width)):
        out.write(f"{line}\n")


def _difference(found: Difference, style: Style, width: int, *, several: bool) -> Iterator[str]:
    minor = " (minor)" if found.minor else f" (named by convert: {', '.join(found.named)})" if found.named else ""
    mesh = f" [{found.mesh}]" if several else ""
    title = f"{found.kind}{minor}: {found.object} port {found.place.port}{mesh}"
    yield from (style.bold(line) for line in wrap(visible(title), width))
    yield from wrap(visible(found.because), width, initial_indent="  ", subsequent_indent="  ")
    data_plane = found.before.mode if found.before.mode == found.after.mode else f"{found.before.mode}, then {found.after.mode}"
    yield from wrap(visible(f"from   {found.caller}: {data_plane}"), width, initial_indent="  ", subsequent_indent="         ")
    yield f"  {visible(curl(found))}"
    yield from _side("before", found.before, width)
    yield from _side("after", found.after, width)
    if found.others:
        callers = [each for each in found.callers if each != str(found.caller)]
        more = f", of {', '.join(callers[:_NAMED])}{' and others' if len(callers) > _NAMED else ''}, too" if callers else ""
        text = f"{counted(found.others, 'more request')} of those tried differ like this{more}."
        yield from wrap(visible(text), width, initial_indent="  ", subsequent_indent="  ")
    yield ""


def _side(name: str, side: Side, width: int) -> Iterator[str]:
    yield from wrap(visible(f"{name:6} {side.text}"), width, initial_indent="  ", subsequent_indent="         ")
    for source in side.sources:
        position = source.position
        where = f"{position.file}:{position.line}" if position.line else position.file
        yield f"         {visible(f'{where} {source.ref}')}"


def _unchecked(found: Verification, style: Style, width: int) -> Iterator[str]:
    if not found.unchecked:
        return
    yield style.bold("Not compared:")
    by_reason: dict[str, list[str]] = defaultdict(list)
    for each in found.unchecked:
        by_reason[each.because].append(str(each.object))
    for because, objects in by_reason.items():
        names = list(dict.fromkeys(objects))
        more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
        yield from wrap(
            visible(f"{', '.join(names[:_NAMED])}{more}: {because}"), width, initial_indent="  ", subsequent_indent="    "
        )
    yield ""


def _untried(found: Verification, width: int) -> Iterator[str]:
    """Requests of the user's that no place of the input gets."""
    if found.untried:
        named = [f"{host} ({count})" for host, count in found.untried[:_NAMED]]
        more = f" and {counted(len(found.untried) - _NAMED, 'more host')}" if len(found.untried) > _NAMED else ""
        count = counted(sum(each for _, each in found.untried), "request")
        yield from wrap(
            visible(f"Not tried: {count} of --requests to hosts that the input does not have: {', '.join(named)}{more}."), width
        )
    if found.settings.connections:
        yield from wrap(
            f"Passed over: {counted(found.settings.connections, 'line')} of --requests about connections without HTTP.", width
        )


def _summary(found: Verification) -> str:
    minor = sum(each.minor for each in found.differences)
    named = sum(bool(each.named) for each in found.differences if not each.minor)
    weighty = len(found.differences) - minor - named
    checked = f"{found.routing} routing and {found.authorization} authorization decisions compared"
    known = f", {named} named by convert" if named else ""
    left = f" ({found.left_out} more of the same places are not shown)" if found.left_out else ""
    return (
        f"{checked}: {counted(weighty, 'difference')}, {minor} minor{known}{left}; {len(found.unchecked)} objects not compared."
    )
