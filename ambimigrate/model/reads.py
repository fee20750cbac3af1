"""What is read of meshes, so that an answer is known to be the same where nothing of that has changed."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Iterator
from typing import Any, TypeVar

T = TypeVar("T")

KINDS = "*"  # which kinds there are
IN, OWN = " in ", " of the own namespace"  # objects of a kind in a namespace, and in the one that whoever reads is about


def spaces(kind: type) -> str:
    """How it is written down that somebody asked in which namespaces there are objects of a kind."""
    return f"namespaces of {kind.__name__}"


def own(about: Any) -> str | None:
    """The namespace that an object is in or stands for, or which is named itself; None for what is in none."""
    if isinstance(about, str):
        return about
    namespace: str | None = getattr(about, "namespace", None)
    return namespace or (about.name if getattr(about, "kind", "") == "Namespace" else namespace)


class Reads:
    """Who reads what: kinds of objects by their names, and answers that are kept, behind each of which more was read.

    `now` takes what is read for whoever is asking now, and `own` is the namespace that this one is about: what is read of that
    alone is noted in a tuple. An answer that is kept is made once and read by many, so what it was made of is noted under the
    function that makes it.
    """

    def __init__(self) -> None:
        self.now: set[Hashable] = set()
        self.own: str | None = None
        self.behind: dict[Hashable, set[Hashable]] = {}

    def objects(self, kind: type, *namespaces: str) -> None:
        """Notes that the objects of a kind in these namespaces were read."""
        is_own = self.own is not None and all(each == self.own for each in namespaces)
        self.now.add((kind.__name__,) if is_own else kind.__name__)

    def answer(self, by: Hashable, about: Any) -> None:
        """Notes that an answer about a namespace was read, or about something in it."""
        self.now.add((by,) if self.own is not None and own(about) == self.own else by)

    def made(self, by: Hashable, make: Callable[[], T], about: Any = None) -> T:
        """What `make` answers, about a namespace or something in it, whose reads belong to the function `by`."""
        before = self.now, self.own
        self.now, self.own = self.behind.setdefault(by, set()), own(about)
        try:
            return make()
        finally:
            self.now, self.own = before

    def names(self, read: Iterable[Hashable]) -> frozenset[str]:
        """The names of all that was read, at first hand or behind an answer."""
        return frozenset(self._names(read))

    def _names(self, read: Iterable[Hashable]) -> Iterator[str]:
        found, left = set[tuple[Hashable, bool]](), [(each, True) for each in read]
        while left:
            each, is_own = left.pop()
            what, is_own = (each[0], is_own) if isinstance(each, tuple) else (each, False)
            if (what, is_own) in found:
                continue
            found.add((what, is_own))
            if isinstance(what, str):
                yield f"{what}{OWN}" if is_own else what
            left += [(other, is_own) for other in self.behind.get(what, ())]
