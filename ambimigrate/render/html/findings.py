"""The findings of a page: grouped by what is wrong and what to do, worst first, with the controls that filter them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator

from ambimigrate import catalogue
from ambimigrate.model import Finding, Severity, grouped, spelt
from ambimigrate.render.html import gated
from ambimigrate.render.html.markup import Html, el
from ambimigrate.render.html.values import NAMELESS, SEVERITIES, Page, Room, badge, code
from ambimigrate.render.style import counted
from ambimigrate.verdicts import namespace_of

EXAMPLES = 3  # of each kind, however little room there is


def section(page: Page, room: Room) -> Html:
    """All findings; where they are too many for a page, the worst ones and examples, and how many others lie where."""
    found = page.report.findings
    if not found:
        return el("section", el("h2", "Findings"), el("p", "No finding."), id="findings")
    shown, left = _groups(page, room)
    return el(
        "section",
        el("h2", "Findings ", el("span", str(len(found)), class_="count")),
        _left_out(left),
        _controls(found),
        el("div", shown, id="finding-groups"),
        el("p", "No finding fits these filters.", id="nothing", hidden=True),
        id="findings",
    )


def _left_out(left: Counter[str]) -> Html | None:
    if not left:
        return None
    levels = ", ".join(f"{left[level]} {level}" for level in SEVERITIES if left[level])
    words = f"Only counted here, since the page would be too large: {levels}. scan --format json has all of them."
    return el("p", el("strong", words), class_="note")


def _groups(page: Page, room: Room) -> tuple[list[Html], Counter[str]]:
    """Every group with the findings that there is room for, and how many of each level are only counted."""
    ordered = sorted(page.report.findings, key=_rank)
    shown: list[Html] = []
    left: Counter[str] = Counter()
    named: set[str] = set()
    for members in grouped((_kind(each), each) for each in ordered).values():
        rows: list[Html] = []
        rest: list[Finding] = []
        for finding in members:
            row = None if rest else _row(finding, page)
            if row is not None and (room.takes(row) or len(rows) < EXAMPLES):
                rows.append(row)
            else:
                rest.append(finding)
        left[members[0].severity.name] += len(rest)
        shown.append(_group(members[0], rows, rest, is_first=members[0].rule not in named))
        named.add(members[0].rule)
    return shown, +left


def _rest(rest: list[Finding]) -> Html | None:
    """Where the others are."""
    if not rest:
        return None
    places = ", ".join(f"{name or NAMELESS} {count}" for name, count in sorted(Counter(map(namespace_of, rest)).items()))
    return el("details", el("summary", f"{counted(len(rest), 'more finding')}, by namespace"), el("p", places), class_="rest")


def _rank(finding: Finding) -> tuple[object, ...]:
    opens = not finding.fails_open
    return bool(finding.suppressed), -finding.severity, opens, finding.rule, finding.hit.case, finding.order


def _kind(finding: Finding) -> tuple[object, ...]:
    by = finding.suppressed
    return finding.rule, finding.hit.case, finding.severity, finding.fails_open, finding.fix, by


def _group(first: Finding, rows: list[Html], rest: list[Finding], *, is_first: bool) -> Html:
    entry = catalogue.entry(first.rule)
    heading = el(
        "h3",
        badge(first.severity.name, first.severity.name),
        badge("opens", "fails open") if first.fails_open else None,
        badge("quiet", "suppressed") if first.suppressed else None,
        el("span", first.rule, class_="rule"),
        " ",
        el("span", entry.title, class_="title"),
        " ",
        el("span", str(len(rows) + len(rest)), class_="count"),
    )
    return el(
        "section",
        heading,
        el("p", el("strong", "What to do: "), first.fix, class_="fix"),
        _suppressed(first),
        el("ul", rows, class_="rows", role="list"),
        _rest(rest),
        _why(entry),
        class_="group",
        id=f"rule-{first.rule}" if is_first else None,
        data_rule=first.rule,
        data_severity=first.severity.name,
        data_opens="1" if first.fails_open else None,
        data_quiet="1" if first.suppressed else None,
    )


def _suppressed(finding: Finding) -> Html | None:
    by = finding.suppressed
    if by is None:
        return None
    until = f", until {by.expires}" if by.expires else ""
    return el("p", el("strong", "Suppressed: "), f"{by.reason or 'no reason given'} ({by.by}{until})")


def _why(entry: catalogue.Entry) -> Html:
    links = [el("li", el("a", each, href=each, rel="noreferrer")) for each in entry.references if each.startswith("https://")]
    plain = [el("li", code(each)) for each in entry.references if not each.startswith("https://")]
    return el("details", el("summary", "Why, and where that stands"), el("p", entry.why), el("ul", links, plain))


def _row(finding: Finding, page: Page) -> Html:
    position = finding.hit.position
    place = position.file + (f":{position.line}" if position.line else "")
    route = spelt(position.route)
    where = [el("code", place, class_="place") if place else None, el("span", route, class_="field") if route else None]
    meshes = None if page.all_meshes(finding) else [badge("mesh", each) for each in finding.meshes]
    return el(
        "li",
        el("p", el("bdi", str(finding.ref)), " ", meshes, list(gated.state(finding, page)), class_="what"),
        el("p", finding.hit.message),
        list(gated.reasons(finding, page)),
        el("p", where, class_="where") if place or route else None,
        data_n=namespace_of(finding),
    )


# --- controls -------------------------------------------------------------------------------------------------------


def _controls(found: tuple[Finding, ...]) -> Html:
    return el(
        "form",
        el("div", el("label", "Search", for_="f-text"), _search(), class_="field-wide"),
        el("div", el("label", "Namespace", for_="f-namespace"), _choice("f-namespace", _namespaces(found))),
        el("div", el("label", "Rule", for_="f-rule"), _choice("f-rule", _rules(found))),
        el("fieldset", el("legend", "Severity"), [_level(level, found) for level in reversed(Severity)]),
        el("label", el("input", type="checkbox", id="f-opens"), " fails open only", class_="check"),
        el("button", "Reset", type="reset"),
        el("output", "", id="f-count", aria_live="polite"),
        id="filter",
        role="search",
        aria_label="Filter the findings",
        hidden=True,
    )


def _search() -> Html:
    hint = "text of a finding, object, file …"
    return el(
        "input", type="search", id="f-text", placeholder=hint, autocomplete="off", spellcheck="false", aria_keyshortcuts="/"
    )


def _level(level: Severity, found: tuple[Finding, ...]) -> Html:
    count = sum(1 for each in found if each.severity is level)
    box = el("input", type="checkbox", name="severity", value=level.name, checked=True, disabled=not count)
    return el("label", box, f" {level.name} {count}", class_="check")


def _choice(name: str, options: Iterable[tuple[str, str]]) -> Html:
    """A list to choose from; values carry a mark in front, so that an empty name is a choice, too."""
    made = [el("option", words, value=f"={value}") for value, words in options]
    return el("select", el("option", "all", value=""), made, id=name)


def _namespaces(found: tuple[Finding, ...]) -> Iterator[tuple[str, str]]:
    for name, count in sorted(Counter(map(namespace_of, found)).items()):
        yield name, f"{name or NAMELESS} ({count})"


def _rules(found: tuple[Finding, ...]) -> Iterator[tuple[str, str]]:
    for rule, count in sorted(Counter(each.rule for each in found).items()):
        yield rule, f"{rule} {catalogue.entry(rule).title} ({count})"
