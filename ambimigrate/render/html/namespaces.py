"""Where each namespace stands: data plane, verdict, findings and waypoints, as tables."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable

from ambimigrate import catalogue
from ambimigrate.render.html.markup import Html, el, join
from ambimigrate.render.html.values import SEVERITIES, VERDICTS, Page, badge, mesh_name, name, region, rule_link
from ambimigrate.verdicts import Standing, namespace_of

_ORDER = tuple(VERDICTS)
SHOWN = 3
TITLED = 150  # namespaces, up to which the table of waypoints repeats the titles of rules


def section(page: Page) -> Html:
    """A row for each namespace of each mesh, those that wait first."""
    found = sorted(page.report.namespaces, key=lambda each: (_ORDER.index(each.verdict), each.name, each.mesh))
    if not found:
        return el("section", el("h2", "Namespaces"), el("p", "No namespace of the mesh was read."), id="namespaces")
    counts = _counts(page)
    heads = ["Namespace", *(["Mesh"] if page.several else []), "Data plane", "Verdict"]
    heads += [*(["Wave"] if page.plan else []), "Findings", "Waypoint for"]
    table = el(
        "table",
        el("caption", "Every namespace, its verdict, and the Services in it that need a waypoint", class_="quiet"),
        el("thead", el("tr", [el("th", each, scope="col") for each in heads])),
        el("tbody", [_row(each, page, counts[each.mesh, each.name]) for each in found]),
        class_="cards",
        id="standings",
    )
    search = el(
        "p",
        el("label", "Find a namespace", for_="n-text"),
        el("input", type="search", id="n-text", autocomplete="off", spellcheck="false"),
        el("output", "", id="n-count", aria_live="polite"),
        class_="finder",
        hidden=True,
    )
    title = el("h2", "Namespaces ", el("span", str(len(found)), class_="count"))
    return el("section", title, search, region("Table of namespaces", table), id="namespaces")


def _counts(page: Page) -> dict[tuple[str, str], Counter[str]]:
    found: dict[tuple[str, str], Counter[str]] = defaultdict(Counter)
    for each in page.report.findings:
        if not each.suppressed:
            for mesh in each.meshes:
                found[mesh, namespace_of(each)][each.severity.name] += 1
    return found


def _row(standing: Standing, page: Page, counts: Counter[str]) -> Html:
    wave = page.waves.get((standing.mesh, standing.name))
    cells = [
        el("td", mesh_name(standing.mesh), data_h="Mesh") if page.several else None,
        el("td", _plane(standing), data_h="Data plane"),
        el("td", _verdict(standing), data_h="Verdict"),
        el("td", el("a", str(wave), href=f"#{page.wave(standing.mesh, wave)}") if wave else "–", data_h="Wave")
        if page.plan
        else None,
        el("td", _findings(standing, counts), data_h="Findings"),
        el("td", _waypoint(standing), data_h="Waypoint for"),
    ]
    head = el("th", name(standing.name), scope="row")
    return el("tr", head, cells, id=f"n-{page.numbers[standing.mesh, standing.name]}")


def _plane(standing: Standing) -> str:
    return "taken for sidecar, its Namespace object was not read" if standing.assumed else standing.mode


def _verdict(standing: Standing) -> Html:
    notes = []
    if standing.wait_for:
        notes.append(f"for {standing.wait_for}")
    if standing.not_seen:
        more = f" and {len(standing.not_seen) - SHOWN} more" if len(standing.not_seen) > SHOWN else ""
        notes.append(f"not seen: {', '.join(standing.not_seen[:SHOWN])}{more}")
    return join([badge(standing.verdict, VERDICTS[standing.verdict]), [el("span", each, class_="under") for each in notes]])


def _findings(standing: Standing, counts: Counter[str]) -> Html | str:
    words = ", ".join(f"{counts[level]} {level}" for level in SEVERITIES if counts[level])
    return el("a", words, href="#findings", data_show=standing.name) if words else "–"


def _waypoint(standing: Standing) -> Html | str:
    need = standing.waypoint
    if need is None:
        return "–"
    bound = "" if standing.unbound else " (bound)"
    return el("span", f"{', '.join(need.services)}{bound}", class_="names")


# --- waypoints ------------------------------------------------------------------------------------------------------


def waypoints(page: Page) -> Html:
    """The Services that need a waypoint, and why."""
    found = [each for each in page.report.namespaces if each.waypoint]
    if not found:
        words = "No Service needs a waypoint: ztunnel carries out everything that was read."
        unseen = any(each.verdict == "unknown" for each in page.report.namespaces)
        more = " Namespaces with verdict “unknown” may need one." if unseen else ""
        return el("section", el("h2", "Waypoints"), el("p", words + more), id="waypoints")
    heads = ["Namespace", *(["Mesh"] if page.several else []), "Services", "Because of"]
    table = el(
        "table",
        el("caption", "Services that need a waypoint, and the findings that say so", class_="quiet"),
        el("thead", el("tr", [el("th", each, scope="col") for each in heads])),
        el("tbody", [_need(each, page, titled=len(found) <= TITLED) for each in found]),
        class_="cards",
    )
    title = el("h2", "Waypoints that are needed ", el("span", str(len(found)), class_="count"))
    return el("section", title, region("Table of waypoints", table), id="waypoints")


def _need(standing: Standing, page: Page, *, titled: bool) -> Html:
    need = standing.waypoint
    services, because = (need.services, need.because) if need else ((), ())
    left = ", ".join(standing.unbound)
    note = f"not bound yet: {left}" if standing.unbound and len(standing.unbound) < len(services) else None
    note = note or ("none is bound yet" if standing.unbound else "all are bound")
    return el(
        "tr",
        el("th", name(standing.name), scope="row"),
        el("td", mesh_name(standing.mesh), data_h="Mesh") if page.several else None,
        el("td", el("span", ", ".join(services), class_="names"), el("span", note, class_="under"), data_h="Services"),
        el("td", _reasons(page, because, titled=titled), data_h="Because of"),
    )


def _reasons(page: Page, because: Iterable[str], *, titled: bool) -> Html:
    if not titled:
        return el("span", [[rule_link(page, rule), " "] for rule in because])
    known = catalogue.entries()
    titles = {rule: f" {known[rule].title}" if rule in known else "" for rule in because}
    return el("ul", [el("li", rule_link(page, rule), title) for rule, title in titles.items()], class_="plain")
