"""Which routes are attached to which listener, and for which of their hosts.

Istio, pilot/pkg/config/kube/gateway/conversion.go `extractParentReferenceInfo`, `referenceAllowed`,
`hostnameAllowedByIsolation`, and route_collections.go (1.24 to master of August 2026).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from msgspec import Struct

from ambimigrate.kinds import Gateway, GRPCRoute, HTTPRoute, TCPRoute, TLSRoute
from ambimigrate.kinds.gatewayapi import GROUP, Listener, ParentRef
from ambimigrate.model import Mesh, Resource, grouped
from ambimigrate.semantics.gateways import listeners
from ambimigrate.semantics.gateways.names import intersection
from ambimigrate.semantics.gateways.pods import is_ours
from ambimigrate.semantics.visibility import age
from ambimigrate.semantics.waypoint_connections import reads
from ambimigrate.topology import hosts
from ambimigrate.versions import at_least

_SINCE: dict[type, str] = {TLSRoute: "1.30.0", TCPRoute: "1.31.0"}


class Attached(Struct, frozen=True, eq=False):
    """A route at a listener, for one of its hosts (`*` where it names none); `sni` are the server names that it takes there."""

    host: str
    route: Resource[Any]
    sni: tuple[str, ...] = ()


def attached(mesh: Mesh, gateway: str) -> tuple[Attached, ...]:
    """What is attached to the listener of that internal name (namespace/name), the oldest routes first."""
    return mesh.index(_by_listener).get(gateway, ())


def _by_listener(mesh: Mesh) -> Mapping[str, tuple[Attached, ...]]:
    found = (
        (f"{gateway.namespace}/{listeners.internal_name(gateway, listener)}", each)
        for route in _routes(mesh)
        for gateway, listener in _parents(mesh, route)
        for each in _hosts(mesh, gateway, listener, route)
    )
    return grouped(found)


def _routes(mesh: Mesh) -> list[Resource[Any]]:
    """All that istiod reads, by age, namespace and name."""
    kinds = (kind for kind in (HTTPRoute, GRPCRoute, TLSRoute, TCPRoute) if kind not in _SINCE or reads(mesh, _SINCE[kind]))
    every: Iterator[Resource[Any]] = (each for kind in kinds for each in mesh.of(kind))
    return sorted(every, key=lambda each: (age(each), each.namespace, each.name))


def _parents(mesh: Mesh, route: Resource[Any]) -> Iterator[tuple[Resource[Gateway], Listener]]:
    """Every listener that one of its parentRefs means and that admits it, once."""
    seen: set[tuple[int, str]] = set()
    for ref in route.body.spec.parent_refs:
        gateway = _gateway(mesh, route, ref)
        for listener in gateway.body.spec.listeners if gateway else ():
            key = (id(gateway), listener.name)
            if gateway and key not in seen and _admits(mesh, gateway, listener, (route, ref)):
                seen.add(key)
                yield gateway, listener


def _gateway(mesh: Mesh, route: Resource[Any], ref: ParentRef) -> Resource[Gateway] | None:
    if (ref.group, ref.kind) != (GROUP, "Gateway"):
        return None
    found = mesh.find(Gateway, ref.namespace or route.namespace, ref.name, route.file)
    return found if found is not None and is_ours(mesh, found) else None


def _admits(mesh: Mesh, gateway: Resource[Gateway], listener: Listener, asking: tuple[Resource[Any], ParentRef]) -> bool:
    """By section, port, kind and namespace, and by one host that both have."""
    route, ref = asking
    if ref.port not in {None, listener.port} or ref.section_name not in {None, listener.name}:
        return False
    allowed = listeners.namespaces(mesh, gateway, listener)
    if not {"*", route.namespace} & set(allowed) or not listeners.takes(listener, route.kind):
        return False
    return any(hosts.meet(listener.hostname or "*", each) for each in _named(route))


def _named(route: Resource[Any]) -> tuple[str, ...]:
    return getattr(route.body.spec, "hostnames", ()) or ("*",)


def _hosts(mesh: Mesh, gateway: Resource[Gateway], listener: Listener, route: Resource[Any]) -> Iterator[Attached]:
    if isinstance(route.body, TCPRoute):
        yield Attached("*", route)
    elif isinstance(route.body, TLSRoute):
        names = _server_names(mesh, listener, route)
        yield from (Attached(host, route, names) for host in _named(route))
    else:
        yield from (Attached(host, route) for host in _named(route) if _is_left(gateway, listener, host))


def _server_names(mesh: Mesh, listener: Listener, route: Resource[Any]) -> tuple[str, ...]:
    """All hosts of the route; those that the listener has as well since 1.30 (istio#59604)."""
    if not at_least(mesh.target.istio, "1.30.0"):
        return _named(route)
    return intersection((listener.hostname or "*",), _named(route))


def _is_left(gateway: Resource[Gateway], listener: Listener, host: str) -> bool:
    """Whether no listener beside it, of the same port and protocol, has the host more exactly."""
    own = listener.hostname or ""
    if own and not own.startswith("*"):
        return True
    if own and not hosts.meet(own, host):
        return False
    beside = (each for each in gateway.body.spec.listeners if (each.port, each.protocol) == (listener.port, listener.protocol))
    others = {each.hostname or "" for each in beside} - {own}
    return not any(hosts.covers(other, host) for other in others if len(own) <= len(other))
