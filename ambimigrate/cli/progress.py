"""A line on the terminal that says how far a long reading is; nothing where stderr is none."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager


@contextmanager
def shown() -> Iterator[Callable[[str], None]]:
    """What shows a text in place of the one before; it is gone at the end, whatever the end is.

    It begins with the first text: until then a program that gives credentials may want to ask something.
    """
    if not sys.stderr.isatty():
        yield _nothing
        return
    from rich.console import Console
    from rich.markup import escape

    status = Console(stderr=True).status("")

    def show(text: str) -> None:
        status.update(escape(text))
        status.start()

    try:
        yield show
    finally:
        status.stop()


def _nothing(_text: str) -> None:
    pass
