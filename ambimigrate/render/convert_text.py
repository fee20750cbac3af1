"""What a conversion says beside its diff: what is held and why, and what to do next."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TextIO

from ambimigrate.changes import Held, Stage
from ambimigrate.convert import FOLLOWS, GATEWAYS, Conversion
from ambimigrate.converters import elsewhere
from ambimigrate.model import grouped
from ambimigrate.render import text
from ambimigrate.render.style import Style, counted, visible, wrap
from ambimigrate.report import Report

NAMELESS = "(no namespace given)"
_MOST_HELD = 5  # reasons shown for one namespace
_OPEN = "fails open: "  # how a note begins that says who is let in


def render(made: Report, conversion: Conversion, again: str, out: TextIO, width: int = 100) -> None:
    """Writes the summary; `again` is the command that previewed the end state, empty if a stage was asked for."""
    style = Style.of(out)
    for line in (*text.problems(made, out, width), *_lines(made, conversion, (again, width), style)):
        out.write(f"{line}\n")


def _lines(made: Report, conversion: Conversion, to: tuple[str, int], style: Style) -> Iterator[str]:
    again, width = to
    several = len(made.meshes) > 1
    groups: dict[tuple[str, str], list[Held]] = {}
    for held in conversion.held:
        groups.setdefault((held.namespace, held.mesh), []).append(held)
    for (namespace, mesh), members in sorted(groups.items()):
        name = (visible(namespace) or NAMELESS) + (f" [{mesh}]" if several else "")
        is_held = conversion.holding is None or (mesh, namespace) in conversion.holding
        said = "is held" if is_held else "keeps what is bound to Istio Gateways, which holds nothing else"
        yield f"{style.bold(name)} {said}:"
        reasons = sorted((held for held in members if FOLLOWS not in held.because), key=_is_finding)
        following = [held for held in members if FOLLOWS in held.because]
        for held in reasons[:_MOST_HELD]:
            yield from _held(held, width)
        if len(reasons) > _MOST_HELD:
            yield f"  and {len(reasons) - _MOST_HELD} more; --format json lists all"
        if following:
            names = ", ".join(dict.fromkeys(str(held.ref) for held in following[:_MOST_HELD]))
            more = f" and {len(following) - _MOST_HELD} more" if len(following) > _MOST_HELD else ""
            yield from wrap(
                visible(f"so they stay as they are: {names}{more}"), width, initial_indent="  ", subsequent_indent="    "
            )
    yield from _notes(conversion, width)
    for note in conversion.notes:
        yield from wrap(visible(f"note: {note}"), width, subsequent_indent="  ")
    yield from _commands(conversion, style)
    if any(mesh.resources for mesh in made.meshes):
        yield from _closing(conversion, again, style)


def _is_finding(held: Held) -> bool:
    """Refusals of convert stand first: they say what to do; what the scan found on the same objects often goes with them."""
    return not held.because[0][2:].startswith("9")


def _held(held: Held, width: int) -> Iterator[str]:
    place = held.position.file + (f":{held.position.line}" if held.position.line else "")
    said = f"{held.because[0]} {held.ref} ({place}): {held.reason}"
    yield from wrap(visible(said), width, initial_indent="  ", subsequent_indent="    ")
    if held.witness:
        yield from wrap(visible(held.witness), width, initial_indent="    ", subsequent_indent="    ")
    if held.alternative:
        yield from wrap(visible(f"-> {held.alternative}"), width, initial_indent="    ", subsequent_indent="       ")


def _notes(conversion: Conversion, width: int) -> Iterator[str]:
    """What is said of several places alike is said once."""
    seen = dict.fromkeys(note for change in conversion.changes for note in change.notes)
    alike = grouped(((note.word, note.reason), note.position) for note in seen)
    for (word, reason), places in sorted(alike.items(), key=lambda each: not each[0][1].startswith(_OPEN)):
        first = _OPEN if reason.startswith(_OPEN) else ""
        line = f":{places[0].line}" if places[0].line else ""
        more = f" and {counted(len(places) - 1, 'other place')}" if len(places) > 1 else ""
        said = f"{first or f'{word}: '}{places[0].file}{line}{more}: {reason.removeprefix(first)}"
        yield from wrap(visible(said), width, subsequent_indent="  ")


def _commands(conversion: Conversion, style: Style) -> Iterator[str]:
    """What no file can say, since the objects are in the cluster only: unbroken lines, to be copied."""
    found = [(each.stage.name, line) for each in conversion.changes if (line := elsewhere.command(each))]
    if found:
        yield "By command, since no file has the objects; who manages them must not set the labels back:"
    for stage, members in grouped(found).items():
        yield f"  {style.bold(stage)}"
        yield from (f"    {visible(line)}" for line in members)


def _closing(conversion: Conversion, again: str, style: Style) -> Iterator[str]:
    moved = _by_namespace(conversion)
    for namespace, stages in sorted(moved.items()):
        yield f"{style.bold(visible(namespace) or NAMELESS)}: {', '.join(each.name for each in stages)}"
    places = {(each.mesh, each.namespace) for each in conversion.held}
    held = len(places if conversion.holding is None else places & conversion.holding.keys())
    changed = counted(len(conversion.changes), "change")
    yield f"{changed} in {counted(len(moved), 'namespace')}; {counted(held, 'namespace')} held."
    if again and conversion.changes:
        first = min(each.stage for each in conversion.changes)
        together = [each for each in conversion.changes if each.stage is first]  # gateways go with all that is bound to them
        namespaces = sorted({each.namespace for each in together if GATEWAYS not in each.because})
        only = "" if namespaces[:1] == [""] else f" --only {namespaces[0]}" if namespaces else " -A"
        yield "This is the end state, as a preview. Stages are applied one after the other; the next one:"
        yield f"  {again} --stage {first.name}{only} --write"
    elif not conversion.changes and not held:
        yield "Nothing to change up to this stage." if conversion.pending else "Nothing to change."


def _by_namespace(conversion: Conversion) -> Mapping[str, list[Stage]]:
    found: dict[str, dict[Stage, None]] = {}
    for change in conversion.changes:
        found.setdefault(change.namespace, {})[change.stage] = None
    return {namespace: sorted(stages) for namespace, stages in found.items()}
