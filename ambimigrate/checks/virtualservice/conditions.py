"""The match entries of a VirtualService with their places."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from ambimigrate.kinds import VirtualService
from ambimigrate.kinds.routes import HTTPMatch, HTTPRule, RouteDestination, TCPMatch, TLSMatch
from ambimigrate.model import Route


class Entry(NamedTuple):
    """One match entry of a rule; `gateways` are its own."""

    route: Route
    rule: HTTPRule
    match: HTTPMatch


def entries(vs: VirtualService) -> Iterator[Entry]:
    """Every match entry of the http rules."""
    for i, rule in enumerate(vs.spec.http):
        for j, match in enumerate(rule.match):
            yield Entry(("spec", "http", i, "match", j), rule, match)


def l4(vs: VirtualService) -> Iterator[tuple[Route, TCPMatch | TLSMatch, tuple[RouteDestination, ...]]]:
    """Every match entry of the tcp and tls rules, with the destinations of its rule."""
    for i, tcp in enumerate(vs.spec.tcp):
        for j, match in enumerate(tcp.match):
            yield ("spec", "tcp", i, "match", j), match, tcp.route
    for i, tls in enumerate(vs.spec.tls):
        for j, sni in enumerate(tls.match):
            yield ("spec", "tls", i, "match", j), sni, tls.route


def in_mesh(match: HTTPMatch | TCPMatch | TLSMatch) -> bool:
    """Whether an entry is for clients in the mesh: it names no gateways, or `mesh` among them."""
    return not match.gateways or "mesh" in match.gateways


def destinations(rule: HTTPRule) -> str:
    """Where a rule sends requests, in words."""
    found = dict.fromkeys(
        f"{each.destination.host}{f' subset {each.destination.subset}' if each.destination.subset else ''}"
        for each in rule.route
    )
    return " and ".join(found) or "this rule"
