"""Which suppressions of a pull request count: those that its base has too."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable

from ambimigrate.suppressions.values import Silence


def trusted(head: Iterable[Silence], base: Iterable[Silence]) -> tuple[tuple[Silence, ...], tuple[Silence, ...]]:
    """The suppressions of `head` that `base` has too, one for one, and those that are new.

    The same one may stand on another line or in another file; those of the same file are paired first, so that a second
    copy elsewhere is new.
    """
    left: dict[tuple[object, ...], list[Silence]] = defaultdict(list)
    for each in base:
        left[_key(each)].append(each)
    head = tuple(head)
    kept: set[int] = set()
    for same_file in (True, False):
        for number, each in enumerate(head):
            candidates = left.get(_key(each), [])
            twin = next((one for one in candidates if not same_file or one.position.file == each.position.file), None)
            if number not in kept and twin is not None:
                candidates.remove(twin)
                kept.add(number)
    found = tuple(each for number, each in enumerate(head) if number in kept)
    return found, tuple(each for number, each in enumerate(head) if number not in kept)


def _key(silence: Silence) -> tuple[object, ...]:
    return silence.by, silence.ids, silence.because, silence.until, silence.scope, silence.anchor
