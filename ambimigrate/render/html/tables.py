"""The truth tables of policies on a page: a row for each class of callers, a column for each kind of request."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from ambimigrate.render.html.markup import Html, el
from ambimigrate.render.html.values import Page, badge, code, mesh_name, region

if TYPE_CHECKING:
    from ambimigrate.render.html.truth import Answer, Table, Truth
    from ambimigrate.verify.values import Ask, Caller

COLUMNS, CALLERS = 8, 6


def section(page: Page) -> Html:
    """The tables; a scan says where they are."""
    title = el("h2", "Who is let in, today and after")
    if not page.ends:
        words = "Not computed by scan: plan --output html=FILE compares what every policy decides before and after."
        return el("section", title, el("p", words), id="policies")
    from ambimigrate.render.html.truth import computed  # the evaluators: a scan does without them

    ends = {each.name: each for each in page.ends}
    truth = computed(tuple((each, ends[each.name]) for each in page.report.meshes if each.name in ends))
    return el("section", title, _says(truth), [_table(each, page) for each in truth.tables], id="policies")


def _says(truth: Truth) -> list[Html]:
    from ambimigrate.render.html.truth import REQUESTS
    from ambimigrate.verify import ASSUMPTIONS

    words = (
        f"For every port with an AuthorizationPolicy up to {REQUESTS} requests, chosen around what the policies name, are sent"
        " by one caller of each class through both meshes as Istio’s proxies decide them; requests and callers that are always"
        " treated alike share a column or row. Cells say “today → after” where that differs. verify tries more of them."
    )
    found = [el("p", words)]
    if not truth.tables and not truth.left:
        found.append(el("p", el("strong", "No Service that was read has an AuthorizationPolicy.")))
    if truth.left:
        items = [el("li", each) for each in truth.left]
        found.append(el("div", el("p", el("strong", "Not computed here; verify does it:")), el("ul", items), class_="note"))
    if truth.tables:
        assumed = el("ul", [el("li", each) for each in ASSUMPTIONS])
        found.append(el("details", el("summary", "What the tables assume"), assumed))
    return found


def _table(table: Table, page: Page) -> Html:
    shown, more = table.columns[:COLUMNS], len(table.columns) - COLUMNS
    name = f"{table.place.host}:{table.place.port}"
    heads = [el("th", _ask(ask, count), scope="col") for ask, count in shown]
    rows = [
        el("tr", el("th", _callers(who), scope="row"), [_cell(each) for each in answers[:COLUMNS]])
        for who, answers in table.rows
    ]
    grid = el(
        "table",
        el("caption", f"Who is let in at {name}", class_="quiet"),
        el("thead", el("tr", el("th", "Callers", scope="col"), heads)),
        el("tbody", rows),
        class_="truth",
    )
    left = (
        f"{more} more kind{'' if more == 1 else 's'} of request told apart are not shown; verify shows them."
        if more > 0
        else None
    )
    state = badge("needs-changes", "changes") if table.changes else badge("plain", "no difference found")
    title = el(
        "summary",
        el("bdi", name, class_="title"),
        " ",
        badge("mesh", mesh_name(table.mesh)) if page.several else None,
        " ",
        state,
    )
    policies = el("p", "Policies: ", ", ".join(table.policies))
    return el(
        "details", title, policies, region(f"Truth table of {name}", grid), el("p", left) if left else None, open=table.changes
    )


def _ask(ask: Ask, count: int) -> list[Html | str]:
    what = f"{ask.method} {ask.path}" if ask.method else "a connection"
    extra = [f"{name}: {_short(value)}" for name, value in ask.headers]
    extra += ["to the pod’s own address"] if ask.direct else []
    extra += [f"Host: {ask.host}"] if ask.foreign and ask.host else []
    alike = f"and {count - 1} like it" if count > 1 else ""
    return [
        code(what),
        *(el("span", each, class_="under") for each in extra),
        el("span", alike, class_="under") if alike else "",
    ]


def _short(value: str) -> str:
    return value if len(value) <= 40 else f"{value[:28]}…"


def _callers(who: tuple[Caller, ...]) -> Iterable[Html]:
    for each in who[:CALLERS]:
        yield el("span", str(each), class_="line")
    if len(who) > CALLERS:
        yield el("span", f"and {len(who) - CALLERS} more", class_="under")


def _cell(answer: Answer) -> Html:
    before, now = answer
    if before == now:
        return el("td", before, class_=_kind(now))
    return el("td", el("span", before, class_=_kind(before)), " → ", el("strong", now, class_=_kind(now)), class_="changed")


def _kind(words: str) -> str:
    return {"allowed": "yes", "refused": "no"}.get(words, "perhaps")
