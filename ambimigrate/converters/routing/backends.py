"""Where a rule sends requests: destinations, weights and shadows as references to Services."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from math import gcd
from typing import Any

from msgspec import Struct

from ambimigrate.converters.outcome import Refused
from ambimigrate.converters.routing.context import Context
from ambimigrate.converters.routing.hashing import is_hashed
from ambimigrate.converters.subsets import services as subset_services
from ambimigrate.kinds import ServiceEntry
from ambimigrate.kinds.routes import Destination, Headers, HTTPMirror, HTTPRouteDestination, HTTPRule
from ambimigrate.model import Route
from ambimigrate.topology import hosts, reach
from ambimigrate.versions import Version, at_least

_MOST = 16  # destinations of a rule
_MOST_WEIGHT = 1_000_000
_BY_NAME = frozenset({"STATIC", "DNS", "DNS_ROUND_ROBIN"})  # of a ServiceEntry: a proxy knows or looks up the addresses
SERVICE_ENTRIES = "networking.istio.io"

Ref = dict[str, Any]


class Target(Struct, frozen=True):
    """A destination that counts: where it stands, its weight, and its own header changes."""

    destination: Destination
    route: Route
    weight: int
    headers: Headers | None


def targets(rule: HTTPRule, route: Route, context: Context) -> list[Target]:
    """The destinations with their weights as Istio reads them (route.go `applyHTTPRouteDestination`). Raises Refused."""
    if not rule.route:
        raise Refused("destination", route, "the rule has no destination")
    places = [(*route, "route", number) for number in range(len(rule.route))]
    for place in places:
        context.account.carry(place, "weight")
    pairs = list(zip(rule.route, places, strict=True))
    if len(pairs) == 1:
        return [Target(each.destination, place, 1, each.headers) for each, place in pairs]
    forgets = not at_least(context.target.istio, "1.26.0")  # up to 1.25 what has no weight is forgotten before anything else
    found = []
    for each, place in pairs:
        if not each.weight and (forgets or each.weight is None):
            context.account.left[place] = "it has no weight beside others, so it gets nothing"
        else:
            found.append(Target(each.destination, place, each.weight or 0, each.headers))
    if not forgets:
        _check_hashed(found, pairs, context)
    return found


def _check_hashed(found: list[Target], pairs: list[tuple[HTTPRouteDestination, Route]], context: Context) -> None:
    """Retries go to other hosts where there are several destinations, and stay at the hashed one of one alone.

    A sidecar counts those that get nothing, an HTTPRoute does not (route.go `applyHTTPRouteDestination`,
    conversion.go `buildHTTPDestination`).
    """
    weighted = [each for each in found if each.weight]
    if len(weighted) == 1 and _is_hashed(weighted[0].destination, context):
        idle, place = next(pair for pair in pairs if pair[1] != weighted[0].route)
        host = weighted[0].destination.host
        reason = (
            f"{idle.destination.host} gets nothing beside {host}, which is hashed: retries look for another host today, "
            f"and may not where {host} is alone"
        )
        raise Refused("destination", place, reason)


def _is_hashed(destination: Destination, context: Context) -> bool:
    service = context.find(destination.host)
    return service is not None and is_hashed(context.mesh, service, destination.subset or "")


def references(found: list[Target], filters: list[list[dict[str, Any]]], context: Context) -> list[Ref]:
    """The backendRefs of a rule; equal ones become one, with their weights together. Raises Refused."""
    shared = gcd(*(each.weight for each in found)) if max(each.weight for each in found) > _MOST_WEIGHT else 1
    refs: list[Ref] = []
    for each, changed in zip(found, filters, strict=True):
        ref = _reference(each, context)
        if ref is None:
            continue
        weight = each.weight // shared
        if weight > _MOST_WEIGHT:
            raise Refused("destination", (*each.route, "weight"), f"a weight of an HTTPRoute is at most {_MOST_WEIGHT:,}")
        _add(refs, ref, weight, changed, joined=not _is_hashed(each.destination, context))
    if len(refs) > _MOST:
        raise Refused("destination", found[0].route[:-1], f"an HTTPRoute has at most {_MOST} destinations in a rule")
    return refs


def _reference(target: Target, context: Context) -> Ref | None:
    """None for a destination that gets nothing and leads nowhere."""
    try:
        return backend(target.destination, (*target.route, "destination"), context)
    except Refused as refused:
        if target.weight:
            raise
        context.account.left[target.route] = f"it gets nothing, and {refused.reason}"
        return None


def _add(refs: list[Ref], ref: Ref, weight: int, changed: list[dict[str, Any]], *, joined: bool) -> None:
    """Adds a reference; equal ones are joined, unless that would leave one destination where retries look for others."""
    for known in refs if joined else ():
        if {key: each for key, each in known.items() if key not in {"weight", "filters"}} == ref and known.get(
            "filters", []
        ) == changed:
            known["weight"] += weight
            return
    refs.append(ref | {"weight": weight} | ({"filters": changed} if changed else {}))


def backend(destination: Destination, route: Route, context: Context) -> Ref:
    """The reference to a destination; every default is written, so that the object in the cluster does not differ."""
    context.account.carry(route, "host", "port", "subset")
    number = destination.port.number if destination.port and destination.port.number else context.port
    service = context.find(destination.host)
    if service is None:
        return _outside(destination, number, route, context)
    spec = service.body.spec
    if spec.type == "ExternalName" or spec.cluster_ip == "None":
        raise Refused("destination", (*route, "host"), f"Service {service.name} has no address of its own")
    if number not in {each.port for each in spec.ports}:
        raise Refused("destination", route, f"Service {service.name} has no port {number}: such requests get 503 today")
    name = service.name
    if destination.subset:
        try:
            name = subset_services.reserved(context.mesh, service, destination.subset)
        except Refused as refused:
            raise Refused(refused.case, (*route, "subset"), refused.reason, refused.witness) from None
    return {"group": "", "kind": "Service", "name": name, "namespace": service.namespace, "port": number}


def _outside(destination: Destination, port: int, route: Route, context: Context) -> Ref:
    """A host of a ServiceEntry that all namespaces see and whose addresses a proxy can find out."""
    found = hosts.service_entries(context.mesh, destination.host, context.owner.namespace)
    if not found:
        raise Refused("destination", (*route, "host"), f"no Service {destination.host} is in the input")
    entry = found[0].body.spec
    if destination.subset:
        raise Refused(
            "subset", (*route, "subset"), f"{destination.host} is of a ServiceEntry, whose endpoints no selector can mean"
        )
    is_seen = reach.is_exported(context.mesh, entry.export_to, found[0].namespace, "*", "defaultServiceExportTo")
    if len(found) > 1 or entry.resolution not in _BY_NAME or not is_seen:
        raise Refused("destination", (*route, "host"), f"a waypoint may not reach {destination.host} as its callers do")
    if port not in {each.number for each in entry.ports}:
        raise Refused("destination", route, f"ServiceEntry {found[0].name} has no port {port}: such requests get 503 today")
    return {"group": ServiceEntry.GROUP, "kind": "Hostname", "name": destination.host, "port": port}


def destinations(rule: HTTPRule) -> tuple[Destination, ...]:
    """Where the rule sends requests, shadows included."""
    shadows = [rule.mirror] if rule.mirror else []
    return (*(each.destination for each in rule.route), *shadows, *(each.destination for each in rule.mirrors))


# --- shadows --------------------------------------------------------------------------------------------------------


def mirrors(rule: HTTPRule, route: Route, context: Context) -> list[dict[str, Any]]:
    """RequestMirror for each shadow that gets anything. Raises Refused."""
    context.account.carry(route, "mirrorPercent", "mirror_percent", "mirrorPercentage")
    found = [_mirror(each, share, place, context) for each, share, place in _shadows(rule, route, context)]
    return [each for each in found if each is not None]


def _shadows(rule: HTTPRule, route: Route, context: Context) -> Iterator[tuple[Destination, float | None, Route]]:
    if rule.mirror is not None:
        old = rule.mirror_percent if rule.mirror_percent is not None else rule.mirror_percent_snake
        percent: float | None = None if old is None else float(old)
        if rule.mirror_percentage is not None:
            percent = rule.mirror_percentage.value
        yield rule.mirror, percent, (*route, "mirror")
    for number, each in enumerate(rule.mirrors):
        context.account.carry((*route, "mirrors", number, "percentage"))
        yield each.destination, _percent(each), (*route, "mirrors", number, "destination")


def _percent(mirror: HTTPMirror) -> float | None:
    return mirror.percentage.value if mirror.percentage is not None else None


def _mirror(destination: Destination, percent: float | None, route: Route, context: Context) -> dict[str, Any] | None:
    """No percentage means all requests, 0 means none (route.go)."""
    if percent is not None and percent <= 0:
        context.account.left[route] = "it gets 0 % of the requests"
        return None
    own: dict[str, Any] = {"backendRef": backend(destination, route, context)}
    if percent is not None and percent < 100:
        if context.target.gateway_api < Version(1, 3) or not at_least(context.target.istio, "1.24.0"):  # GEP-3171
            raise Refused("mirror", route, "a share of the requests needs Gateway API 1.3 and Istio 1.24 or later")
        share = Fraction(str(percent))
        own |= {"percent": int(share)} if share.denominator == 1 else {"fraction": _fraction(share)}
    return {"type": "RequestMirror", "requestMirror": own}


def _fraction(share: Fraction) -> dict[str, int]:
    """In millionths at most, as Envoy counts (route.go `translatePercentToFractionalPercent`)."""
    scale = 100
    while (share * scale / 100).denominator != 1 and scale < 10**6:
        scale *= 10
    return {"numerator": int(share * scale / 100), "denominator": scale}
