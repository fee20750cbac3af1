"""`explain`: one entry of the catalogue, with an example of a bad and of a good object where the fixtures are at hand."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from textwrap import wrap
from typing import Annotated

import typer

from ambimigrate import catalogue


def explain(rule: Annotated[str, typer.Argument(help="Id of a rule, such as AP001.", metavar="ID")]) -> None:
    """Explain one rule.

    Why it matters, what to do in each case, and the sources; in a checkout of ambimigrate also an example.
    """
    try:
        entry = catalogue.entry(rule.upper())
    except KeyError:
        raise typer.BadParameter(f"there is no rule {rule}{_nearest(rule.upper())}; `ambimigrate rules` lists them") from None
    sys.stdout.write("".join(f"{line}\n" for line in _lines(entry)))


def _nearest(rule: str) -> str:
    from difflib import get_close_matches

    close = get_close_matches(rule, list(catalogue.entries()), 3)
    return f" (near: {', '.join(close)})" if close else ""


def _lines(entry: catalogue.Entry) -> Iterator[str]:
    width = min(shutil.get_terminal_size((88, 24)).columns, 88) if sys.stdout.isatty() else 88
    yield f"{entry.id}: {entry.title}"
    yield ""
    yield from wrap(entry.why, width)
    for name, case in entry.cases.items():
        yield ""
        versions = "" if case.versions == "*" else f", Istio {case.versions}"
        fails_open = ", fails open" if case.fails_open else ""
        yield f"{name}: {case.severity}{fails_open}{versions} ({case.evidence})"
        yield from wrap(f"-> {case.fix}", width, initial_indent="  ", subsequent_indent="     ")
    yield ""
    if entry.reads:
        yield f"Reads: {', '.join(entry.reads)}"
    if entry.pitfalls:
        yield f"Known as: {', '.join(entry.pitfalls)}"
    yield from entry.references
    yield from _example(entry)


def _example(entry: catalogue.Entry) -> Iterator[str]:
    """The smallest fixtures of the rule: one that it reports and one that it does not."""
    fixtures = catalogue.folder().parent / "fixtures"
    for prefix, title in (("fires", "Reported"), ("silent", "Not reported")):
        files = sorted((fixtures / "rules" / entry.id).glob(f"{prefix}*/*.yaml"), key=_size)
        changes = (_change(each) for each in sorted((fixtures / "gate").glob(f"{entry.id}-{prefix}*")))
        shown = min((each for each in changes if each), key=len, default=[])
        if files or shown:
            yield ""
            yield f"{title}:" if files else f"{title}, as a change:"
            lines = _texts(files[0]) if files else shown
            yield from (f"  {line}".rstrip() for line in lines)


def _change(case: Path) -> list[str]:
    """What a fixture of the gate changes, as a diff."""
    from difflib import unified_diff

    before, after = (
        [line for file in sorted((case / each).glob("*.yaml")) for line in _texts(file)] for each in ("before", "after")
    )
    found = list(unified_diff(before, after, n=6, lineterm=""))[2:]
    return [line for line in found if not line.startswith("@@")]


def _texts(file: Path) -> list[str]:
    return file.read_text(encoding="utf-8").splitlines()


def _size(path: Path) -> tuple[int, str]:
    return path.stat().st_size, str(path)
