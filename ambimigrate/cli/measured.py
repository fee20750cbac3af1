"""Who was seen to call whom: the file with the answer of Prometheus."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Annotated

import typer
from msgspec.structs import replace

from ambimigrate.cli import agreements
from ambimigrate.converters.settings import Settings
from ambimigrate.traffic import Traffic

Measured = Annotated[
    str,
    typer.Option(
        "--traffic",
        metavar="FILE",
        help="Answer of Prometheus to the query of plan --traffic-query: callers that no configuration shows count, too.",
        rich_help_panel=agreements.CHOICES,
    ),
]


def read(file: str) -> Traffic | None:
    """What the file says; a faulty one ends the command."""
    if not file:
        return None
    from ambimigrate.sources import traffic

    try:
        return traffic.read(file)
    except traffic.TrafficError as error:
        sys.stderr.write(f"{error}\n")
        raise typer.Exit(2) from None


def settings(agreed: Settings, found: Traffic | None, chosen: Sequence[str]) -> Settings:
    """The settings with the traffic of the one mesh that is chosen."""
    if found is None or not chosen:
        return agreed
    if len(chosen) > 1:
        raise typer.BadParameter(f"--traffic is of one mesh; choose it with --mesh: {', '.join(chosen)}")
    return replace(agreed, traffic=found, measured=chosen[0])
