"""A VirtualService of gateways as routes: which listeners take it, and what it does there."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from msgspec.structs import replace

from ambimigrate.changes import Create
from ambimigrate.converters import made as naming
from ambimigrate.converters.gateways import connections, dns, inside, objects
from ambimigrate.converters.gateways.attaching import Hook, narrower, spread
from ambimigrate.converters.gateways.binding import ALL, names
from ambimigrate.converters.gateways.connections import Connection
from ambimigrate.converters.gateways.listeners import Listener
from ambimigrate.converters.gateways.parts import Bound, Made, Part, Vhost, check_known, check_lost, counts
from ambimigrate.converters.gateways.rules import Rule, Serving, check_together
from ambimigrate.converters.gateways.servers import HTTP, HTTPS
from ambimigrate.converters.outcome import Refused
from ambimigrate.converters.routing import distribute
from ambimigrate.converters.routing.flat import Ledger
from ambimigrate.converters.routing.rivals import EXPORT
from ambimigrate.converters.routing.subjects import controller
from ambimigrate.converters.settings import Settings
from ambimigrate.kinds import VirtualService
from ambimigrate.model import Mesh, Resource, Route, grouped
from ambimigrate.topology import hosts, reach
from ambimigrate.topology.virtualservices import has_rules, is_of_mesh

_HOSTS: Route = ("spec", "hosts")


def served(place: objects.Place, vs: Resource[VirtualService], settings: Settings, bound: Bound) -> Made:
    """The routes of a VirtualService of the group. Raises Refused."""
    _check(place.mesh, vs, bound)
    dns.check(place.mesh, vs)
    inside.check(place.mesh, vs, settings)
    serving = Serving(vs, place.mesh, settings, Ledger())
    for name in ("hosts", "gateways", "exportTo"):
        serving.account.carry(("spec", name))
    attached = list(_attached(vs, bound))
    _check_seen(place.mesh, vs, (part for part, _, _ in attached))
    if not attached:
        raise Refused("host", ("spec", "hosts"), "no server of its Gateways takes its hosts from this namespace")
    creates = [*_http(place, serving, attached, bound), *_connections(place, serving, attached, bound)]
    _leave_idle(serving, attached)
    _leave_hosts(serving, attached)
    check_lost(vs, serving.account)
    for delegate, own in serving.account.others.values():
        for route in own.lost(delegate):
            shown = ".".join(str(step) for step in route)
            raise Refused("unknown", ("spec", "http"), f"{shown} of its delegate {delegate.name} is not known or not used")
    return Made(vs, serving.account, (*creates, *objects.grants(place, vs, creates)))


def _check(mesh: Mesh, vs: Resource[VirtualService], bound: Bound) -> None:
    spec = vs.body.spec
    check_known(vs)
    known = {(part.source.namespace, part.source.name) for part in bound.parts}
    for number, name in enumerate(names(vs)):
        if name not in known:
            raise Refused("gateway", ("spec", "gateways", number), f"Gateway {'/'.join(name)} is not in the input")
    if mesh.index(counts)[vs.ref] > 1:
        raise Refused("repeated", ("metadata", "name"), f"{vs.name} stands in several files of one environment")
    if owner := controller(vs, mesh):
        raise Refused("controller", ("metadata", "name"), f"{owner} writes it")
    if not spec.hosts or not has_rules(vs.body):
        raise Refused("host", ("spec",), "it has no hosts or no rules")


def _check_seen(mesh: Mesh, vs: Resource[VirtualService], parts: Iterable[Part]) -> None:
    """Whether the pods see it is decided by `exportTo`; for routes, which have none, by the default (initVirtualServices)."""
    for namespace in dict.fromkeys(part.front.service.namespace for part in parts):
        if not reach.is_exported(mesh, vs.body.spec.export_to, vs.namespace, namespace, EXPORT):
            raise Refused("export", ("spec", "exportTo"), f"gateways in {namespace} do not see it; its route they would follow")
        if not reach.is_exported(mesh, (), vs.namespace, namespace, EXPORT):
            reason = f"{EXPORT} hides routes, which have no exportTo, from gateways in {namespace}"
            raise Refused("export", ("spec", "exportTo"), reason)


def _attached(vs: Resource[VirtualService], bound: Bound) -> Iterator[tuple[Part, Listener, tuple[str, ...]]]:
    """The listeners that take a VirtualService, with those of its hosts that each of them takes."""
    for part in bound.parts:
        if (part.source.namespace, part.source.name) not in names(vs):
            continue
        for each in (one for one in part.listeners if one.takes(vs.namespace)):
            own = (host for host in objects.hostnames(vs) if hosts.meet(each.host, host))
            if taken := tuple(host for host in own if not each.gives_up(host, vs.namespace, _HOSTS)):
                yield part, each, taken


def _http(
    place: objects.Place, serving: Serving, attached: list[tuple[Part, Listener, tuple[str, ...]]], bound: Bound
) -> Iterator[Create]:
    """The HTTPRoutes: one for all listeners at which the rules are the same."""
    by_rules: dict[str, tuple[tuple[Rule, ...], list[Hook]]] = {}
    plain = [each for each in attached if each[1].protocol in {HTTP, HTTPS} and not each[1].redirects]
    origins = _origins(plain)
    for part, listener, taken in plain if serving.vs.body.spec.http else ():
        served = serving.at(listener, (part.source.namespace, part.source.name))
        if not served.rules:
            continue
        for key in dict.fromkeys(_vhost(part, listener, host) for host in taken):
            others = bound.table.hosts.setdefault(key, [])
            if all(each.vs is not serving.vs for each in others):
                mine = replace(served, origin=origins[key])
                check_together([*others, mine], key[2])
                others.append(mine)
        text = json.dumps(served.rules, sort_keys=True)
        by_rules.setdefault(text, (served.rules, []))[1].append((bound.gateways[part.source.ref], listener))
    if plain and serving.vs.body.spec.http:
        serving.finish()
    for rules, hooks in by_rules.values():
        yield from _routes(place, serving.vs, rules, hooks)


def _vhost(part: Part, listener: Listener, host: str) -> Vhost:
    """The virtual host that a host of a VirtualService has at a listener: plain HTTP of one port has one table."""
    table = f"{listener.port}" if listener.protocol == HTTP else listener.name
    return part.source.ref, table, narrower(listener.host, host)


def _origins(attached: Iterable[tuple[Part, Listener, tuple[str, ...]]]) -> Mapping[Vhost, frozenset[tuple[str, str]]]:
    """The virtual hosts of a VirtualService, with the listeners and hosts by which it has each of them."""
    every = ((part, listener, host) for part, listener, taken in attached for host in taken)
    found = grouped((_vhost(part, listener, host), (listener.name, host)) for part, listener, host in every)
    return {key: frozenset(origins) for key, origins in found.items()}


def _routes(place: objects.Place, vs: Resource[VirtualService], rules: tuple[Rule, ...], hooks: list[Hook]) -> Iterator[Create]:
    starts = spread(hooks, objects.hostnames(vs))
    found = [{**start, "rules": [*part]} for start in starts for part in distribute.parts(rules)]
    for name, spec in zip(distribute.names(len(found)), found, strict=True):
        yield place.create("v1/HTTPRoute", "-".join(filter(None, (vs_name(vs), name))), vs, spec)


def vs_name(vs: Resource[VirtualService]) -> str:
    """The name that its text gives it, from which overlays make the other."""
    return naming.written_name(vs)


def _connections(
    place: objects.Place, serving: Serving, attached: list[tuple[Part, Listener, tuple[str, ...]]], bound: Bound
) -> Iterator[Create]:
    by_route: dict[str, tuple[Connection, list[Hook]]] = {}
    for part, listener, _ in attached:
        for each in connections.at(serving, listener, part.source):
            text = json.dumps([each.kind, each.names, each.backends])
            by_route.setdefault(text, (each, []))[1].append((bound.gateways[part.source.ref], listener))
            for name in each.names or ("*",):
                _once(bound, part, listener, name)
    for each, hooks in by_route.values():
        for start in spread(hooks, each.names or (ALL,)):
            spec = {**start, "rules": [{"backendRefs": [*each.backends]}]}
            yield place.create(f"{each.version}/{each.kind}", vs_name(serving.vs), serving.vs, spec)


def _once(bound: Bound, part: Part, listener: Listener, name: str) -> None:
    """Each connection is taken by one rule only: of several the older VirtualService wins."""
    key = part.source.ref, f"{listener.protocol}-{listener.port}", name
    if key in bound.table.hosts:
        raise Refused("several", ("spec",), f"two rules take connections for {name}:{listener.port}; today the older one wins")
    bound.table.hosts[key] = []


def _leave_idle(serving: Serving, attached: list[tuple[Part, Listener, tuple[str, ...]]]) -> None:
    """Rules for which its listeners have no use."""
    protocols = {listener.protocol for _, listener, _ in attached if not listener.redirects}
    spec = serving.vs.body.spec
    if spec.http and not protocols & {HTTP, HTTPS}:
        why = "every request is redirected to https" if not protocols else "its servers carry no HTTP"
        serving.account.left["spec", "http"] = why
    rules: tuple[tuple[str, tuple[Any, ...]], ...] = (("tls", spec.tls), ("tcp", spec.tcp))
    for name, members in rules:
        for number in range(len(members)):
            route: Route = ("spec", name, number)
            if not any(each[:3] == route and "destination" in each for each in serving.account.carried):
                serving.account.left[route] = f"no server has a use for this {name} rule"


def _leave_hosts(serving: Serving, attached: list[tuple[Part, Listener, tuple[str, ...]]]) -> None:
    """Hosts that none of its listeners takes; those of clients in the mesh are for these."""
    vs = serving.vs
    for number, host in enumerate(vs.body.spec.hosts if not is_of_mesh(vs.body) else ()):
        full = hosts.full_name(host, vs.namespace).lower()
        if not any(hosts.meet(listener.host, full) for _, listener, _ in attached):
            serving.account.left["spec", "hosts", number] = "no server of its gateways takes it from this namespace"
