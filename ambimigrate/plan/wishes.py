"""What a user wants of the order: pilots, namespaces at fixed waves or before others, those that stay, and sizes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from msgspec import Struct

UNLIMITED = 0


class Contradiction(Exception):
    """Wishes that cannot all be met; the message has a line for each, with file and line of the configuration."""


class Named(Struct, frozen=True):
    """A namespace, and where the configuration names it (`file:line`)."""

    namespace: str
    place: str = ""


class Pin(Struct, frozen=True):
    """A namespace that moves in the wave of that number, or in an earlier or a later wave than another one."""

    namespace: str
    place: str = ""
    wave: int | None = None
    before: str = ""
    after: str = ""

    @property
    def pair(self) -> tuple[str, str] | None:
        """Which namespace is to move earlier than which."""
        if self.wave is not None:
            return None
        return (self.namespace, self.before) if self.before else (self.after, self.namespace)

    def __str__(self) -> str:
        if self.wave is not None:
            return f"{self.namespace} in wave {self.wave}"
        return f"{self.namespace} before {self.before}" if self.before else f"{self.namespace} after {self.after}"


class Wishes(Struct, frozen=True):
    """All wishes; `max_wave` is the most namespaces of one wave."""

    max_wave: int = UNLIMITED
    pinned: tuple[Pin, ...] = ()
    exclude: tuple[Named, ...] = ()
    pilots: tuple[Named, ...] = ()

    def check(self, known: Iterable[str]) -> None:
        """Raises Contradiction for namespaces that are not there, and for those that are to move and to stay."""
        if faults := tuple(self._faults(frozenset(known))):
            raise Contradiction("\n".join(faults))

    def _faults(self, known: frozenset[str]) -> Iterator[str]:
        pinned = tuple(Named(each, pin.place) for pin in self.pinned for each in (pin.pair or (pin.namespace,)))
        for each in (*pinned, *self.exclude, *self.pilots):
            if each.namespace not in known:
                yield f"{each.place}: there is no namespace {each.namespace!r} in the input"
        staying = {each.namespace: each.place for each in self.exclude}
        for each in (*pinned, *self.pilots):
            if each.namespace in staying:
                yield f"{each.place}: {each.namespace} is to move, and to stay at {staying[each.namespace]}"
        waves: dict[str, Pin] = {}
        for pin in self.pinned:
            first = waves.setdefault(pin.namespace, pin) if pin.wave is not None else pin
            if first.wave != pin.wave:
                yield f"{pin.place}: {pin} contradicts wave {first.wave} at {first.place}"


NONE = Wishes()
