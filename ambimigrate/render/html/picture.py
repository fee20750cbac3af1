"""A mesh as a drawing: namespaces as boxes from callers to what they call, with workloads, sidecars, ztunnel and waypoints."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from ambimigrate.render.html.layered import Layout, layout
from ambimigrate.render.html.markup import Html, el
from ambimigrate.render.html.scene import GATEWAY, SYSTEM, Box, Line, Scene
from ambimigrate.render.html.values import NAMELESS
from ambimigrate.topology import injection

WIDTH, HEIGHT, GAP, ACROSS = 172, 56, 16, 76  # of a box; between boxes of a column; between columns
ALONE = 6  # boxes in a row, of those that are not seen to call or be called
FITS = 1_400  # the width up to which a drawing is made smaller rather than scrolled
_LETTERS = 21
_PODS = 6
PLANES = {
    injection.SIDECAR: "sidecars",
    injection.AMBIENT: "ztunnel",
    injection.MIXED: "sidecars and ztunnel",
    injection.NONE: "outside the mesh",
    injection.UNKNOWN: "unknown",
    GATEWAY: "gateway",
    SYSTEM: "control plane",
}


def drawing(scene: Scene, title: str, words: str, number: str) -> Html:
    """The drawing as SVG; `words` tell a reader who does not see it what it shows."""
    linked = {end for edge in scene.edges for end in (edge.caller, edge.callee)}
    found = layout(linked, ((each.caller, each.callee) for each in scene.edges))
    alone = [each for each in scene.boxes if each.name not in linked]
    places = {name: _point(*at) for name, at in found.at.items()} | _rest(found, [each.name for each in alone])
    width = max((x for x, _ in places.values()), default=0) + WIDTH + 24
    height = max(max((y + HEIGHT for _, y in places.values()), default=0), found.rows * (HEIGHT + GAP)) + 12
    return el(
        "svg",
        el("title", title, id=f"t-{number}"),
        el("desc", words, id=f"d-{number}"),
        [_line(scene, edge, places, found) for edge in scene.edges],
        [_box(each, *places[each.name]) for each in scene.boxes],
        viewBox=f"0 0 {width:g} {height:g}",
        width=f"{width:g}",
        height=f"{height:g}",
        role="img",
        aria_labelledby=f"t-{number} d-{number}",
        class_="mesh fits" if width <= FITS else "mesh",
    )


def _point(column: int, row: float) -> tuple[float, float]:
    return 18 + column * (WIDTH + ACROSS), 6 + round(row * (HEIGHT + GAP), 1)


def _rest(found: Layout, names: Iterable[str]) -> dict[str, tuple[float, float]]:
    """Places below the graph, row by row."""
    top = 6 + found.rows * (HEIGHT + GAP) + GAP if found.at else 6
    step = WIDTH + 14
    return {
        name: (18 + (number % ALONE) * step, round(top + (number // ALONE) * (HEIGHT + GAP), 1))
        for number, name in enumerate(names)
    }


# --- lines ----------------------------------------------------------------------------------------------------------


def _line(scene: Scene, edge: Line, places: dict[str, tuple[float, float]], found: Layout) -> Html:
    (x1, y1), (x2, y2) = places[edge.caller], places[edge.callee]
    kind = f"edge {scene.kind(edge)}{' guessed' if edge.guessed else ''}"
    title = el("title", f"{edge.caller} calls {edge.callee}{' (guessed)' if edge.guessed else ''}: {edge.because}")
    middle = HEIGHT / 2
    if x1 == x2:  # within a circle of calls: around the right side
        path = f"M{x1 + WIDTH:g} {y1 + middle:g}C{x1 + WIDTH + 50:g} {y1 + middle:g} {x2 + WIDTH + 50:g} {y2 + middle:g}"
        return _drawn(f"{path} {x2 + WIDTH:g} {y2 + middle:g}", kind, title, (x2 + WIDTH, y2 + middle, -1))
    way = 1 if x2 > x1 else -1
    start = (x1 + (WIDTH if way > 0 else 0), y1 + middle + (0 if way > 0 else 9))
    end = (x2 + (0 if way > 0 else WIDTH), y2 + middle + (0 if way > 0 else 9))
    path = f"M{start[0]:g} {start[1]:g}"
    for column, row in found.bends[edge.caller, edge.callee]:
        x, y = _point(column, row)
        left, right = (x, y + middle), (x + WIDTH, y + middle)
        near, far = (left, right) if way > 0 else (right, left)
        path += _curve(start, near, way) + f"L{far[0]:g} {far[1]:g}"
        start = far
    return _drawn(path + _curve(start, end, way), kind, title, (*end, way))


def _curve(start: tuple[float, float], end: tuple[float, float], way: int) -> str:
    pull = way * ACROSS / 2
    return f"C{start[0] + pull:g} {start[1]:g} {end[0] - pull:g} {end[1]:g} {end[0]:g} {end[1]:g}"


def _drawn(path: str, kind: str, title: Html, tip: tuple[float, float, int]) -> Html:
    x, y, way = tip
    head = f"{x:g},{y:g} {x - way * 7:g},{y - 3.5:g} {x - way * 7:g},{y + 3.5:g}"
    return el("g", title, el("path", d=path), el("polygon", points=head), class_=kind)


# --- boxes ----------------------------------------------------------------------------------------------------------


def _box(box: Box, x: float, y: float) -> Html:
    words = PLANES.get(box.plane, box.plane) + (" and waypoint" if box.waypoint else "")
    title = el("title", f"{box.name or NAMELESS}: {words}, {box.workloads} workload{'' if box.workloads == 1 else 's'}")
    return el(
        "svg",
        title,
        el("rect", x=0.5, y=0.5, width=WIDTH - 1, height=HEIGHT - 1, rx=5, class_="frame"),
        el("text", shortened(box.name or NAMELESS, _LETTERS), x=12 if not box.waypoint else 26, y=20, class_="label"),
        el("text", PLANES.get(box.plane, box.plane), x=12, y=38, class_="plane") if box.plane != injection.SIDECAR else None,
        list(_pods(box)),
        el("rect", x=1, y=HEIGHT - 7, width=WIDTH - 2, height=6, class_="ztunnel") if _has_ztunnel(box) else None,
        el("polygon", points="5,15.5 9,9 17,9 21,15.5 17,22 9,22", class_="waypoint") if box.waypoint else None,
        x=f"{x:g}",
        y=f"{y:g}",
        width=WIDTH,
        height=HEIGHT,
        class_=f"box {box.plane}",
    )


def _has_ztunnel(box: Box) -> bool:
    return box.plane in {injection.AMBIENT, injection.MIXED}


def _pods(box: Box) -> Iterator[Html]:
    """A circle for each workload, each with a square where it has a sidecar; in a mixed namespace some have one."""
    has_sidecars = box.plane in {injection.SIDECAR, GATEWAY, injection.MIXED}
    count = min(box.workloads, _PODS)
    step = 19 if has_sidecars else 12
    x = 12.0 if box.plane == injection.SIDECAR else WIDTH - 12 - count * step - (24 if box.workloads > _PODS else 0)
    if box.plane in {GATEWAY, injection.MIXED} and count * step > WIDTH / 3:
        count = 2 if box.plane == injection.MIXED else 3
        x = WIDTH - 12 - count * step - 24
    for number in range(count):
        at = x + number * step
        yield el("circle", cx=f"{at + 4:g}", cy=34, r=4, class_="pod")
        if has_sidecars:
            yield el("rect", x=f"{at + 9:g}", y=30, width=6, height=8, rx=1, class_="proxy")
    if box.workloads > count:
        yield el("text", f"+{box.workloads - count}", x=f"{x + count * step + 2:g}", y=38, class_="plane")


def shortened(name: str, letters: int) -> str:
    """The name, its middle left out where it is too long for a box."""
    if len(name) <= letters:
        return name
    half = (letters - 1) // 2
    return f"{name[: letters - 1 - half]}…{name[-half:]}"
