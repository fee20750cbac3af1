"""What comes first and last on a page: what it is about, problems, counts and advice, and what was read."""

from __future__ import annotations

import shlex
from collections import Counter
from collections.abc import Iterable, Iterator

from ambimigrate.model import Problem, grouped
from ambimigrate.render import places
from ambimigrate.render.html.markup import Html, el
from ambimigrate.render.html.values import SEVERITIES, VERDICTS, Page, badge, code, mesh_name, rule_link
from ambimigrate.render.style import counted

PLACES = 20  # of one problem
TEMPLATES = 200


def header(page: Page) -> Html:
    """The title, and what every verdict is for."""
    target = page.report.target
    facts = [
        ("Target", f"Istio {target.istio}"),
        ("Gateway API", f"{target.gateway_api} ({target.channel})"),
        ("Platform", target.platform or "not given"),
        ("Input", _read(page)),
    ]
    facts += [("Meshes", ", ".join(mesh_name(each.name) for each in page.report.meshes))] if page.several else []
    title = "The plan to ambient mode" if page.plan else "The way to ambient mode"
    listed = [el("div", el("dt", key), el("dd", value)) for key, value in facts]
    return el("header", el("p", "ambimigrate", class_="brand"), el("h1", title), el("dl", listed, class_="facts"))


def _read(page: Page) -> str:
    counts, source = page.report.counts, page.report.source
    if source == "cluster":
        return f"{counted(sum(counts.objects.values()), 'object')} of a cluster"
    also = " and a cluster" if source == "both" else ""
    return f"{counted(counts.files, 'file')}{also}, {counted(sum(counts.objects.values()), 'object')}"


def problems(page: Page) -> Html | None:
    """What could not be read, hence is not judged."""
    found, files = page.report.problems, page.report.counts.not_rendered
    parts = [*_problems(found), *_not_rendered(files)]
    if not parts:
        return None
    title = "What was not read"
    return el("section", el("h2", title), parts, id="problems", class_="alert" if found else "alert mild")


def _problems(found: tuple[Problem, ...]) -> Iterator[Html]:
    if not found:
        return
    yield el("p", el("strong", f"{counted(len(found), 'problem')} in the input: what depends on it is unknown."))
    items = []
    for message, same in grouped((each.message, each) for each in found).items():
        places = [each.file + (f":{each.line}" if each.line else "") for each in same if each.file]
        more = f" and {counted(len(places) - PLACES, 'more place')}" if len(places) > PLACES else ""
        listed = [[code(each), " "] for each in places[:PLACES]]
        items.append(el("li", message, " " if places else "", listed, more))
    yield el("ul", items)


def _not_rendered(files: Iterable[str]) -> Iterator[Html]:
    files = list(files)
    if not files:
        return
    charts = places.charts(files)
    yield el("p", el("strong", f"{counted(len(files), 'Helm template')} not rendered, hence not read. "), "This reads a chart:")
    yield el("ul", [el("li", code(f"helm template {shlex.quote(each)} | ambimigrate scan -")) for each in charts])
    more = f"and {len(files) - TEMPLATES} more; --format json lists all" if len(files) > TEMPLATES else None
    names = [el("li", code(each)) for each in files[:TEMPLATES]]
    yield el("details", el("summary", "The templates"), el("ul", names), el("p", more) if more else None)


def summary(page: Page) -> Html:
    """How many findings of each level, and how many namespaces of each verdict."""
    found = page.report.summary
    levels = [_tally(level, found[level], "findings") for level in SEVERITIES]
    if opens := sum(1 for each in page.report.findings if each.fails_open and not each.suppressed):
        levels.append(_tally("opens", opens, "findings", "of them fail open"))
    if found["suppressed"]:
        levels.append(_tally("quiet", found["suppressed"], "findings", "suppressed"))
    verdicts = Counter(each.verdict for each in page.report.namespaces)
    standing = [
        _tally(each, verdicts[each], "namespaces", _plural(each, verdicts[each])) for each in VERDICTS if verdicts[each]
    ]
    rows = [el("h3", "Findings"), el("ul", levels, class_="tallies")]
    rows += [el("h3", "Namespaces"), el("ul", standing, class_="tallies")] if standing else []
    rows += [el("h3", "Plan"), el("ul", list(_moves(page)), class_="tallies")] if page.plan else []
    return el("section", el("h2", "At a glance"), el("div", rows, class_="glance"), id="glance")


def _plural(verdict: str, count: int) -> str:
    words = VERDICTS[verdict]
    return words if count == 1 else words.replace("has to", "have to").replace("needs ", "need ")


def _tally(kind: str, count: int, where: str, words: str = "") -> Html:
    return el("li", el("a", el("strong", str(count)), badge(kind, words or kind), href=f"#{where}"))


def _moves(page: Page) -> Iterator[Html]:
    plan = page.plan
    if plan is None:
        return
    gaps = sum(len(each.gaps) for each in plan.waves)
    yield _tally("plain", len(plan.waves), "waves", "waves")
    yield _tally("ready", sum(len(each.namespaces) for each in plan.waves), "waves", "namespaces move")
    yield _tally("wait", len(plan.held), "held", "held")
    yield _tally("needs-changes" if gaps else "plain", gaps, "gaps", "gaps in enforcement")


def advice(page: Page) -> Html | None:
    """What we would do in this situation."""
    if not page.report.advice:
        return None
    items = []
    for each in page.report.advice:
        because = [[" ", rule_link(page, rule)] for rule in each.because]
        ids = el("span", "because of", because, class_="under") if because else None
        items.append(el("li", el("strong", f"{each.situation}. "), each.recommendation, ids))
    return el("section", el("h2", "Advice"), el("ul", items, class_="spaced"), id="advice")


def outlook(page: Page) -> Html | None:
    """The verdict of each namespace by version, where it changes."""
    if not page.report.outlook:
        return None
    before: dict[tuple[str, str], str] = {}
    items = []
    for each in page.report.outlook:
        now = {(one.mesh, one.name): one.verdict for one in each.standings}
        changed = [key for key, verdict in now.items() if before.get(key, verdict) != verdict]
        words = ", ".join(f"{name} {VERDICTS[now[mesh, name]]}" for mesh, name in changed) or "no other verdict"
        items.append(el("li", el("strong", f"Istio {each.version}: "), words if before else "the verdicts of this page"))
        before = now
    return el("section", el("h2", "On later versions"), el("ul", items, class_="spaced"), id="versions")


def read(page: Page) -> Html:
    """What was read and what was passed over, with the remarks of those who read it."""
    counts = page.report.counts
    objects = [el("tr", el("th", kind, scope="row"), el("td", str(number))) for kind, number in sorted(counts.objects.items())]
    skipped = [el("tr", el("th", why, scope="row"), el("td", str(number))) for why, number in sorted(counts.skipped.items())]
    notes = [el("li", each) for each in page.report.notes]
    return el(
        "section",
        el("h2", "What was read"),
        el("ul", notes, class_="spaced") if notes else None,
        el("div", _numbers("Objects", objects), _numbers("Passed over", skipped), class_="pair"),
        id="input",
    )


def _numbers(title: str, rows: list[Html]) -> Html | None:
    if not rows:
        return None
    head = el("thead", el("tr", el("th", title, scope="col"), el("th", "Number", scope="col")))
    return el("table", el("caption", title, class_="quiet"), head, el("tbody", rows), class_="numbers")
