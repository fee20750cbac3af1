"""The waves of a plan with their steps, the gaps that stay, and the namespaces that are held."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from ambimigrate.model import grouped
from ambimigrate.render.html.markup import Html, el
from ambimigrate.render.html.values import Page, Room, badge, code, mesh_name, name, region
from ambimigrate.render.style import counted

if TYPE_CHECKING:
    from ambimigrate.plan.values import Gap, HeldBack, Plan, Step, Wave

SHOWN = 6  # reasons of a held namespace, before the rest is folded
_MEANWHILE = {"unenforced": "not enforced", "refused": "refuses whom nobody refused before", "unaudited": "not audited"}
FEW = 3  # lines of a list and reasons, once there is no room for all
ROOM, HELD_ROOM = 1_100_000, 500_000


def waves(page: Page) -> Html | None:
    """Every wave, by mesh, with its steps."""
    if page.plan is None:
        return None
    parts: list[Html] = []
    room = Room(ROOM)
    for mesh, members in grouped((each.mesh, each) for each in page.plan.waves).items():
        level = "h4" if page.several else "h3"
        parts += [el("h3", f"Mesh {mesh_name(mesh)}")] if page.several else []
        parts += [_wave(each, level, (page, room)) for each in members]
    if not parts:
        words = "Nothing moves yet: the reasons stand under “Held”." if page.plan.held else "There is nothing to move."
        return el("section", el("h2", "Steps"), el("p", words), id="waves")
    buttons = [el("button", words, type="button", data_fold=way) for words, way in (("Open all", "open"), ("Close all", ""))]
    return el("section", el("h2", "Steps"), el("p", buttons, class_="tools", hidden=True), parts, id="waves")


def _wave(wave: Wave, level: str, on: tuple[Page, Room]) -> Html:
    page, room = on
    names = [[name(each), " "] for each in wave.namespaces]
    gaps = el("p", _gap_links(wave)) if wave.gaps else None
    return el(
        "section",
        el(level, el("span", f"Wave {wave.number}", class_="rule"), " ", el("span", wave.title, class_="title")),
        el("p", "Becomes ambient here: ", names, class_="moves") if names else None,
        gaps,
        [_step(each, room, page.step(wave.mesh, each.id)) for each in wave.steps],
        class_="wave",
        id=page.wave(wave.mesh, wave.number),
    )


def _gap_links(wave: Wave) -> Html:
    return el("a", f"{counted(len(wave.gaps), 'gap')} in enforcement meanwhile", href="#gaps")


def _step(step: Step, room: Room, anchor: str) -> Html:
    whole = _body(step, None)
    stage = badge("plain", step.stage.name) if step.stage else None
    title = el("summary", el("span", step.id, class_="rule"), " ", el("span", step.title, class_="title"), " ", stage)
    body = whole if room.takes(whole) else _body(step, FEW)
    return el("details", title, body, open=True, id=anchor)


def _body(step: Step, most: int | None) -> Html:
    """The parts of a step; of long lists no more than so many lines, which then are not for copying."""
    rows = [
        _listed("Files", step.files, most),
        _listed("Run", step.commands, most, copied=True),
        _listed("Gate", step.gate, most),
        _listed("Verify", step.verify, most),
        list(_triggers(step)),
        [el("dt", "Not enforced meanwhile"), el("dd", step.unenforced)] if step.unenforced else [],
        _listed("Undo", step.undo, most, copied=True),
    ]
    return el("dl", rows, class_="step")


def _listed(label: str, lines: tuple[str, ...], most: int | None, *, copied: bool = False) -> list[Html]:
    if not lines:
        return []
    items = [el("li", code(each)) for each in lines[:most]]
    left = len(lines) - len(items)
    more = (
        el("p", f"{counted(left, 'more line')} than there is room for; plan --format json has all.", class_="note")
        if left
        else None
    )
    return [el("dt", label), el("dd", el("ul", items, class_="commands"), more, data_copy="1" if copied and not left else None)]


def _triggers(step: Step) -> Iterator[Html]:
    if step.triggers:
        yield el("dt", "Stop if")
        yield el("dd", el("ul", [el("li", each.stop_if, " ", code(each.query)) for each in step.triggers], class_="commands"))


def gaps(page: Page) -> Html | None:
    """What is not enforced for whom, from one step to another."""
    if page.plan is None:
        return None
    found = [(wave, gap) for wave in page.plan.waves for gap in wave.gaps]
    listed = [el("li", each) for each in page.plan.orders]
    compared = el("div", el("p", "Orders that were compared, and their gaps:"), el("ul", listed)) if listed else None
    if not found:
        words = "This plan lists no policy that is not enforced for some callers meanwhile."
        return el("section", el("h2", "Gaps in enforcement"), el("p", words), compared, id="gaps")
    heads = ["Policy", "Meanwhile", "Callers", "From step", "To step", "Why no other order avoids it"]
    rows = [_gap(page, wave.mesh, gap, heads) for wave, gap in found]
    table = el(
        "table",
        el("caption", "Policies that are not enforced between two steps", class_="quiet"),
        el("thead", el("tr", [el("th", each, scope="col") for each in heads])),
        el("tbody", rows),
        class_="cards",
    )
    title = el("h2", "Gaps in enforcement ", el("span", str(len(found)), class_="count"))
    return el("section", title, region("Table of gaps", table), compared, id="gaps")


def _gap(page: Page, mesh: str, gap: Gap, heads: list[str]) -> Html:
    return el(
        "tr",
        el("th", el("bdi", gap.policy), badge("mesh", mesh_name(mesh)) if page.several else None, scope="row"),
        el("td", _MEANWHILE.get(gap.kind, gap.kind), data_h=heads[1]),
        el("td", ", ".join(gap.callers), el("span", gap.witness, class_="under") if gap.witness else None, data_h=heads[2]),
        el("td", _to(page, mesh, gap.from_step), data_h=heads[3]),
        el("td", _to(page, mesh, gap.to_step), data_h=heads[4]),
        el("td", gap.why or "–", data_h=heads[5]),
    )


def _to(page: Page, mesh: str, step: str) -> Html:
    anchor = page.step(mesh, step)
    return el("a", step, href=f"#{anchor}") if anchor in page.steps else el("span", step)


def held(page: Page) -> Html | None:
    """The namespaces that stay at `prepare`, and why."""
    if page.plan is None:
        return None
    found = page.plan.held
    if not found:
        return el("section", el("h2", "Held"), el("p", "No namespace is held."), id="held")
    title = el("h2", "Held at prepare ", el("span", str(len(found)), class_="count"))
    words = "They get nothing after the neutral edits of prepare until these reasons are gone."
    return el("section", title, el("p", words), _all_held(found, page), _cycles(page.plan), id="held")


def _all_held(found: Iterable[HeldBack], page: Page) -> list[Html]:
    room = Room(HELD_ROOM)
    made = []
    for each in found:
        whole = _held(each, page, is_whole=True)
        made.append(whole if room.takes(whole) else _held(each, page, is_whole=False))
    return made


def _held(held: HeldBack, page: Page, *, is_whole: bool) -> Html:
    where = badge("mesh", mesh_name(held.mesh)) if page.several else None
    most = SHOWN if is_whole else 1
    first = el("ul", [el("li", each) for each in held.because[:most]])
    rest = held.because[most:]
    more: Html | None = None
    if rest and is_whole:
        more = el("details", el("summary", f"{len(rest)} more"), el("ul", [el("li", each) for each in rest]))
    elif rest:
        more = el("p", f"{counted(len(rest), 'more reason')}; plan --format json has all.", class_="under")
    return el("section", el("h3", name(held.namespace), " ", where), first, more, class_="held")


def _cycles(plan: Plan) -> Html | None:
    items = [el("li", ", ".join(each)) for each in plan.cycles]
    return el("div", el("p", "They call each other in a circle and move together:"), el("ul", items)) if items else None
