"""`rules`: the catalogue, a line for each rule."""

from __future__ import annotations

import sys
from typing import Annotated, Any

import typer

from ambimigrate import catalogue
from ambimigrate.cli import options
from ambimigrate.model import Severity
from ambimigrate.render.style import counted


def rules(
    words: Annotated[list[str] | None, typer.Argument(help="Only rules that name all of these words.")] = None,
    severity: Annotated[
        str, typer.Option(help="Only rules that have a case of this level: blocker, error, warning, info.")
    ] = "",
    fails_open: Annotated[bool, typer.Option("--fails-open", help="Only rules about what fails open.")] = False,
    config_schema: Annotated[
        bool, typer.Option("--config-schema", help="Print the JSON Schema of .ambimigrate.yaml instead, for editors.")
    ] = False,
    format: options.Format = "text",
) -> None:
    """List the rules of scan and the reasons of convert."""
    options.one_of("--format", format, "text", "json")
    if config_schema:
        sys.stdout.write((catalogue.folder() / "schemas" / "config.json").read_text(encoding="utf-8"))
        return
    if severity:
        options.one_of("--severity", severity, *reversed(Severity.__members__))
    chosen = [entry for entry in catalogue.entries().values() if _is_meant(entry, words or [], severity, fails_open)]
    if format == "json":
        from ambimigrate.render.encoding import dumped

        sys.stdout.write(dumped({"schema": "ambimigrate.rules/v1", "rules": [_record(entry) for entry in chosen]}))
        return
    for entry in chosen:
        worst = max(case.level for case in entry.cases.values())
        line = f"{entry.id}  {worst.name:8} {entry.title}"
        sys.stdout.write(f"{line}\n")
    more = "`ambimigrate explain ID` tells more" if chosen else "give fewer words, or none for all"
    sys.stdout.write(f"{counted(len(chosen), 'rule')}; {more}.\n")


def _is_meant(entry: catalogue.Entry, words: list[str], severity: str, fails_open: bool) -> bool:
    text = " ".join((entry.id, entry.title, entry.why, *entry.reads, *entry.pitfalls)).lower()
    cases = entry.cases.values()
    return (
        all(word.lower() in text for word in words)
        and (not severity or any(case.severity == severity for case in cases))
        and (not fails_open or any(case.fails_open for case in cases))
    )


def _record(entry: catalogue.Entry) -> dict[str, Any]:
    import msgspec

    return dict(msgspec.to_builtins(entry))
