"""Groups of names that reach each other in a circle, in an order in which every group follows what it leads to."""

from __future__ import annotations

from collections.abc import Iterable, Iterator


def groups(names: Iterable[str], edges: Iterable[tuple[str, str]]) -> tuple[tuple[str, ...], ...]:
    """The names in groups that reach each other in a circle, each group after those that it has edges to (Tarjan).

    Deterministic: names and edges are taken in sorted order.
    """
    following: dict[str, list[str]] = {name: [] for name in sorted(names)}
    for start, end in sorted(set(edges)):
        if start in following and end in following:
            following[start].append(end)
    return tuple(_Tarjan(following).run())


class _Tarjan:
    """Strongly connected components without recursion, since chains of namespaces may be long."""

    def __init__(self, following: dict[str, list[str]]) -> None:
        self.following = following
        self.order: dict[str, int] = {}
        self.low: dict[str, int] = {}
        self.stack: list[str] = []
        self.on_stack: set[str] = set()

    def run(self) -> Iterator[tuple[str, ...]]:
        for name in self.following:
            if name not in self.order:
                yield from self._from(name)

    def _enter(self, name: str) -> tuple[str, Iterator[str]]:
        self.order[name] = self.low[name] = len(self.order)
        self.stack.append(name)
        self.on_stack.add(name)
        return name, iter(self.following[name])

    def _from(self, root: str) -> Iterator[tuple[str, ...]]:
        work = [self._enter(root)]
        while work:
            name, left = work[-1]
            following = next(left, None)
            if following is None:
                work.pop()
                if work:
                    above = work[-1][0]
                    self.low[above] = min(self.low[above], self.low[name])
                if self.low[name] == self.order[name]:
                    yield self._component(name)
            elif following not in self.order:
                work.append(self._enter(following))
            elif following in self.on_stack:
                self.low[name] = min(self.low[name], self.order[following])

    def _component(self, name: str) -> tuple[str, ...]:
        members = []
        while True:
            member = self.stack.pop()
            self.on_stack.discard(member)
            members.append(member)
            if member == name:
                return tuple(sorted(members))
