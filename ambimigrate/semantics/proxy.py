"""Envoy at work: finds the first route that matches a request, and carries out what it says."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator

from msgspec.structs import replace

from ambimigrate.semantics import cors, rewriting
from ambimigrate.semantics.decision import Decision, Fault, Headers, Outcome, Received, Request
from ambimigrate.semantics.envoy import Answer, Cluster, Condition, Forward, Match, Redirect, Route, Target
from ambimigrate.semantics.mutation import NOTHING, Message, lowered, mutated, without
from ambimigrate.semantics.paths import parameters, split
from ambimigrate.semantics.strings import Present, accepts
from ambimigrate.versions import Version, at_least

ABORTED = "fault filter abort"  # the body of Envoy's answer
_LINE_BY_LINE = "1.31.0"  # the first with Envoy 1.39 (its changelog: match_headers_individually)


def message(request: Request) -> Message:
    """The request as the proxy reads it."""
    return Message(lowered(request.headers), request.method, request.path, request.host, request.scheme)


def decide(routes: Iterable[Route], request: Request, release: Version) -> Decision:
    """The decision of a virtual host with these routes, in a proxy of an Istio release; 404 if none matches.

    The path is already normalized.
    """
    asked = message(request)
    found = first(routes, asked if at_least(release, _LINE_BY_LINE) else _joined(asked))
    if found is None:
        return Decision(((100.0, Outcome(404)),), unmatched=True)
    return _carried_out(found, asked, request.reply)


def _joined(asked: Message) -> Message:
    """The lines of each header as one, as Envoy compared them up to 1.38; what is sent on stays as it came."""
    lines: dict[str, list[str]] = defaultdict(list)
    for name, value in asked.headers:
        lines[name].append(value)
    return replace(asked, headers=tuple((name, ",".join(values)) for name, values in lines.items()))


def first(routes: Iterable[Route], asked: Message) -> Route | None:
    """The first route that matches."""
    path, _ = split(asked.path)
    query = parameters(asked.path)
    return next((route for route in routes if _matches(route.match, asked, path, query)), None)


def _matches(match: Match, asked: Message, path: str, query: dict[str, str]) -> bool:
    return (
        accepts(match.path, path)
        and all(_header(each, asked) for each in match.headers)
        and all(each.name in query and accepts(each.test, query[each.name]) for each in match.query)
    )


def _header(condition: Condition, asked: Message) -> bool:
    """Of several lines one has to match; where the test is negated, a missing header counts as empty."""
    lines = asked.values(condition.name)
    if not condition.negated:
        return any(accepts(condition.test, line) for line in lines)
    if isinstance(condition.test, Present):
        return not lines
    return not any(accepts(condition.test, line) for line in lines or ("",))


def _carried_out(route: Route, asked: Message, reply: Headers) -> Decision:
    """The filters in their order: fault, CORS, router."""
    fault = route.fault
    if fault and fault.abort and fault.abort[1] >= 100:
        return _aborted(route, fault, fault.abort[0], asked)
    if route.cors and (answer := cors.preflight(route.cors, asked)) is not None:
        return Decision(((100.0, Outcome(200, response=answer)),), fault=fault)
    if isinstance(route.action, Forward):
        return _forwarded(route, route.action, asked, reply)
    return Decision(((100.0, _answered(route, route.action, asked)),), fault=fault)


def _answered(route: Route, action: Redirect | Answer, asked: Message) -> Outcome:
    response = cors.stamped(route.cors, asked, mutated((), route.response, asked))
    if isinstance(action, Redirect):
        return Outcome(action.code, location=rewriting.location(route.match, action, asked), response=lowered(response))
    return Outcome(action.status, body=_body(action.body, asked), response=lowered(response))


def _body(text: str, asked: Message) -> str:
    return "" if asked.method == "HEAD" else text


def _aborted(route: Route, fault: Fault, status: int, asked: Message) -> Decision:
    """A cluster has been chosen already, so that its changes of the response are made, too; CORS has not been looked at."""
    body = _body(ABORTED, asked)
    targets = route.action.targets if isinstance(route.action, Forward) else (_NOWHERE,)
    answers = (
        (share, mutated(mutated((), target.response, asked), route.response, asked)) for share, target in _shares(targets)
    )
    return Decision(_added((share, Outcome(status, body=body, response=lowered(each))) for share, each in answers), fault=fault)


_NOWHERE = Target(Cluster("", None))


def _shares(targets: tuple[Target, ...]) -> Iterator[tuple[float, Target]]:
    """The targets that get something, with their percentage."""
    total = sum(each.weight for each in targets)
    return ((100.0 * each.weight / total, each) for each in targets if each.weight > 0)


def _added(outcomes: Iterable[tuple[float, Outcome]]) -> tuple[tuple[float, Outcome], ...]:
    """Equal outcomes as one."""
    shares: dict[Outcome, float] = defaultdict(float)
    for share, outcome in outcomes:
        shares[outcome] += share
    return tuple((share, outcome) for outcome, share in shares.items())


def _forwarded(route: Route, action: Forward, asked: Message, reply: Headers) -> Decision:
    chosen = tuple(_shares(action.targets))
    return Decision(
        _added((share, _outcome(route, action, target, asked, reply)) for share, target in chosen),
        timeout=action.timeout,
        retries=action.retries,
        mirrors=action.mirrors,
        hash=action.hash,
        fault=route.fault,
        errors=tuple(each.cluster.name for _, each in chosen if each.cluster.backends is None),
    )


def _outcome(route: Route, action: Forward, target: Target, asked: Message, reply: Headers) -> Outcome:
    sent = _sent(route, action, target, asked)
    backends = target.cluster.backends
    headers = () if backends is None else lowered(reply)
    response = mutated(mutated(headers, target.response, sent), route.response, sent)
    response = lowered(cors.stamped(route.cors, asked, response))
    if backends is None:
        return Outcome(action.missing, response=response)
    received = Received(sent.method, sent.path, sent.host, lowered(sent.headers))
    return Outcome(200, backends, received, response=response, policy=target.cluster.policy)


def _sent(route: Route, action: Forward, target: Target, asked: Message) -> Message:
    """The changes of the cluster come first, those of the route second, and paths and hosts last."""
    headers = asked.headers
    for mutation in (target.request, route.request):
        if mutation != NOTHING:
            seen = Message(without(headers, mutation.remove), asked.method, asked.path, asked.host, asked.scheme)
            headers = mutated(headers, mutation, seen)
    path = rewriting.path(route.match, action.rewrite, asked.path)
    return Message(headers, asked.method, path, action.host or target.host or asked.host, asked.scheme)
