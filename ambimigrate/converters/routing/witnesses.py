"""Requests that show what a refusal is about: at the boundaries of conditions, decided by the order of the entries."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence

from msgspec import Struct

from ambimigrate.converters.outcome import Refused
from ambimigrate.converters.routing.conditions import Condition, Tests
from ambimigrate.converters.routing.methods import example, takes
from ambimigrate.converters.routing.samples import texts
from ambimigrate.converters.routing.strings import EXACT, PRESENT, Test, implies
from ambimigrate.model import Route

_MOST = 400  # requests that are looked at for one witness
_PATH, _VALUE = re.compile(r"/[^\s?#]*"), re.compile(r"[^\s&#]*")  # what a client can send as it stands
_USUAL_PORT = 80  # which clients leave out of the Host header


class Asked(Struct, frozen=True):
    """A request: the lines of each header by name in lower case, `host` among them, and the parameters of its query."""

    method: str
    path: str
    headers: Mapping[str, tuple[str, ...]]
    query: Mapping[str, str]


class Shown(Refused):
    """A refusal that only some requests of the entry show: what they ask for besides, and what becomes of them."""

    def __init__(self, case: str, route: Route, reason: str, needs: Condition, became: str = "") -> None:
        super().__init__(case, route, reason)
        self.needs, self.became = needs, became


class Place(Struct, frozen=True):
    """The Service port that requests are sent to, and the names that callers of its namespace have for it."""

    host: str
    port: int
    joins: bool = False  # up to Istio 1.30 proxies compare the lines of a header joined, so that later ones show it

    def names(self) -> Iterator[str]:
        """The authorities that mean it, the one first that a client writes for the full name."""
        labels = self.host.split(".")
        short = [".".join(labels[:count]) for count in (3, 2, 1)] if self.host.endswith(".svc.cluster.local") else []
        for name in (self.host, *short):
            own = f"{name}:{self.port}"
            yield from (name, own) if self.port == _USUAL_PORT else (own, name)

    def written(self, asked: Asked) -> str:
        """The request in words that a client can be made of."""
        query = "&".join(f"{name}={text}" for name, text in asked.query.items())
        url = f"http://{self.host}:{self.port}{asked.path}" + (f"?{query}" if query else "")
        lines = [(name, line) for name, each in asked.headers.items() if name != "host" for line in each]
        if asked.headers["host"][0] != next(self.names()):
            lines.insert(0, ("Host", asked.headers["host"][0]))
        headers = ", ".join(f"{name}: {line}" for name, line in lines)
        later = "from Istio 1.31 on: " if self.joins and any(len(each) > 1 for each in asked.headers.values()) else ""
        return f"{later}{asked.method} {url}" + (f" with {headers}" if headers else "")


def meets(condition: Condition, asked: Asked) -> bool:
    """Whether the request meets the condition; of several lines of a header one has to."""
    return (
        takes(condition.method, asked.method)
        and implies(Test(EXACT, asked.path), condition.path)
        and all(_any(test, asked.headers.get(name, ())) for name, test in condition.headers.items())
        and all(name in asked.query and _any(test, (asked.query[name],)) for name, test in condition.query.items())
        and not any(_is_left_out(test, asked.headers.get(name, ())) for name, test in condition.without.items())
    )


def _any(test: Test, lines: Iterable[str]) -> bool:
    return any(implies(Test(EXACT, line), test) for line in lines)


def _is_left_out(test: Test, lines: tuple[str, ...]) -> bool:
    """A missing header counts as empty, but where its presence is asked for."""
    return bool(lines) if test.kind == PRESENT else _any(test, lines or ("",))


def requests(conditions: Sequence[Condition], place: Place) -> Iterator[Asked]:
    """Requests at the boundaries of the conditions that may meet all of them, the plainest first."""
    paths = [each for each in _once(text for one in conditions for text in texts(one.path)) if _PATH.fullmatch(each)]
    methods = _once(each.method and example(each.method) for each in conditions) or ["GET", "POST", "PUT"]
    headers = _united([each.headers for each in conditions])
    headers.setdefault("host", ())
    query = _united([each.query for each in conditions])
    hosts = [(name,) for name in place.names()]
    options = [hosts if name == "host" else _lines(tests) for name, tests in headers.items()]
    values = [
        [each for each in _once(text for test in tests for text in texts(test)) if _VALUE.fullmatch(each)]
        for tests in query.values()
    ]
    for method, path, sent, asked in itertools.islice(
        itertools.product(methods, paths, itertools.product(*options), itertools.product(*values)), _MOST
    ):
        yield Asked(method, path, dict(zip(headers, sent, strict=True)), dict(zip(query, asked, strict=True)))


def _once(found: Iterable[str | None]) -> list[str]:
    return list(dict.fromkeys(each for each in found if each is not None))


def _united(found: Iterable[Tests]) -> dict[str, tuple[Test, ...]]:
    """All tests of each name."""
    tests: dict[str, tuple[Test, ...]] = {}
    for name, test in ((name, test) for each in found for name, test in each.items()):
        tests[name] = (*tests.get(name, ()), test)
    return tests


def _lines(tests: tuple[Test, ...]) -> list[tuple[str, ...]]:
    """One line that may pass all tests, or a line for each of them."""
    single = _once(text for test in tests for text in texts(test))
    apart = itertools.product(*(texts(test) for test in dict.fromkeys(tests)))
    return [*((each,) for each in single), *(each for each in apart if len(set(each)) > 1)]
