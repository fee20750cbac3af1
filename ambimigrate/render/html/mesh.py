"""The mesh today and after as pictures with their text, and the calls that they show."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from ambimigrate.model import Mesh, grouped
from ambimigrate.render.html import overview, picture
from ambimigrate.render.html.markup import Html, data, el, shown
from ambimigrate.render.html.picture import PLANES
from ambimigrate.render.html.scene import Line, Scene, later, today
from ambimigrate.render.html.values import NAMELESS, VERDICTS, Page, code, mesh_name, name, region
from ambimigrate.render.style import counted

BOXES, EDGES = 48, 160  # more than that nobody reads in one drawing
TABLE = 1_500  # calls that are listed one by one, with what shows them
_IN = {
    "sidecar": "with sidecars",
    "ambient": "with ztunnel",
    "mixed": "with both",
    "none": "outside the mesh",
    "unknown": "unknown",
    "gateway": "of gateways",
    "system": "of the control plane",
}
_LEGEND = (
    ("pod", "workload"),
    ("proxy", "its sidecar"),
    ("ztunnel", "ztunnel: mTLS and L4 policy, one on each node"),
    ("waypoint", "waypoint: L7 routing and policy"),
    ("mtls", "mTLS between sidecars"),
    ("hbone", "mTLS over HBONE (ztunnel at one end at least)"),
    ("plain", "one end is outside the mesh"),
    ("guessed", "guessed from a text that names the Service"),
)


def section(page: Page) -> Html:
    """Each mesh in both states; what is alike in several meshes is shown once."""
    seen: dict[tuple[Scene, Scene], list[Mesh]] = {}
    for mesh in page.report.meshes:
        scenes = today(page, mesh), later(page, mesh)
        seen.setdefault(scenes, []).append(mesh)
    parts = [_mesh(page, meshes, scenes, number) for number, (scenes, meshes) in enumerate(seen.items())]
    return el(
        "section",
        el("h2", "The mesh today and after"),
        _says(page),
        _legend(),
        parts,
        _chooser(seen),
        id="mesh",
    )


def _says(page: Page) -> Html:
    after = (
        "“After” is the mesh once every wave of this plan is done."
        if page.ends
        else "“After” is what the verdicts let expect, once findings are dealt with; plan computes it."
    )
    return el("p", f"Callers stand left of what they call. A caller that was not seen may still exist. {after}")


def _legend() -> Html:
    return el("ul", [el("li", _swatch(kind), " ", words) for kind, words in _LEGEND], class_="legend", aria_label="Legend")


def _swatch(kind: str) -> Html:
    shapes = {
        "pod": el("circle", cx=12, cy=7, r=4, class_="pod"),
        "proxy": el("rect", x=9, y=3, width=6, height=8, rx=1, class_="proxy"),
        "ztunnel": el("rect", x=1, y=4, width=22, height=6, class_="ztunnel"),
        "waypoint": el("polygon", points="4,7 8,1 16,1 20,7 16,13 8,13", class_="waypoint"),
    }
    line = el("g", el("path", d="M0 7H24"), class_=f"edge {'mtls guessed' if kind == 'guessed' else kind}")
    return el("svg", shapes.get(kind, line), width=24, height=14, viewBox="0 0 24 14", aria_hidden="true", class_="mesh swatch")


def _mesh(page: Page, meshes: list[Mesh], scenes: tuple[Scene, Scene], number: int) -> Html:
    title = ", ".join(mesh_name(each.name) for each in meshes)
    heading = el("h3", f"Mesh {title}") if page.several else None
    figures = [
        _figure(page, meshes[0].name, scene, when, f"{number}{key}")
        for scene, when, key in zip(scenes, ("Today", "After"), "ab", strict=True)
    ]
    return el("div", heading, figures, _calls(scenes[0].edges, title), class_="scenes")


def _figure(page: Page, mesh: str, scene: Scene, when: str, number: str) -> Html:
    words = _words(scene)
    if len(scene.boxes) > BOXES or len(scene.edges) > EDGES:
        drawn = overview.drawing(page, mesh, scene, when, number)
    else:
        drawn = picture.drawing(scene, when, words, number)
    caption = el("figcaption", el("strong", f"{when}. "), words)
    return el("figure", caption, region(f"Picture: {when}", drawn))


def _words(scene: Scene) -> str:
    """The picture in a sentence."""
    planes = grouped((each.plane, each) for each in scene.boxes)
    ordered = [key for key in PLANES if key in planes]
    parts = [f"{len(planes[key])} {_IN[key]}" for key in ordered]
    fronted = sum(1 for each in scene.boxes if each.waypoint)
    calls = counted(len(scene.edges), "call")
    return (
        f"{counted(len(scene.boxes), 'namespace')}: {', '.join(parts)}; {fronted} with a waypoint; {calls} between them seen."
    )


# --- calls ----------------------------------------------------------------------------------------------------------


def _calls(edges: tuple[Line, ...], title: str) -> Html | None:
    """The text alternative of the lines."""
    if not edges:
        return None
    rows, heads = (
        (_each(edges), ["Caller", "Calls", "Shown by"]) if len(edges) <= TABLE else (_together(edges), ["Called", "By"])
    )
    table = el(
        "table",
        el("caption", f"Calls between namespaces of {title}", class_="quiet"),
        el("thead", el("tr", [el("th", each, scope="col") for each in heads])),
        el("tbody", list(rows)),
    )
    note = None if len(edges) <= TABLE else el("p", "What shows each of them is left out, being too much for a page.")
    summary = el("summary", f"The {counted(len(edges), 'call')} as a table")
    return el("details", summary, note, region("Table of calls", table))


def _each(edges: Iterable[Line]) -> Iterator[Html]:
    for edge in edges:
        place = edge.file + (f":{edge.line}" if edge.line else "")
        shown = [edge.because, " (guessed)" if edge.guessed else "", [" ", code(place)] if place else None]
        yield el("tr", el("th", name(edge.caller), scope="row"), el("td", name(edge.callee)), el("td", shown))


def _together(edges: Iterable[Line]) -> Iterator[Html]:
    callers = grouped((edge.callee, edge.caller) for edge in sorted(edges, key=lambda each: (each.callee, each.caller)))
    for callee, names in callers.items():
        yield el("tr", el("th", name(callee), scope="row"), el("td", ", ".join(each or NAMELESS for each in names)))


# --- one namespace --------------------------------------------------------------------------------------------------


def _chooser(seen: dict[tuple[Scene, Scene], list[Mesh]]) -> Html | None:
    """A control that shows one namespace with its callers and what it calls; the script fills it."""
    if not seen:
        return None
    return el(
        "div",
        el("h3", "One namespace and its neighbours"),
        el(
            "p",
            el("label", "Namespace", for_="g-name"),
            el("input", id="g-name", list="g-names", autocomplete="off", spellcheck="false"),
            class_="finder",
        ),
        el("datalist", id="g-names"),
        el("div", id="g-out", aria_live="polite"),
        id="chooser",
        hidden=True,
    )


def known(page: Page) -> Html:
    """The namespaces and calls as JSON for the script."""
    meshes: list[dict[str, Any]] = []
    for mesh in page.report.meshes:
        now, then = today(page, mesh), later(page, mesh)
        place = {each.name: number for number, each in enumerate(now.boxes)}
        rows = [_row(page, mesh, pair) for pair in zip(now.boxes, then.boxes, strict=True)]
        edges = [[place[each.caller], place[each.callee], int(each.guessed)] for each in now.edges]
        meshes.append({"name": mesh_name(shown(mesh.name)), "boxes": rows, "edges": edges})
    return data({"meshes": meshes})


def _row(page: Page, mesh: Mesh, pair: tuple[Any, Any]) -> list[Any]:
    now = pair[0]
    standing = page.standings.get((mesh.name, now.name))
    words = [PLANES.get(each.plane, each.plane) + (" and waypoint" if each.waypoint else "") for each in pair]
    verdict = VERDICTS[standing.verdict] if standing else ""
    number = page.numbers.get((mesh.name, now.name), -1)
    return [shown(now.name) or NAMELESS, *words, verdict, page.waves.get((mesh.name, now.name), 0), number]
