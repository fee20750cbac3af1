"""Paths as callers write them: a sidecar judged what routes had rewritten, a waypoint judges before it routes (A20, A26).

All tests of a path are prefixes and whole paths, so a few sample paths decide whether a translation is exact.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from msgspec import Struct
from msgspec.structs import replace

from ambimigrate.converters.outcome import Account, Refused
from ambimigrate.converters.routing import flat
from ambimigrate.kinds import Service, VirtualService
from ambimigrate.kinds.routes import HTTPMatch, HTTPRule
from ambimigrate.kinds.security import Operation, Rule
from ambimigrate.model import Mesh, Resource, Route
from ambimigrate.topology import reach
from ambimigrate.topology.virtualservices import MESH

OTHER = "\x00"  # stands for any text that no test asks for
ANSWER, UNROUTED = "answer", "unrouted"


class Step(Struct, frozen=True):
    """One way through the routes: the paths it takes, by prefix or whole, and what becomes of them."""

    path: str
    exact: bool
    rewrite: str | None
    answers: bool

    def takes(self, path: str) -> bool:
        return path == self.path if self.exact else path.startswith(self.path)

    def sent(self, path: str) -> str:
        """The path as the server sees it."""
        if self.rewrite is None:
            return path
        return self.rewrite if self.exact else self.rewrite + path[len(self.path) :]


class Routing(Struct, frozen=True):
    """What routes of a Service do before its server decides: its steps, and the VirtualService that says so."""

    vs: Resource[VirtualService]
    steps: tuple[Step, ...]

    def seen(self, path: str) -> str:
        """What the server sees of a path, or ANSWER or UNROUTED if it sees nothing."""
        step = next((each for each in self.steps if each.takes(path)), None)
        if step is None:
            return UNROUTED
        return ANSWER if step.answers else step.sent(path)


def translated(mesh: Mesh, rule: Rule, number: int, service: Resource[Service]) -> Rule:
    """The rule with paths as callers write them. Raises Refused."""
    base: Route = ("spec", "rules", number)
    found = routes(mesh, service)
    if not found or not any(map(_changes, found)):
        return rule
    _check_conditions(rule, base, found)
    to = tuple(
        replace(each, operation=_operation(mesh, each.operation, (*base, "to", i, "operation"), found))
        if each.operation
        else each
        for i, each in enumerate(rule.to)
    )
    return replace(rule, to=to)


def routes(mesh: Mesh, service: Resource[Service]) -> tuple[Resource[VirtualService], ...]:
    """The VirtualServices whose rules are for the Service."""
    return reach.mesh_virtual_services(mesh, service)


def _changes(vs: Resource[VirtualService]) -> bool:
    return any(
        each.rewrite or each.headers or each.delegate or any(one.headers for one in each.route) for each in vs.body.spec.http
    )


def answers(rule: HTTPRule) -> bool:
    """Whether the proxy that routes answers itself."""
    return rule.redirect is not None or rule.direct_response is not None


def _check_conditions(rule: Rule, base: Route, found: Iterable[Resource[VirtualService]]) -> None:
    """Headers that routes set or take away are other ones at the waypoint."""
    changed = {name.lower() for vs in found for each in vs.body.spec.http for name in _headers(each)}
    for i, condition in enumerate(rule.when):
        name = condition.key.removeprefix("request.headers[").removesuffix("]").lower()
        if condition.key.startswith("request.headers[") and name in changed:
            reason = f"routes change header {name} before the server decides, but after a waypoint does"
            raise Refused("rewrite", (*base, "when", i), reason)


def _headers(rule: HTTPRule) -> Iterator[str]:
    for headers in (rule.headers, *(each.headers for each in rule.route)):
        if headers and headers.request:
            yield from (*headers.request.set, *headers.request.add, *headers.request.remove)
    if rule.rewrite and rule.rewrite.authority:
        yield from ("host", ":authority")


def _operation(mesh: Mesh, operation: Operation, route: Route, found: tuple[Resource[VirtualService], ...]) -> Operation:
    if (operation.hosts or operation.not_hosts) and any(
        each.rewrite and each.rewrite.authority for vs in found for each in vs.body.spec.http
    ):
        name = "hosts" if operation.hosts else "notHosts"
        raise Refused("rewrite", (*route, name), f"{found[0].ref} rewrites the host, and a waypoint decides before that")
    rewriting = any(each.rewrite or each.delegate for vs in found for each in vs.body.spec.http)
    if not rewriting or not (operation.paths or operation.not_paths):
        return operation
    return replace(
        operation,
        paths=_paths(mesh, operation.paths, (*route, "paths"), found),
        not_paths=_paths(mesh, operation.not_paths, (*route, "notPaths"), found),
    )


def _paths(mesh: Mesh, patterns: tuple[str, ...], route: Route, found: tuple[Resource[VirtualService], ...]) -> tuple[str, ...]:
    """The patterns for paths before the rewrite. Raises Refused where no list of patterns says the same."""
    if not patterns:
        return patterns
    routing = routing_of(mesh, found, route)
    for each in patterns:
        if "{" in each or (each.startswith("*") and each != "*"):
            raise Refused("rewrite", route, f"{routing.vs.ref} rewrites paths, and {each} cannot be written for those before")
    plain = [each for each in patterns if not _lies_rewritten(each, routing)]
    added = [each for pattern in patterns for step in routing.steps for each in _before(pattern, step)]
    result = tuple(dict.fromkeys((*plain, *added)))
    for path in _samples((*patterns, *result), routing):
        seen = routing.seen(path)
        if seen in {ANSWER, UNROUTED}:
            continue
        if any(fits(each, seen) for each in patterns) is not any(fits(each, path) for each in result):
            shown = path.replace(OTHER, "…")
            reason = f"{routing.vs.ref} rewrites paths in a way that no list of paths undoes"
            raise Refused("rewrite", route, reason, f"GET {shown}: the server sees {seen.replace(OTHER, '…')}")
    return result


def _lies_rewritten(pattern: str, routing: Routing) -> bool:
    """Whether no path of the pattern reaches the server as it is."""
    text = pattern.removesuffix("*")
    step = next((each for each in routing.steps if each.takes(text)), None)
    return step is not None and step.rewrite is not None


def _before(pattern: str, step: Step) -> Iterator[str]:
    """The pattern for what a step rewrites into it."""
    if step.rewrite is None or step.answers:
        return
    text, wild = pattern.removesuffix("*"), pattern.endswith("*")
    if step.exact:
        if fits(pattern, step.rewrite):
            yield step.path
    elif text.startswith(step.rewrite):
        yield step.path + text[len(step.rewrite) :] + ("*" if wild else "")
    elif wild and step.rewrite.startswith(text):
        yield f"{step.path}*"


def _samples(patterns: Iterable[str], routing: Routing) -> Iterator[str]:
    """A path for each way in which the tests can answer."""
    texts = {each.removesuffix("*") for each in patterns} | {each.path for each in routing.steps}
    for step in routing.steps:
        if step.rewrite is not None and not step.exact:
            texts |= {step.path + text[len(step.rewrite) :] for text in set(texts) if text.startswith(step.rewrite)}
    yield from (each for text in sorted(texts | {"/"}) for each in (text, text + OTHER) if each.startswith("/"))


def fits(pattern: str, path: str) -> bool:
    """Whether a path of a policy, `*` at its end meaning any rest, covers the path."""
    return path.startswith(pattern[:-1]) if pattern.endswith("*") else path == pattern


def routing_of(mesh: Mesh, found: tuple[Resource[VirtualService], ...], route: Route) -> Routing:
    """The steps of the only VirtualService, if paths alone decide. Raises Refused."""
    vs = found[0]
    if len(found) > 1:
        raise Refused("rewrite", route, f"{vs.ref} and {found[1].ref} both route the Service before the policy decides")
    steps = tuple(each for placed in flat.flatten(vs, mesh, Account()) for each in _steps(vs, placed, route))
    return Routing(vs, steps)


def _steps(vs: Resource[VirtualService], placed: flat.Placed, route: Route) -> Iterator[Step]:
    rule = placed.rule
    if rule.rewrite and rule.rewrite.uri_regex_rewrite:
        raise Refused("rewrite", route, f"{vs.ref} rewrites paths by a pattern, which cannot be undone")
    target = rule.rewrite.uri or None if rule.rewrite else None
    if not placed.matches:
        yield Step("/", exact=False, rewrite=target, answers=answers(rule))
    for match, _ in placed.matches:
        if not match.gateways or MESH in match.gateways:
            yield _step(vs, match, target, route, answers=answers(rule))


def _step(vs: Resource[VirtualService], match: HTTPMatch, target: str | None, route: Route, *, answers: bool) -> Step:
    uri = match.uri
    plain = replace(match, uri=None, name="", stat_prefix="", gateways=()) == HTTPMatch()
    if not plain or (uri is not None and uri.regex is not None):
        raise Refused("rewrite", route, f"{vs.ref} rewrites or answers by more than the path before the policy decides")
    if uri is not None and uri.exact is not None:
        return Step(uri.exact, exact=True, rewrite=target, answers=answers)
    return Step(uri.prefix or "/" if uri is not None else "/", exact=False, rewrite=target, answers=answers)
