"""The flat list of rules that a VirtualService gives each port of a Service, as rules of HTTPRoutes."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import groupby
from typing import Any

from msgspec import Struct, structs

from ambimigrate.converters import matches
from ambimigrate.converters.actions import Context, action
from ambimigrate.converters.conditions import EVERY_PATH, EVERYTHING, PREFIX, Condition, both, sample
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


class Lists(Struct, frozen=True):
    """The rules for each port that carries HTTP; none where the VirtualService says nothing."""

    by_port: dict[int, list[Rule]]


def port_lists(vs: Resource[VirtualService], service: Resource[Service], mesh: Mesh, account: Account) -> Lists:
    """The rules of HTTPRoutes by port. Raises Refused."""
    ports = [each.port for each in service.body.spec.ports if carries_http(each)]
    if not ports:
        raise Refused("l4", ("spec", "http"), f"no port of {service.name} carries HTTP")
    live: set[Route] = set()
    gone: dict[Route, str] = {}
    by_port = {}
    for port in ports:
        context = Context(port, mesh.target, lambda host: hosts.service(mesh, host, vs.namespace, vs.file), account)
        kept, dead = alive(list(_items(vs, port, gone, account)))
        live |= {each.route for each in kept}
        gone |= {each.item.route: _why(each) for each in dead}
        by_port[port] = _rules(vs, service, kept, context)
    _note_dead(vs, live, gone, account)
    return Lists(by_port)


def _why(dead: Dead) -> str:
    by = dead.by.route
    return f"no request reaches it: http[{by[2]}]{f'.match[{by[4]}]' if len(by) > 4 else ''} before it takes them all"


def _items(vs: Resource[VirtualService], port: int, gone: dict[Route, str], account: Account) -> Iterator[Item]:
    """The entries that a sidecar keeps for the port (route.go `BuildHTTPRoutesForVirtualService`)."""
    for i, rule in enumerate(vs.body.spec.http):
        route: Route = ("spec", "http", i)
        if not rule.match:
            yield Item(i, route, Condition(EVERY_PATH), {})
            return
        for j, match in enumerate(rule.match):
            here = (*route, "match", j)
            if reason := _absent(match, port):
                gone.setdefault(here, reason)
                continue
            found = matches.condition(match, here, account)
            if found is None:
                gone.setdefault(here, "plain HTTP never has this scheme")
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


def _note_dead(vs: Resource[VirtualService], live: set[Route], gone: dict[Route, str], account: Account) -> None:
    """What lies in entries that no port uses is left out with the reason."""
    for i, rule in enumerate(vs.body.spec.http):
        route: Route = ("spec", "http", i)
        entries = [(*route, "match", j) for j in range(len(rule.match))] or [route]
        dead = [each for each in entries if each not in live]
        if len(dead) == len(entries):
            account.left[route] = next(
                (gone[each] for each in dead if each in gone), "no request reaches it: a rule before it takes them all"
            )
        else:
            for each in dead:
                account.left[each] = gone.get(each, "no request reaches it: an entry before it takes them all")


def _rules(vs: Resource[VirtualService], service: Resource[Service], kept: list[Item], context: Context) -> list[Rule]:
    if not kept:
        return []
    patterns = needs_patterns(kept)
    items = kept if patterns else spread(kept) or kept
    actions = []
    for item in items:
        request = sample(item.condition, hosts.host_of(service), context.port)
        actions.append(_action(vs.body.spec.http[item.rule], item, context, request, patterns=patterns))
    turned = clash(items, actions, context.target.istio, patterns=patterns)
    if turned is not None:
        shared = both(turned.first.condition, turned.overtaking.condition)
        first, other = (f"http[{each.route[2]}]" for each in (turned.first, turned.overtaking))
        request = sample(shared or turned.overtaking.condition, hosts.host_of(service), context.port)
        reason = f"{other} is the more specific match and would overtake {first}, which comes first today"
        raise Refused("order", turned.overtaking.route, reason, f"{request}: today {first}, as HTTPRoute {other}")
    return _grouped(vs, items, actions, patterns=patterns)


def _action(rule: HTTPRule, item: Item, context: Context, request: str, *, patterns: bool) -> Rule:
    try:
        _check_rewrite(rule, item, patterns=patterns)
        return action(_narrowed(rule, item), item.condition.path, ("spec", "http", item.rule), context)
    except Refused as refused:
        raise Refused(refused.case, refused.route, refused.reason, refused.witness or request) from None


def _narrowed(rule: HTTPRule, item: Item) -> HTTPRule:
    """The rule for one path out of a prefix: what the rewrite of the prefix makes of that path."""
    if item.cut is None or rule.rewrite is None or not rule.rewrite.uri or item.cut.text == EVERYTHING:
        return rule
    path, prefix = item.condition.path.text, item.cut.text or "/"
    became = rule.rewrite.uri + path[len(prefix) :]
    return structs.replace(rule, rewrite=structs.replace(rule.rewrite, uri="" if became == path else became))


def _check_rewrite(rule: HTTPRule, item: Item, *, patterns: bool) -> None:
    """A prefix is replaced only where the match is a PathPrefix."""
    path = item.condition.path
    if patterns and rule.rewrite is not None and rule.rewrite.uri and path.kind == PREFIX and path.text.endswith("/"):
        route: Route = ("spec", "http", item.rule, "rewrite", "uri")
        raise Refused("rewrite", route, "beside paths that need regular expressions no prefix can be replaced")


def _grouped(vs: Resource[VirtualService], items: list[Item], actions: list[Rule], *, patterns: bool) -> list[Rule]:
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
