"""A report in each output format: a module for each, with one function of one signature."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import TextIO

from ambimigrate.report import Report

Renderer = Callable[[Report, TextIO], None]


FORMATS = ("text", "json", "sarif", "junit", "github", "codequality", "markdown", "html")


def renderer(name: str) -> Renderer:
    """The function that writes a format; its module is imported only now."""
    module = import_module(f"ambimigrate.render.{name}")
    found: Renderer = module.render
    return found
