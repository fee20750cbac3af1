"""The page of all rules, made from the catalogue: `python -m ambimigrate.catalogue_page` prints it."""

from __future__ import annotations

import sys
from collections.abc import Iterator

from ambimigrate.catalogue import Entry, elsewhere, entries, unconverted

FAMILIES = {
    "VS": "VirtualServices",
    "DR": "DestinationRules",
    "AP": "AuthorizationPolicies",
    "RA": "RequestAuthentications",
    "PA": "PeerAuthentications",
    "EF": "EnvoyFilters",
    "EX": "Wasm and other extensions",
    "TE": "Telemetry",
    "SC": "Sidecars",
    "PC": "ProxyConfigs",
    "SE": "ServiceEntries",
    "WE": "Workloads on virtual machines",
    "GW": "Gateways",
    "RT": "Gateway API routes",
    "WP": "Waypoints",
    "NP": "NetworkPolicies",
    "WL": "Workloads and injection",
    "NS": "Namespaces",
    "PF": "Platform and installation",
    "MC": "Several clusters",
    "CT": "Controllers and GitOps",
    "OB": "Dashboards and alerts",
}


def page() -> str:
    """The text of rules/README.md."""
    return "\n".join(_lines()) + "\n"


def _lines() -> Iterator[str]:
    known = entries()
    yield "# Rules"
    yield ""
    yield "Made from the catalogue; `ambimigrate explain ID` prints one entry with an example."
    yield "*Fails open* means that something that was denied or encrypted is not any more."
    yield "Rules marked *convert* say why `convert` holds or changes an object."
    yield "Rules marked *report* are about suppressions, which quieten `scan` and `gate` and lift no hold."
    yield "Rules marked *gate* compare a change with its base: what it takes back from namespaces that are migrated."
    for prefix, title in FAMILIES.items():
        members = [entry for name, entry in known.items() if name.startswith(prefix)]
        if members:
            yield ""
            yield f"## {title}"
            yield ""
            yield "| id | what | level | known as |"
            yield "|---|---|---|---|"
            yield from (_row(entry) for entry in members)
    yield from _elsewhere("hand", "By hand", "What no tool can see.")
    yield from ("", "## Not converted", "", "What an edit could settle, and why `convert` makes none.", "")
    yield from ("| known as | settled by | because |", "|---|---|---|")
    yield from (f"| {name} | {row.by} | {row.why} |" for name, row in unconverted().items())


def _elsewhere(by: str, title: str, words: str) -> Iterator[str]:
    yield from ("", f"## {title}", "", words, "", "| known as | what | how to check |", "|---|---|---|")
    for name, row in elsewhere().items():
        if row.by == by:
            yield f"| {name} | {row.what} | {row.how} |"


def _row(entry: Entry) -> str:
    levels = sorted({case.level for case in entry.cases.values()}, reverse=True)
    level = ", ".join(each.name for each in levels)
    if any(case.fails_open for case in entry.cases.values()):
        level += " (fails open)"
    by = f" *({entry.by})*" if entry.by != "scan" else ""
    return f"| {entry.id} | {entry.title}{by} | {level} | {' '.join(entry.pitfalls)} |"


if __name__ == "__main__":
    sys.stdout.write(page())
