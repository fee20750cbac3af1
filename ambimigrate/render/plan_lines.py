"""Lines of a plan for people: commands folded so that they can still be copied, remarks wrapped."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from ambimigrate.plan import lines
from ambimigrate.render.style import visible, wrap


def folded(line: str, width: int) -> Iterator[str]:
    """A line of a plan in at most that width, where its words allow it; a folded command can be pasted as it is."""
    command, said = lines.parts(visible(line))
    if not command:
        yield from wrap(said.removeprefix("# "), width)
        return
    yield from _command(command, width)
    if said:
        yield from wrap(f"# {said}", width, initial_indent="  ", subsequent_indent="  # ")


def _command(command: str, width: int) -> Iterator[str]:
    """The words of a command; a backslash at the end of a line goes on with the next."""
    row = ""
    for word in _pairs(lines.words(command)):
        longer = f"{row} {word}" if row else word
        if row.strip() and len(longer) > width - 2 and not _belong(row, word):
            yield f"{row} \\"
            row = f"  {word}"
        else:
            row = longer
    yield row


def _pairs(words: Iterable[str]) -> Iterator[str]:
    """The words, an option together with its value."""
    option = ""
    for word in words:
        if option and not word.startswith("-"):
            yield f"{option} {word}"
            option = ""
            continue
        if option:
            yield option
        option = word if word.startswith("-") and "=" not in word and word != "-" else ""
        if not option:
            yield word
    if option:
        yield option


def _belong(row: str, word: str) -> bool:
    """Whether a word would be read wrongly apart from what stands before it."""
    return row.rpartition(" ")[2] in {"|", ">"} or word in {"|", ">"}


def labelled(label: str, found: Iterable[str], width: int, indent: int = 6) -> Iterator[str]:
    """Lines behind a label that stands at the first of them."""
    space = " " * (indent + 8)
    head = f"{' ' * indent}{label:7} "
    for line in found:
        for row in folded(line, width - len(space)):
            yield f"{head}{row}"
            head = space
