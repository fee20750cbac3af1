"""The flat list of rules that a VirtualService gives each port of a Service, as rules of HTTPRoutes."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import groupby
from typing import Any

from msgspec import Struct, structs

from ambimigrate.converters import matches
from ambimigrate.converters.actions import Context, action
from ambimigrate.converters.conditions import EVERY_PATH, EVERYTHING, PREFIX, Condition, both, sample
from ambimigrate.converters.flat import Placed, flatten
from ambimigrate.converters.order import Dead, Item, alive, clash, needs_patterns, spread
from ambimigrate.converters.outcome import Account, Refused
from ambimigrate.kinds import Service, VirtualService
from ambimigrate.kinds.routes import HTTPMatch, HTTPRule
from ambimigrate.model import Mesh, Resource, Route
from ambimigrate.topology import hosts
from ambimigrate.topology.protocols import carries_http
from ambimigrate.topology.virtualservices import MESH

_MOST_RULES, _MOST_MATCHES, _MOST_IN_RULE = 16, 128, 64  # Gateway API, limits of one HTTPRoute

Rule = dict[str, Any]
Flat = tuple[Placed, ...]
Key = tuple[int, Route]  # number of the rule in the list, and where its entry stands


class Lists(Struct, frozen=True):
    """The rules for each port that carries HTTP; none where the VirtualService says nothing."""

    by_port: dict[int, list[Rule]]


def port_lists(vs: Resource[VirtualService], service: Resource[Service], mesh: Mesh, account: Account) -> Lists:
    """The rules of HTTPRoutes by port. Raises Refused."""
    ports = [each.port for each in service.body.spec.ports if carries_http(each)]
    if not ports:
        raise Refused("l4", ("spec", "http"), f"no port of {service.name} carries HTTP")
    flat = flatten(vs, mesh, account)
    live: set[Key] = set()
    gone: dict[Key, str] = {}
    by_port = {}
    for port in ports:
        kept, dead = alive(list(_items(flat, port, gone)))
        live |= {_key(each) for each in kept}
        gone |= {_key(each.item): _why(each) for each in dead}
        by_port[port] = _rules(flat, service, kept, mesh, port)
    _note_dead(flat, live, gone)
    return Lists(by_port)


def _key(item: Item) -> Key:
    return item.rule, item.route


def _why(dead: Dead) -> str:
    by = dead.by.route
    return f"no request reaches it: {_shown(dead.by)}{f'.match[{by[4]}]' if len(by) > 4 else ''} before it takes them all"


def _shown(item: Item) -> str:
    return f"http[{item.route[2]}]"


def _items(flat: Flat, port: int, gone: dict[Key, str]) -> Iterator[Item]:
    """The entries that a sidecar keeps for the port (route.go `BuildHTTPRoutesForVirtualService`)."""
    for i, placed in enumerate(flat):
        if not placed.matches:
            yield Item(i, placed.route, Condition(EVERY_PATH), {})
            return
        for match, here in placed.matches:
            if reason := _absent(match, port):
                gone.setdefault((i, here), reason)
                continue
            found = matches.condition(match, here, placed.account)
            if found is None:
                gone.setdefault((i, here), "plain HTTP never has this scheme")
                continue
            names = {name.lower(): name for name in match.headers} | {"host": "Host"}
            yield Item(i, here, found, names)
            if found.is_catch_all:
                return


def _absent(match: HTTPMatch, port: int) -> str | None:
    if match.gateways and MESH not in match.gateways:
        return "it is for gateways only"
    if match.port and match.port != port:
        return f"no port of the Service that carries HTTP is {match.port}"
    return None


def _note_dead(flat: Flat, live: set[Key], gone: dict[Key, str]) -> None:
    """What lies in entries that no port uses is left out with the reason."""
    for i, placed in enumerate(flat):
        entries = [(i, route) for _, route in placed.matches] or [(i, placed.route)]
        dead = [each for each in entries if each not in live]
        if len(dead) == len(entries):
            placed.account.left[placed.route] = next(
                (gone[each] for each in dead if each in gone), "no request reaches it: a rule before it takes them all"
            )
        else:
            for each in dead:
                placed.account.left[each[1]] = gone.get(each, "no request reaches it: an entry before it takes them all")


def _rules(flat: Flat, service: Resource[Service], kept: list[Item], mesh: Mesh, port: int) -> list[Rule]:
    if not kept:
        return []
    patterns = needs_patterns(kept)
    items = kept if patterns else spread(kept) or kept
    actions = []
    for item in items:
        request = sample(item.condition, hosts.host_of(service), port)
        actions.append(_action(flat[item.rule], item, mesh, port, request, patterns=patterns))
    turned = clash(items, actions, mesh.target.istio, patterns=patterns)
    if turned is not None:
        shared = both(turned.first.condition, turned.overtaking.condition)
        first, other = (_shown(each) for each in (turned.first, turned.overtaking))
        request = sample(shared or turned.overtaking.condition, hosts.host_of(service), port)
        reason = f"{other} is the more specific match and would overtake {first}, which comes first today"
        raise Refused("order", turned.overtaking.route, reason, f"{request}: today {first}, as HTTPRoute {other}")
    return _grouped(items, actions, patterns=patterns)


def _action(placed: Placed, item: Item, mesh: Mesh, port: int, request: str, *, patterns: bool) -> Rule:
    owner, account = placed.owner, placed.account
    context = Context(port, mesh.target, lambda host: hosts.service(mesh, host, owner.namespace, owner.file), account)
    try:
        _check_rewrite(placed, item, patterns=patterns)
        return action(_narrowed(placed.rule, item), item.condition.path, placed.route, context)
    except Refused as refused:
        raise Refused(refused.case, refused.route, refused.reason, refused.witness or request) from None


def _narrowed(rule: HTTPRule, item: Item) -> HTTPRule:
    """The rule for one path out of a prefix: what the rewrite of the prefix makes of that path."""
    if item.cut is None or rule.rewrite is None or not rule.rewrite.uri or item.cut.text == EVERYTHING:
        return rule
    path, prefix = item.condition.path.text, item.cut.text or "/"
    became = rule.rewrite.uri + path[len(prefix) :]
    return structs.replace(rule, rewrite=structs.replace(rule.rewrite, uri="" if became == path else became))


def _check_rewrite(placed: Placed, item: Item, *, patterns: bool) -> None:
    """A prefix is replaced only where the match is a PathPrefix."""
    rule, path = placed.rule, item.condition.path
    if patterns and rule.rewrite is not None and rule.rewrite.uri and path.kind == PREFIX and path.text.endswith("/"):
        raise Refused(
            "rewrite", (*placed.route, "rewrite", "uri"), "beside paths that need regular expressions no prefix can be replaced"
        )


def _grouped(items: list[Item], actions: list[Rule], *, patterns: bool) -> list[Rule]:
    rules: list[Rule] = []
    pairs = list(zip(items, actions, strict=True))
    for _, members in groupby(pairs, key=lambda pair: (pair[0].rule, str(pair[1]))):
        entries = list(members)
        found = [matches.written(item.condition, item.names, patterns=patterns) for item, _ in entries]
        for (item, _), match in zip(entries, found, strict=True):
            matches.check_limits(match, item.route)
        own = entries[0][1]
        alone = "ReplacePrefixMatch" in str(own)
        rules += [{"matches": [match], **own} for match in found] if alone else [{"matches": found, **own}]
    total = sum(len(rule["matches"]) for rule in rules)
    if len(rules) > _MOST_RULES or total > _MOST_MATCHES or any(len(rule["matches"]) > _MOST_IN_RULE for rule in rules):
        reason = f"{len(rules)} rules with {total} matches do not fit into one HTTPRoute"
        raise Refused("size", ("spec", "http"), reason)
    return rules
