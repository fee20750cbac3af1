"""The waves of a plan as a graph: a column for each wave, its namespaces as boxes, and the calls between them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from ambimigrate.model import grouped
from ambimigrate.render.html.markup import Html, el
from ambimigrate.render.html.picture import FITS, shortened
from ambimigrate.render.html.scene import Line, calls
from ambimigrate.render.html.values import NAMELESS, Page, mesh_name, region
from ambimigrate.render.style import counted

if TYPE_CHECKING:
    from ambimigrate.plan.values import Wave

WIDTH, HEIGHT, STEP, ACROSS, TOP = 158, 26, 34, 54, 58
SHOWN, LINES = 12, 150  # namespaces of a wave, and calls


def section(page: Page) -> Html | None:
    """A graph for each mesh that has waves."""
    if page.plan is None or not page.plan.waves:
        return None
    parts: list[Html] = []
    for number, (mesh, waves) in enumerate(grouped((each.mesh, each) for each in page.plan.waves).items()):
        found = next((each for each in page.report.meshes if each.name == mesh), None)
        edges = calls(page, found) if found else ()
        held = tuple(each.namespace for each in page.plan.held if each.mesh == mesh)
        label = f"Waves of mesh {mesh_name(mesh)}" if page.several else "Waves"
        drawn = _drawing(waves, held, edges, (label, str(number)))
        parts.append(el("figure", el("figcaption", el("strong", f"{label}. "), _words(waves, held)), region(label, drawn)))
    notes = [el("li", each) for each in page.plan.notes]
    return el("section", el("h2", "Order"), parts, el("ul", notes, class_="spaced") if notes else None, id="order")


def _words(waves: tuple[Wave, ...], held: tuple[str, ...]) -> str:
    moves = [
        f"wave {each.number}: {', '.join(map(_named, each.namespaces[:SHOWN]))}{_more(each)}"
        for each in waves
        if each.namespaces
    ]
    first = f"{counted(len(waves), 'wave')}; "
    last = f"; held: {counted(len(held), 'namespace')}" if held else ""
    return first + ("; ".join(moves) or "no namespace moves") + last + "."


def _named(namespace: str) -> str:
    return namespace or NAMELESS


def _more(wave: Wave) -> str:
    rest = len(wave.namespaces) - SHOWN
    return f" and {rest} more" if rest > 0 else ""


def _drawing(waves: tuple[Wave, ...], held: tuple[str, ...], edges: Iterable[Line], label: tuple[str, str]) -> Html:
    columns = [(f"Wave {each.number}", each.namespaces, each) for each in waves]
    places = {
        name: (column * (WIDTH + ACROSS) + 1, TOP + row * STEP)
        for column, (_, names, _wave) in enumerate(columns)
        for row, name in enumerate(names[: SHOWN if len(names) <= SHOWN else SHOWN - 1])
    }
    count = len(columns) + bool(held)
    tallest = max([min(len(names), SHOWN) for _, names, _wave in columns] + [min(len(held), SHOWN), 1])
    width, height = count * (WIDTH + ACROSS) - ACROSS + 2, TOP + tallest * STEP + 4
    lines = [each for each in edges if each.caller in places and each.callee in places]
    return el(
        "svg",
        el("title", label[0], id=f"t-w{label[1]}"),
        el("desc", "Columns from left to right are waves; lines lead from callers to what they call.", id=f"d-w{label[1]}"),
        [_line(places[each.caller], places[each.callee], each) for each in lines[:LINES]],
        [_column(number, title, names, wave) for number, (title, names, wave) in enumerate(columns)],
        _held(len(columns), held) if held else None,
        viewBox=f"0 0 {width} {height}",
        width=width,
        height=height,
        role="img",
        aria_labelledby=f"t-w{label[1]} d-w{label[1]}",
        class_="mesh waves fits" if width <= FITS else "mesh waves",
    )


def _line(start: tuple[int, int], end: tuple[int, int], edge: Line) -> Html:
    (x1, y1), (x2, y2) = start, end
    y1, y2 = y1 + HEIGHT // 2, y2 + HEIGHT // 2
    title = el("title", f"{edge.caller} calls {edge.callee}")
    if x1 < x2:
        path = f"M{x1 + WIDTH} {y1}C{x1 + WIDTH + 30} {y1} {x2 - 30} {y2} {x2} {y2}"
    elif x1 == x2:
        path = f"M{x1 + WIDTH} {y1}C{x1 + WIDTH + 34} {y1} {x2 + WIDTH + 34} {y2} {x2 + WIDTH} {y2}"
    else:
        path = f"M{x1} {y1}C{x1 - 30} {y1} {x2 + WIDTH + 30} {y2} {x2 + WIDTH} {y2}"
    return el("g", title, el("path", d=path), class_=f"edge plainline{' guessed' if edge.guessed else ''}")


def _column(number: int, title: str, names: tuple[str, ...], wave: Wave) -> Html:
    x = number * (WIDTH + ACROSS) + 1
    says = counted(len(wave.steps), "step") if names else shortened(wave.title.partition(":")[0], 24)
    gaps = f", {counted(len(wave.gaps), 'gap')}" if wave.gaps else ""
    arrow = el("path", d=f"M{x - ACROSS + 12} 18H{x - 16}m-6-4l6 4l-6 4", class_="then") if number else None
    return el(
        "g",
        arrow,
        el("text", title, x=x, y=16, class_="label"),
        el("text", f"{says}{gaps}", x=x, y=36, class_="plane"),
        list(_boxes(x, names, "moves")) or el("rect", x=x, y=TOP, width=WIDTH, height=6, rx=2, class_="nomove"),
    )


def _held(number: int, names: tuple[str, ...]) -> Html:
    x = number * (WIDTH + ACROSS) + 1
    title = el("text", "Held", x=x, y=16, class_="label")
    return el("g", title, el("text", "at prepare", x=x, y=36, class_="plane"), list(_boxes(x, names, "stays")))


def _boxes(x: int, names: tuple[str, ...], kind: str) -> Iterator[Html]:
    shown = names if len(names) <= SHOWN else (*names[: SHOWN - 1], f"{len(names) - SHOWN + 1} more")
    for row, name in enumerate(shown):
        y = TOP + row * STEP
        yield el(
            "g",
            el("title", _named(name)),
            el("rect", x=x, y=y, width=WIDTH, height=HEIGHT, rx=4),
            el("text", shortened(_named(name), 18), x=x + 10, y=y + 17, class_="label"),
            class_=f"tile {kind}",
        )
