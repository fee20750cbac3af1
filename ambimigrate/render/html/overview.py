"""A mesh that is too large to draw whole: a square for each namespace, grouped by wave or verdict."""

from __future__ import annotations

from collections.abc import Iterable

from ambimigrate.model import grouped
from ambimigrate.render.html.markup import Html, el
from ambimigrate.render.html.picture import PLANES
from ambimigrate.render.html.scene import Box, Scene
from ambimigrate.render.html.values import NAMELESS, VERDICTS, Page

SIDE, GAP, ACROSS, TITLE = 13, 3, 60, 22
_ORDER = tuple(VERDICTS)


def drawing(page: Page, mesh: str, scene: Scene, title: str, number: str) -> Html:
    """The squares; `words` for readers who do not see them are the counts of each group."""
    groups = _grouped(page, mesh, scene.boxes)
    words = "; ".join(f"{name}: {len(boxes)}" for name, boxes in groups)
    parts: list[Html] = []
    y = 0
    for name, boxes in groups:
        parts.append(el("text", f"{name} · {len(boxes)}", x=0, y=y + 14, class_="label"))
        parts += [_square(each, place, y + TITLE) for place, each in enumerate(boxes)]
        y += TITLE + ((len(boxes) - 1) // ACROSS + 1) * (SIDE + GAP) + 14
    width = ACROSS * (SIDE + GAP)
    return el(
        "svg",
        el("title", title, id=f"t-{number}"),
        el("desc", f"A square for each namespace. {words}.", id=f"d-{number}"),
        parts,
        viewBox=f"0 0 {width} {max(y, 20)}",
        width=width,
        height=max(y, 20),
        role="img",
        aria_labelledby=f"t-{number} d-{number}",
        class_="mesh overview",
    )


def _grouped(page: Page, mesh: str, boxes: Iterable[Box]) -> list[tuple[str, tuple[Box, ...]]]:
    """By the wave that moves a namespace, else by its verdict, in that order."""
    keyed = [(_key(page, mesh, each), each) for each in boxes]
    keyed.sort(key=lambda each: (each[0], each[1].name))
    return [(words, members) for (_, words), members in grouped(keyed).items()]


def _key(page: Page, mesh: str, box: Box) -> tuple[int, str]:
    wave = page.waves.get((mesh, box.name))
    if wave is not None:
        return wave, f"Wave {wave}"
    standing = page.standings.get((mesh, box.name))
    if standing is None:
        return 1_000_000 + len(_ORDER), "Known from calls only"
    words = VERDICTS[standing.verdict]
    stays = page.plan is not None and standing.verdict not in {"not-in-mesh"}
    return 1_000_000 + _ORDER.index(standing.verdict), f"Stays: {words}" if stays else words.capitalize()


def _square(box: Box, place: int, top: int) -> Html:
    x, y = (place % ACROSS) * (SIDE + GAP), top + (place // ACROSS) * (SIDE + GAP)
    words = PLANES.get(box.plane, box.plane) + (" and waypoint" if box.waypoint else "")
    dot = el("circle", cx=x + SIDE / 2, cy=y + SIDE / 2, r=2.5, class_="waypoint") if box.waypoint else None
    square = el("rect", x=x, y=y, width=SIDE, height=SIDE, rx=2)
    return el(
        "g",
        el("title", f"{box.name or NAMELESS}: {words}"),
        square,
        dot,
        class_=f"box {box.plane}",
        data_name=box.name or NAMELESS,
    )
