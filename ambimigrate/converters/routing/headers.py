"""Header changes of a rule and of its destinations: read, made one level, and written as filters."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from msgspec import Struct, field
from msgspec.structs import replace

from ambimigrate.converters.outcome import Account, Refused
from ambimigrate.converters.routing.conditions import Condition
from ambimigrate.converters.routing.strings import PRESENT, Test
from ambimigrate.converters.routing.witnesses import Shown
from ambimigrate.kinds.routes import HeaderOperations, Headers
from ambimigrate.model import Route

AUTHORITY = frozenset({"host", ":authority"})
_MOST = 16  # entries of a list in a header filter
_OPERATOR = re.compile(r"%%|%([A-Z_]+)(?:\(([^()]*)\))?(?::[0-9]+)?%")
_REQUESTED = re.compile(r"%REQ\(([^():?]+)")  # a header of the request, without which such a value is empty
_NAME = re.compile(r"[A-Za-z0-9!#$%&'*+\-.^_`|~]+")
_PLAIN = re.compile(r"[!-~]+([\t ]?[!-~]+)*")  # HTTPHeader.value of the experimental channel
_OF_PROXY = ("x-envoy-", "x-forwarded-")  # what proxies write, so a waypoint writes something else

Pairs = Mapping[str, tuple[str, str]]  # lower-case name -> name and value
Filter = dict[str, Any]


class Level(Struct, frozen=True):
    """The changes of one side at one level, in Envoy's order: removals, then what is set, then what is added."""

    route: Route
    remove: tuple[str, ...] = ()
    set: Pairs = field(default_factory=dict)
    add: Pairs = field(default_factory=dict)
    authority: str = ""


class Sides(Struct, frozen=True):
    """What happens to requests and to responses."""

    request: Level
    response: Level

    @property
    def authority(self) -> str:
        return self.request.authority


def read(headers: Headers | None, route: Route, account: Account) -> Sides:
    """The changes of one level. Raises Refused for what a header filter cannot say."""
    found = headers or Headers()
    return Sides(
        _level(found.request, (*route, "request"), account, may_rename=True),
        _level(found.response, (*route, "response"), account, may_rename=False),
    )


def _level(own: HeaderOperations | None, route: Route, account: Account, *, may_rename: bool) -> Level:
    if own is None:
        return Level(route)
    account.carry(route, "set", "add", "remove")
    written = [(name, *pair) for name, pairs in (("add", own.add), ("set", own.set)) for pair in sorted(pairs.items())]
    named = [each for each in written if each[1].lower() in AUTHORITY and may_rename]
    authority = [_authority(value, (*route, name, header)) for name, header, value in named]
    lists: dict[str, dict[str, tuple[str, str]]] = {"set": {}, "add": {}}
    for name, header, value in (each for each in written if each not in named and each[2]):  # Envoy skips an empty value
        _check(header, value, (*route, name, header))
        if name == "add" and header.lower() in lists[name]:
            raise Refused("headers", (*route, name, header), f"{header} is added twice, a header filter adds a name once")
        lists[name][header.lower()] = header, value
    removed = tuple({each.lower(): each for each in own.remove if each.lower() not in AUTHORITY}.values())
    return Level(route, removed, lists["set"], lists["add"], authority[-1] if authority else "")


def _authority(value: str, route: Route) -> str:
    if "%" in value or value != value.strip() or not value.isprintable():
        raise Refused("headers", route, f"the host {value!r} is no plain name")
    return value


def _check(name: str, value: str, route: Route) -> None:
    if not _NAME.fullmatch(name):
        raise Refused("headers", route, f"{name} is no header that an HTTPRoute may change")
    if not is_format(value):
        raise Refused(
            "invalid", route, f"{value!r} is no format string of Envoy (a percent sign is written %%), Istio refuses it"
        )
    for found in _OPERATOR.finditer(value):
        operator, argument = found[1], (found[2] or "").lower()
        if operator and (operator not in {"REQ", "RESP"} or any(each.startswith(_OF_PROXY) for each in argument.split("?"))):
            raise Refused("headers", route, f"{found[0]} is computed by the proxy, which is the waypoint then")
    if not _PLAIN.fullmatch(value) or len(value) > 4096:
        raise Refused("headers", route, f"the value of {name} does not fit into an HTTPRoute")


def is_format(value: str) -> bool:
    """Whether Envoy takes the text for a format string."""
    return "%" not in _OPERATOR.sub("", value)


def _may_be_empty(value: str) -> bool:
    return "%" in value.replace("%%", "")


def joined(rule: Sides, destination: Sides) -> Sides:
    """Both levels with one destination: the lists are appended, the destination's set wins (route.go). Raises Refused."""
    return _both(rule, destination, _appended)


def overruled(rule: Sides, destination: Sides) -> Sides:
    """Both levels where one of several destinations gets everything: first the destination's, then the rule's (route.go)."""
    return _both(rule, destination, _after)


def _both(rule: Sides, destination: Sides, make: Any) -> Sides:
    authority = rule.authority or destination.authority
    request = replace(make(rule.request, destination.request), authority=authority)
    return Sides(request, make(rule.response, destination.response))


def _appended(rule: Level, destination: Level) -> Level:
    for name, (_, value) in destination.set.items():
        if name in rule.set and _may_be_empty(value):
            raise Refused(
                "headers", (*rule.route, "set"), f"whether {name} is set here depends on another header of the request"
            )
    removed = {each.lower(): each for each in (*rule.remove, *destination.remove)}
    return replace(
        rule,
        remove=tuple(removed.values()),
        set={**rule.set, **destination.set},
        add=_united(rule, rule.add, destination.add),
    )


def _after(rule: Level, destination: Level) -> Level:
    """What the destination does to a header that the rule sets or removes is lost."""
    gone = {*rule.set, *(each.lower() for each in rule.remove)}
    for name in rule.set.keys() & {*destination.set, *destination.add, *(each.lower() for each in destination.remove)}:
        if _may_be_empty(rule.set[name][1]):
            raise Refused(
                "headers", (*rule.route, "set"), f"whether {name} is set here depends on another header of the request"
            )
    left = {name: pair for name, pair in destination.set.items() if name not in gone}
    added = {name: pair for name, pair in destination.add.items() if name not in gone}
    removed = {each.lower(): each for each in (*rule.remove, *destination.remove)}
    return replace(rule, remove=tuple(removed.values()), set={**left, **rule.set}, add=_united(rule, rule.add, added))


def _united(rule: Level, first: Pairs, second: Pairs) -> Pairs:
    for name in first.keys() & second.keys():
        asked = {each.lower(): Test(PRESENT) for each in _REQUESTED.findall(first[name][1])}
        reason = f"{name} is added by the rule and by its destination"
        raise Shown("headers", (*rule.route, "add"), reason, Condition(headers=asked))
    return {**first, **second}


def written(sides: Sides, *, host: str = "") -> list[Filter]:
    """RequestHeaderModifier and ResponseHeaderModifier; `host` is an authority that only a header can say."""
    found = []
    request = sides.request
    if host:
        request = replace(request, set={**request.set, "host": ("Host", host)})
    for kind, side, level in (("Request", "request", request), ("Response", "response", sides.response)):
        if lists := _lists(level):
            found.append({"type": f"{kind}HeaderModifier", f"{side}HeaderModifier": lists})
    return found


def _lists(level: Level) -> dict[str, Any]:
    lists: dict[str, Any] = {}
    for name, pairs in (("set", level.set), ("add", level.add)):
        if pairs:
            lists[name] = [{"name": header, "value": value} for header, value in pairs.values()]
    if level.remove:
        lists["remove"] = list(level.remove)
    for name, entries in lists.items():
        if len(entries) > _MOST:
            raise Refused("headers", (*level.route, name), f"a header filter holds at most {_MOST} names in {name}")
    return lists
