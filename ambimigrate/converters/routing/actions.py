"""What a rule does with a request: destinations, filters, time-outs and retries of an HTTPRoute, or a refusal."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ambimigrate.converters.outcome import Refused
from ambimigrate.converters.routing import backends, cors, filters, headers, invalid, retries
from ambimigrate.converters.routing.backends import Target, backend, destinations
from ambimigrate.converters.routing.context import Context
from ambimigrate.converters.routing.headers import Sides
from ambimigrate.converters.routing.strings import Test
from ambimigrate.kinds import Service
from ambimigrate.kinds.routes import HTTPFault, HTTPRule
from ambimigrate.model import Resource, Route
from ambimigrate.versions import Version

_LATER_CODES = frozenset({303, 307, 308})  # refused by the CRDs of Gateway API 1.2 and 1.3
_FORWARDING = (  # attribute and field of what means nothing to a rule that sends the request nowhere
    ("timeout", "timeout"),
    ("retries", "retries"),
    ("mirror", "mirror"),
    ("mirrors", "mirrors"),
    ("mirror_percent", "mirrorPercent"),
    ("mirror_percent_snake", "mirror_percent"),
    ("mirror_percentage", "mirrorPercentage"),
)

Rule = dict[str, Any]


def action(rule: HTTPRule, path: Test, route: Route, context: Context) -> Rule:
    """The rule of an HTTPRoute without its matches, for an entry with this path. Raises Refused."""
    invalid.check(rule, route)
    _check_fault(rule.fault, (*route, "fault"), context)
    context.account.carry(route, "name")
    if rule.delegate is not None:
        raise Refused("delegate", (*route, "delegate"), "the rules stand in another VirtualService")
    if rule.direct_response is not None:
        return _answer(rule, route, context)
    if rule.redirect is not None:
        return _redirect(rule, route, context)
    return _forward(rule, path, route, context)


def _check_fault(fault: HTTPFault | None, route: Route, context: Context) -> None:
    """A fault without percentage never happens."""
    if fault is None:
        return
    delay, abort = fault.delay, fault.abort
    shares = [each.percentage.value for each in (delay, abort) if each and each.percentage]
    shares += [delay.percent] if delay and delay.percent and not delay.percentage else []
    if any(shares):
        raise Refused("fault", route, "no HTTPRoute injects faults")
    context.account.left[route] = "a fault of 0 % of the requests never happens"


def _answer(rule: HTTPRule, route: Route, context: Context) -> Rule:
    """Status 500 without body is what a waypoint answers where all weights are 0 (conversion.md 2.4)."""
    found = rule.direct_response
    if found is None or found.status != 500 or found.body is not None or context.parent is None:
        raise Refused("direct-response", (*route, "directResponse"), "no HTTPRoute answers by itself")
    for name, used in (("headers", rule.headers), ("corsPolicy", rule.cors_policy)):
        if used is not None:
            raise Refused("direct-response", (*route, name), f"no HTTPRoute answers by itself with {name}")
    context.account.carry(route, "directResponse")
    _leave(rule, route, "an answer of the proxy", context)
    return {"backendRefs": [_itself(context.parent, context.port) | {"weight": 0}]}


def _itself(service: Resource[Service], port: int) -> dict[str, Any]:
    return {"group": "", "kind": "Service", "name": service.name, "namespace": service.namespace, "port": port}


def _leave(rule: HTTPRule, route: Route, what: str, context: Context) -> None:
    for attribute, field in _FORWARDING:
        if getattr(rule, attribute) not in (None, ()):
            context.account.left[(*route, field)] = f"it means nothing to {what}"


def _redirect(rule: HTTPRule, route: Route, context: Context) -> Rule:
    if rule.redirect is None or rule.cors_policy is not None:
        raise Refused("cors", (*route, "corsPolicy"), "a redirect with corsPolicy has no form")
    _leave(rule, route, "a redirect", context)
    own = headers.written(headers.read(rule.headers, (*route, "headers"), context.account))
    found = filters.redirect(rule.redirect, context.port, (*route, "redirect"), context.account)
    code = found["requestRedirect"]["statusCode"]
    if code in _LATER_CODES and context.target.gateway_api < Version(1, 4):
        reason = f"the CRDs of {context.target.gateway_api} refuse {code}"
        raise Refused("redirect", (*route, "redirect", "redirectCode"), reason)
    return {"filters": [*own, found]}


def _forward(rule: HTTPRule, path: Test, route: Route, context: Context) -> Rule:
    targets = backends.targets(rule, route, context)
    levels, below = _levels(rule, targets, route, context)
    own = list(_filters(rule, levels, path, route, context))
    found: Rule = {"filters": own} if own else {}
    found["backendRefs"] = backends.references(targets, below, context)
    return found | retries.limits(rule, route, context)


def _levels(rule: HTTPRule, targets: list[Target], route: Route, context: Context) -> tuple[Sides, list[list[dict[str, Any]]]]:
    """The header changes of the rule, and the filters of each destination.

    With one destination, or one that gets everything, both levels become one: a waypoint would not let the same one win.
    """
    own = headers.read(rule.headers, (*route, "headers"), context.account)
    each = [headers.read(target.headers, (*target.route, "headers"), context.account) for target in targets]
    used = [side for side, target in zip(each, targets, strict=True) if target.weight]
    nothing: list[list[dict[str, Any]]] = [[] for _ in targets]
    if len(targets) == 1:
        return headers.joined(own, each[0]), nothing
    if len(used) == 1:
        return headers.overruled(own, used[0]), nothing
    is_renamed = bool(own.authority or (rule.rewrite and rule.rewrite.authority))
    return own, [headers.written(side, host="" if is_renamed else side.authority) for side in each]


def _filters(rule: HTTPRule, levels: Sides, path: Test, route: Route, context: Context) -> Iterator[dict[str, Any]]:
    written = rule.rewrite.authority if rule.rewrite else ""
    authority = written or levels.authority
    is_name = filters.is_hostname(authority)
    yield from headers.written(levels, host="" if is_name else authority)
    if rewrite := filters.rewrite(rule.rewrite, authority if is_name else "", path, (*route, "rewrite"), context):
        yield rewrite
    yield from backends.mirrors(rule, route, context)
    if rule.cors_policy is not None and (made := cors.converted(rule.cors_policy, (*route, "corsPolicy"), context)):
        yield made


__all__ = ["Context", "action", "backend", "destinations"]
