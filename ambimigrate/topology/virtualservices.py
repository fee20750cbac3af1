"""What a VirtualService is bound to and what it makes use of."""

from __future__ import annotations

from collections.abc import Iterator

from ambimigrate.kinds import VirtualService
from ambimigrate.kinds.routes import Destination, HTTPRule

MESH = "mesh"


def is_of_mesh(vs: VirtualService) -> bool:
    """Whether clients inside the mesh use it: no gateways, or `mesh` among them (Istio, push_context.go `getGatewayNames`)."""
    return not vs.spec.gateways or MESH in vs.spec.gateways


def is_of_gateway(vs: VirtualService) -> bool:
    """Whether an Istio Gateway uses it."""
    return any(each != MESH for each in vs.spec.gateways)


def has_rules(vs: VirtualService) -> bool:
    """Whether it says anything about connections or requests."""
    return bool(vs.spec.http or vs.spec.tcp or vs.spec.tls)


def destinations(vs: VirtualService) -> Iterator[Destination]:
    """Wherever it sends traffic, mirrors included."""
    for rule in vs.spec.http:
        yield from (each.destination for each in rule.route)
        yield from (each.destination for each in rule.mirrors)
        yield from (rule.mirror,) if rule.mirror else ()
    yield from (each.destination for tcp in vs.spec.tcp for each in tcp.route)
    yield from (each.destination for tls in vs.spec.tls for each in tls.route)


def features(vs: VirtualService) -> tuple[str, ...]:
    """What it does to requests, in words, most visible first."""
    return tuple(dict.fromkeys(_features(vs)))


def _features(vs: VirtualService) -> Iterator[str]:
    for rule in vs.spec.http:
        yield from _of_rule(rule)
    if vs.spec.tcp:
        yield "TCP routes"
    if vs.spec.tls:
        yield "TLS routes"


def _of_rule(rule: HTTPRule) -> Iterator[str]:
    said = {
        "subset routing": any(each.destination.subset for each in rule.route),
        "traffic splits": len(rule.route) > 1,
        "routing by request": bool(rule.match),
        "redirects": rule.redirect is not None,
        "rewrites": rule.rewrite is not None,
        "timeouts": rule.timeout is not None,
        "retries": rule.retries is not None,
        "fault injection": rule.fault is not None,
        "mirroring": rule.mirror is not None or bool(rule.mirrors),
        "header changes": rule.headers is not None or any(each.headers for each in rule.route),
        "CORS answers": rule.cors_policy is not None,
        "direct responses": rule.direct_response is not None,
    }
    yield from (words for words, used in said.items() if used)
