"""The report or the plan as one HTML file that needs nothing else: no network, readable without script, and on paper."""

from __future__ import annotations

import hashlib
from base64 import b64encode
from collections.abc import Iterable
from importlib.resources import files
from typing import TYPE_CHECKING, TextIO

from msgspec.structs import replace

from ambimigrate import __version__
from ambimigrate.render.html import findings, gated, mesh, namespaces, overall, steps, tables, wavegraph
from ambimigrate.render.html.markup import Html, el, raw
from ambimigrate.render.html.values import Page, Room
from ambimigrate.report import Report

if TYPE_CHECKING:
    from ambimigrate.plan.values import Plan

MOST, LEAST = 4_300_000, 400_000  # bytes of all sections, and of findings at least: a page stays under 5 MB
_NAMES = {
    "problems": "Not read",
    "gate": "Gate",
    "glance": "At a glance",
    "order": "Order",
    "waves": "Steps",
    "held": "Held",
    "gaps": "Gaps",
    "mesh": "The mesh",
    "namespaces": "Namespaces",
    "findings": "Findings",
    "waypoints": "Waypoints",
    "advice": "Advice",
    "policies": "Who is let in",
    "versions": "Later versions",
    "input": "Input",
}


def render(report: Report, out: TextIO) -> None:
    """Writes the page of a scan."""
    _write(Page(report), out)


def render_plan(plan: Plan, report: Report, out: TextIO) -> None:
    """Writes the page of a plan, with the meshes that it is for."""
    from ambimigrate.converters.apply import after

    chosen = {*(each.mesh for each in plan.waves), *(each.mesh for each in plan.held), *(each.mesh for each in plan.graphs)}
    meshes = tuple(each for each in report.meshes if each.name in chosen) or report.meshes
    names = {each.name for each in meshes}
    shown = replace(
        report,
        meshes=meshes,
        findings=tuple(each for each in report.findings if not names.isdisjoint(each.meshes)),
        namespaces=tuple(each for each in report.namespaces if each.mesh in names),
    )
    changes = [change for wave in plan.waves for step in wave.steps for change in step.changes]
    _write(Page(shown, plan, tuple(after(mesh, changes) for mesh in meshes)), out)


def _write(page: Page, out: TextIO) -> None:
    parts = _sections(page)
    style, script = _asset("page.css"), _asset("page.js")
    title = "The plan to ambient mode" if page.plan else "The way to ambient mode"
    known = el("script", mesh.known(page), type="application/json", id="known")
    out.write("<!doctype html>\n")
    head = el(
        "head",
        el("meta", charset="utf-8"),
        el("meta", http_equiv="Content-Security-Policy", content=policy(style, script)),
        el("meta", name="viewport", content="width=device-width, initial-scale=1"),
        el("meta", name="color-scheme", content="light dark"),
        el("meta", name="referrer", content="no-referrer"),
        el("meta", name="generator", content=f"ambimigrate {__version__}"),
        el("title", f"{title} – ambimigrate"),
        el("link", rel="icon", href="data:,"),
        el("style", raw(style)),
    )
    out.write(f'<html lang="en">\n{head}\n<body>\n')
    out.write(el("a", "Skip to the content", href="#content", class_="skip") + "\n")
    out.write(el("div", overall.header(page), _navigation(parts), class_="top") + '\n<main id="content" tabindex="-1">\n')
    for part in parts.values():
        out.write(f"{part}\n")
    foot = el("footer", el("p", f"Made by ambimigrate {__version__}. This page loads nothing and sends nothing."))
    out.write(f"</main>\n{foot}\n{known}\n{el('script', raw(script))}\n</body>\n</html>\n")


def _sections(page: Page) -> dict[str, Html]:
    """The sections in their order; what could not be read comes first. Findings get the room that the others leave."""
    made: dict[str, Html | None] = {
        "problems": overall.problems(page),
        "gate": gated.section(page),
        "glance": overall.summary(page),
        "advice": overall.advice(page),
        "order": wavegraph.section(page),
        "waves": steps.waves(page),
        "held": steps.held(page),
        "gaps": steps.gaps(page),
        "mesh": mesh.section(page),
        "namespaces": namespaces.section(page),
        "findings": None,
        "waypoints": namespaces.waypoints(page),
        "policies": tables.section(page),
        "versions": overall.outlook(page),
        "input": overall.read(page),
    }
    taken = sum(len(part.encode()) for part in made.values() if part is not None)
    made["findings"] = findings.section(page, Room(max(MOST - taken, LEAST)))
    return {name: part for name, part in made.items() if part is not None}


def _navigation(parts: Iterable[str]) -> Html:
    links = [el("li", el("a", _NAMES[each], href=f"#{each}")) for each in parts]
    return el("nav", el("ul", links), aria_label="Sections")


def _asset(name: str) -> str:
    return files(__package__).joinpath(name).read_text(encoding="utf-8")


def policy(style: str, script: str) -> str:
    """The content security policy: nothing but this very style and script."""
    return (
        f"default-src 'none'; style-src {_hashed(style)}; script-src {_hashed(script)}; img-src data:;"
        " base-uri 'none'; form-action 'none'"
    )


def _hashed(content: str) -> str:
    return f"'sha256-{b64encode(hashlib.sha256(content.encode()).digest()).decode()}'"
