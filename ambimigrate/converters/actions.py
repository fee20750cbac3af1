"""What a rule does with a request: destinations, filters, time-outs and retries of an HTTPRoute, or a refusal."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from typing import Any

from msgspec import Struct

from ambimigrate.converters import durations, filters
from ambimigrate.converters.conditions import Test
from ambimigrate.converters.outcome import Account, Refused
from ambimigrate.kinds import Service
from ambimigrate.kinds.routes import Destination, Headers, HTTPMirror, HTTPRetry, HTTPRouteDestination, HTTPRule
from ambimigrate.model import Resource, Route, Target
from ambimigrate.versions import Version, at_least

_REFUSED: tuple[tuple[str, str, str, str], ...] = (  # attribute, field, case, reason
    ("delegate", "delegate", "delegate", "the rules stand in another VirtualService"),
    ("direct_response", "directResponse", "direct-response", "no HTTPRoute answers by itself"),
    ("fault", "fault", "fault", "no HTTPRoute injects faults"),
    ("cors_policy", "corsPolicy", "cors", "a preflight that matches no origin is forwarded today, an HTTPRoute answers it"),
)
_MOST_BACKENDS = 16


class Context(Struct, frozen=True):
    """Where a rule applies: the Service port, the target, and how to find the Service of a destination."""

    port: int
    target: Target
    find: Callable[[str], Resource[Service] | None]
    account: Account


def action(rule: HTTPRule, path: Test, route: Route, context: Context) -> dict[str, Any]:
    """The rule of an HTTPRoute without its matches, for an entry with this path. Raises Refused."""
    for attribute, field, case, reason in _REFUSED:
        if getattr(rule, attribute) is not None:
            raise Refused(case, (*route, field), reason)
    context.account.carry(route, "name", "timeout")
    own = _filters(rule, path, route, context)
    if rule.redirect is not None:
        if rule.timeout or rule.retries:
            raise Refused("redirect", (*route, "redirect"), "a redirect with a timeout or retries has no form")
        found = filters.redirect(rule.redirect, context.port, (*route, "redirect"), context.account)
        code = found["requestRedirect"]["statusCode"]
        if code not in {301, 302} and context.target.gateway_api < Version(1, 4):  # refused by the CRDs of 1.2 and 1.3
            raise Refused(
                "redirect", (*route, "redirect", "redirectCode"), f"the CRDs of {context.target.gateway_api} refuse {code}"
            )
        return {"filters": [*own, found]}
    return _forwarding(rule, route, own, context)


def _forwarding(rule: HTTPRule, route: Route, own: list[filters.Filter], context: Context) -> dict[str, Any]:
    found: dict[str, Any] = {}
    backends = _backends(rule, route, own, context)
    if own:
        found["filters"] = own
    found["backendRefs"] = backends
    if limits := _timeouts(rule, route):
        found["timeouts"] = limits
    if rule.retries is not None:
        found["retry"] = _retry(rule.retries, (*route, "retries"), context)
        if rule.retries.per_try_timeout:
            length = _duration(rule.retries.per_try_timeout, (*route, "retries", "perTryTimeout"))
            found.setdefault("timeouts", {})["backendRequest"] = length
    return found


def _filters(rule: HTTPRule, path: Test, route: Route, context: Context) -> list[filters.Filter]:
    own = filters.modifiers(_folded(rule, route), (*route, "headers"), context.account)
    if len(rule.route) == 1 and rule.route[0].headers is not None:
        filters.modifiers(rule.route[0].headers, (*route, "route", 0, "headers"), context.account)
    if rule.rewrite is not None and (found := filters.rewrite(rule.rewrite, path, (*route, "rewrite"), context.account)):
        own.append(found)
    return own + _mirrors(rule, route, context)


def _folded(rule: HTTPRule, route: Route) -> Headers | None:
    """Rule and destination level as one: with one destination Istio joins the lists, the destination's set wins (route.go)."""
    only = rule.route[0].headers if len(rule.route) == 1 else None
    if rule.headers is None or only is None:
        return rule.headers or only
    merged = {}
    for side in ("request", "response"):
        outer, inner = getattr(rule.headers, side), getattr(only, side)
        if outer is None or inner is None:
            merged[side] = outer or inner
            continue
        names = {name.lower() for name in inner.set}
        if {name.lower() for name in outer.add} & {name.lower() for name in inner.add}:
            raise Refused("headers", (*route, "headers", side, "add"), "one header is added by the rule and by its destination")
        kept = {name: value for name, value in outer.set.items() if name.lower() not in names}
        removed = dict.fromkeys((*outer.remove, *inner.remove))
        merged[side] = type(outer)(set=kept | inner.set, add=outer.add | inner.add, remove=tuple(removed))
    return Headers(request=merged["request"], response=merged["response"])


def _backends(rule: HTTPRule, route: Route, own: list[filters.Filter], context: Context) -> list[dict[str, Any]]:
    if not rule.route:
        raise Refused("destination", route, "the rule has no destination")
    single = len(rule.route) == 1
    weights = [1] if single else [each.weight or 0 for each in rule.route]
    if not any(weights) or min(weights) < 0 or max(weights) > 1_000_000:
        raise Refused("destination", (*route, "route"), "the weights do not fit into an HTTPRoute")
    alone = not single and sum(1 for weight in weights if weight) == 1
    found: list[dict[str, Any]] = []
    for number, (each, weight) in enumerate(zip(rule.route, weights, strict=True)):
        here = (*route, "route", number)
        context.account.carry(here, "weight")
        ref = backend(each.destination, (*here, "destination"), context)
        if not single and each.headers is not None:
            if alone and own:
                raise Refused("headers", (*here, "headers"), "the rule changes headers, too, and would no longer win")
            if changed := filters.modifiers(each.headers, (*here, "headers"), context.account):
                ref["filters"] = changed
        _add(found, ref, weight)
    if len(found) > _MOST_BACKENDS:
        raise Refused("destination", (*route, "route"), f"an HTTPRoute has at most {_MOST_BACKENDS} destinations in a rule")
    return found


def _add(found: list[dict[str, Any]], ref: dict[str, Any], weight: int) -> None:
    """Equal destinations become one, with their weights together."""
    changed = ref.pop("filters", None)
    for known in found:
        if {key: value for key, value in known.items() if key not in {"weight", "filters"}} == ref and known.get(
            "filters"
        ) == changed:
            known["weight"] += weight
            return
    found.append(ref | {"weight": weight} | ({"filters": changed} if changed else {}))


def backend(destination: Destination, route: Route, context: Context) -> dict[str, Any]:
    """The reference to a destination; every default is written, so that the object in the cluster does not differ."""
    context.account.carry(route, "host", "port")
    if destination.subset is not None:
        reason = f"{destination.host} is chosen by subset {destination.subset}, an HTTPRoute names whole Services"
        raise Refused("subset", (*route, "subset"), reason)
    service = context.find(destination.host)
    if service is None:
        raise Refused("destination", (*route, "host"), f"no Service {destination.host} is in the input")
    spec = service.body.spec
    if spec.type == "ExternalName" or spec.cluster_ip == "None":
        raise Refused("destination", (*route, "host"), f"Service {service.name} has no address of its own")
    port = destination.port.number if destination.port and destination.port.number else context.port
    if port not in {each.port for each in spec.ports}:
        raise Refused("destination", route, f"Service {service.name} has no port {port}: such requests get 503 today")
    return {"group": "", "kind": "Service", "name": service.name, "namespace": service.namespace, "port": port}


def destinations(rule: HTTPRule) -> tuple[Destination, ...]:
    """Where the rule sends requests, shadows included."""
    shadows = [rule.mirror] if rule.mirror else []
    return (*(each.destination for each in rule.route), *shadows, *(each.destination for each in rule.mirrors))


def _mirrors(rule: HTTPRule, route: Route, context: Context) -> list[filters.Filter]:
    found = []
    if rule.mirror is not None:
        if rule.mirrors:
            raise Refused("mirror", (*route, "mirrors"), "mirror and mirrors stand side by side")
        context.account.carry(route, "mirrorPercent", "mirror_percent", "mirrorPercentage")
        old = rule.mirror_percent if rule.mirror_percent is not None else rule.mirror_percent_snake
        percent: float | None = None if old is None else float(old)
        if rule.mirror_percentage is not None:
            percent = rule.mirror_percentage.value
        found.append(_mirror(rule.mirror, percent, (*route, "mirror"), context))
    for number, each in enumerate(rule.mirrors):
        context.account.carry((*route, "mirrors", number, "percentage"))
        found.append(_mirror(each.destination, _percent(each), (*route, "mirrors", number, "destination"), context))
    return [each for each in found if each is not None]


def _percent(mirror: HTTPMirror) -> float | None:
    return mirror.percentage.value if mirror.percentage is not None else None


def _mirror(destination: Destination, percent: float | None, route: Route, context: Context) -> filters.Filter | None:
    """RequestMirror; no percentage means all requests, 0 means none (route.go)."""
    own: dict[str, Any] = {"backendRef": backend(destination, route, context)}
    if percent == 0:
        return None
    if percent is not None and percent < 100:
        if context.target.gateway_api < Version(1, 3) or not at_least(context.target.istio, "1.24.0"):  # GEP-3171
            raise Refused("mirror", route, "a share of the requests needs Gateway API 1.3 and Istio 1.24 or later")
        share = Fraction(str(percent))
        own |= {"percent": int(share)} if share.denominator == 1 else {"fraction": _fraction(share)}
    return {"type": "RequestMirror", "requestMirror": own}


def _fraction(share: Fraction) -> dict[str, int]:
    scale = 100
    while (share * scale / 100).denominator != 1 and scale < 10**8:
        scale *= 10
    return {"numerator": int(share * scale / 100), "denominator": scale}


def _timeouts(rule: HTTPRule, route: Route) -> dict[str, str]:
    return {"request": _duration(rule.timeout, (*route, "timeout"))} if rule.timeout else {}


def _duration(text: str, route: Route) -> str:
    length = durations.milliseconds(text)
    found = durations.written(length) if length else None
    if found is None:
        raise Refused("timeout", route, f"{text} is no duration that an HTTPRoute can express")
    return found


def _retry(own: HTTPRetry, route: Route, context: Context) -> dict[str, Any]:
    """`retry`, which only the experimental channel has, and Istio 1.25+ reads."""
    context.account.carry(route, "attempts", "perTryTimeout", "backoff")
    if own.attempts < 1:
        raise Refused(
            "retries", (*route, "attempts"), "an HTTPRoute cannot turn retries off: the default of the mesh, 2, comes back"
        )
    if own.retry_on:
        raise Refused("retries", (*route, "retryOn"), f"an HTTPRoute lists status codes and cannot say {own.retry_on!r}")
    for name, used in (
        ("retryRemoteLocalities", own.retry_remote_localities),
        ("retryIgnorePreviousHosts", own.retry_ignore_previous_hosts),
    ):
        if used is not None:
            raise Refused("retries", (*route, name), f"an HTTPRoute has no {name}")
    if context.target.channel != "experimental" or not at_least(context.target.istio, "1.25.0"):
        raise Refused(
            "retries-channel",
            route,
            "`retry` exists in the experimental channel of the Gateway API only, read by Istio 1.25 or later",
        )
    found: dict[str, Any] = {"attempts": own.attempts}
    if own.backoff:
        found["backoff"] = _duration(own.backoff, (*route, "backoff"))
    return found


__all__ = ["Context", "HTTPRouteDestination", "action", "backend"]
