"""A report in each output format: a table of functions with one signature."""

from __future__ import annotations

from collections.abc import Callable
from typing import TextIO

from ambimigrate.report import Report

Renderer = Callable[[Report, TextIO], None]


def _text(report: Report, out: TextIO) -> None:
    from ambimigrate.render import text

    text.render(report, out)


def _json(report: Report, out: TextIO) -> None:
    from ambimigrate.render import json

    json.render(report, out)


RENDERERS: dict[str, Renderer] = {"text": _text, "json": _json}
