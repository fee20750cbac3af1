"""One report for each owner: their namespaces, the steps that change their files, and what holds them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from ambimigrate.plan.owners import Owned
from ambimigrate.plan.values import HeldBack
from ambimigrate.render.markdown import code, escaped
from ambimigrate.render.plan_text import SHOWN
from ambimigrate.render.runbook import slug
from ambimigrate.render.style import visible, wrap


def files(found: Iterable[Owned]) -> Mapping[str, str]:
    """A Markdown file for each owner, by its place below the folder."""
    out: dict[str, str] = {}
    for each in found:
        own = slug(each.owner) or "owner"
        place = f"owners/{own}.md"
        number = 2
        while place in out:
            place = f"owners/{own}-{number}.md"
            number += 1
        out[place] = markdown((each,))
    return out


def markdown(found: Iterable[Owned]) -> str:
    """The reports as one document."""
    return "\n".join(line for each in found for line in _markdown(each)).rstrip() + "\n"


def _markdown(own: Owned) -> Iterator[str]:
    yield f"# {escaped(own.owner)}"
    yield ""
    for mesh, name, wave in own.namespaces:
        of = f" of {escaped(mesh)}" if mesh else ""
        yield f"- {code(name or '(no namespace given)')}{of}: {f'wave {wave}' if wave else 'held'}"
    yield ""
    for part in own.parts:
        mesh = f" of {escaped(part.wave.mesh)}" if part.wave.mesh else ""
        yield f"## {part.step.id}{mesh} {escaped(part.step.title)}"
        yield ""
        yield from (f"- {code(each)}" for each in part.files)
        yield ""
    for held in own.held:
        yield f"## Held: {code(held.namespace or '(no namespace given)')}{f' of {escaped(held.mesh)}' if held.mesh else ''}"
        yield ""
        yield from (f"- {escaped(each)}" for each in held.because)
        yield ""


def text(found: Iterable[Owned], width: int) -> Iterator[str]:
    """The reports as sections of the text."""
    for own in found:
        yield from wrap(f"Owner {visible(own.owner)}", width)
        for mesh, name, wave in own.namespaces:
            of = f" [{visible(mesh)}]" if mesh else ""
            yield f"  {visible(name) or '(no namespace given)'}{of}: {f'wave {wave}' if wave else 'held'}"
        for part in own.parts:
            mesh = f" [{visible(part.wave.mesh)}]" if part.wave.mesh else ""
            title = f"{part.step.id}{mesh} {visible(part.step.title)}"
            yield from wrap(title, width, initial_indent="  ", subsequent_indent="      ")
            for each in part.files:
                yield from wrap(visible(each), width, initial_indent="      ", subsequent_indent="        ")
        for held in own.held:
            yield from _held(held, width)
        yield ""


def _held(held: HeldBack, width: int) -> Iterator[str]:
    mesh = f" [{visible(held.mesh)}]" if held.mesh else ""
    yield f"  {visible(held.namespace) or '(no namespace given)'}{mesh} is held:"
    for each in held.because[:SHOWN]:
        yield from wrap(visible(each), width, initial_indent="    - ", subsequent_indent="      ")
    if len(held.because) > SHOWN:
        yield f"    - {len(held.because) - SHOWN} more; --format json has all"
