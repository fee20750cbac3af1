"""What the gate says of a change, and of each finding in it."""

from __future__ import annotations

from collections.abc import Iterator

from ambimigrate.model import Finding
from ambimigrate.render import gate_text
from ambimigrate.render.html.markup import Html, el
from ambimigrate.render.html.values import Page, badge


def section(page: Page) -> Html | None:
    """The verdict, and what is new, as before and gone."""
    gate = page.report.gate
    if gate is None:
        return None
    said = gate_text.verdict(page.report, gate)
    kind = "needs-changes" if gate.failing or page.report.problems else "ready"
    remarks = [el("li", each) for each in (*gate_text.remarks(page.report, gate), *gate.remarks)]
    gone = [el("li", f"{each.id} {each.object}") for each in gate.fixed]
    return el(
        "section",
        el("h2", "Gate"),
        el("p", el("strong", said, class_=kind)),
        el("ul", remarks) if remarks else None,
        el("details", el("summary", "What is gone"), el("ul", gone)) if gone else None,
        id="gate",
    )


def state(finding: Finding, page: Page) -> Iterator[Html]:
    """Whether the finding is new, and whether it stops the change."""
    gate = page.report.gate
    if gate is None:
        return
    yield badge("plain", gate.state(finding))
    if gate.fails(finding):
        yield badge("error", "stops this change")


def reasons(finding: Finding, page: Page) -> Iterator[Html]:
    """Why it stops the change, and in what the object differs."""
    gate = page.report.gate
    if gate is not None and gate.fails(finding):
        yield from (el("p", each) for each in gate.changed.get(finding.fingerprint, ()))
        yield el("p", f"stops this change: {gate_text.why(finding, gate)}")
