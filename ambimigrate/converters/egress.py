"""Egress waypoints: ServiceEntries towards which sidecars start TLS, or that they route, get one and keep their callers."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from ambimigrate.changes import Change, Create, Held, Set, Stage
from ambimigrate.converters import egress_routes, made, outgoing, serving, waypoint_objects
from ambimigrate.converters.outcome import Account, Outcome, Refused, held
from ambimigrate.converters.room import NoRoom
from ambimigrate.converters.serving import Waypoint
from ambimigrate.converters.settings import Settings
from ambimigrate.kinds import AuthorizationPolicy, Gateway, ServiceEntry
from ambimigrate.model import Mesh, Position, Ref, Resource
from ambimigrate.topology import injection, waypoints
from ambimigrate.topology.injection import REVISION
from ambimigrate.topology.waypoints import CLASS, FOR, USE, USE_NAMESPACE

BOUND, ALLOWED, HELD = "SE901", "SE902", "SE903"
NAME = "egress-waypoint"
Taken = tuple[Resource[ServiceEntry], Account]


class _Planned(Struct, frozen=True):
    """The egress waypoints that are to be, with their entries."""

    settings: Settings

    def __call__(self, mesh: Mesh) -> tuple[tuple[Waypoint, tuple[Resource[ServiceEntry], ...]], ...]:
        found = []
        for namespace in injection.namespaces(mesh):
            taken = [entry for entry, _ in _taken(mesh, namespace, self.settings)[0]]
            if taken and injection.is_meshed(mesh, namespace):
                found.append((_home(mesh, taken, self.settings).waypoint, tuple(taken)))
        return tuple(found)


def planned(mesh: Mesh, settings: Settings) -> tuple[tuple[Waypoint, tuple[Resource[ServiceEntry], ...]], ...]:
    """The egress waypoints that are to be, each with the entries that it will serve."""
    return mesh.index(_Planned(settings))


def serve(mesh: Mesh, namespace: str, settings: Settings) -> Outcome:
    """The egress waypoint of the namespace, the entries that it serves, and who may call them."""
    taken, refusals = _taken(mesh, namespace, settings)
    try:
        return Outcome(tuple(_changes(mesh, taken, settings)) if taken else (), tuple(refusals))
    except NoRoom as refused:
        refusals.append(held(mesh, taken[0][0], waypoint_objects.NO_ROOM, refused))
    except Refused as refused:
        refusals.append(held(mesh, taken[0][0], HELD, refused))
    return Outcome(held=tuple(refusals))


def _taken(mesh: Mesh, namespace: str, settings: Settings) -> tuple[list[Taken], list[Held]]:
    """The entries of the namespace that a waypoint can serve, and the reasons why it cannot serve others."""
    taken: list[Taken] = []
    refusals: list[Held] = []
    for entry in outgoing.needing(mesh, namespace):
        try:
            taken.append((entry, _account(mesh, entry, settings)))
        except Refused as refused:
            refusals.append(held(mesh, entry, HELD, refused))
    return taken, refusals


class Home(Struct, frozen=True, eq=False):
    """Where entries get their waypoint: beside which of them it is written, and whose entries it has to admit."""

    waypoint: Waypoint
    beside: Resource[ServiceEntry]
    users: tuple[str, ...] = ()


def _home(mesh: Mesh, entries: list[Resource[ServiceEntry]], settings: Settings) -> Home:
    """The waypoint of the entries' own namespace, or the one that namespaces share."""
    if settings.spread != "shared":
        return Home(serving.named(mesh, _first(entries), NAME), _first(entries))
    if known := _existing(mesh, entries[0].namespace):
        return Home(Waypoint(known.namespace, known.name), entries[0])
    users = [each for each in outgoing.homes(mesh) if injection.is_meshed(mesh, each)]
    beside = _first(outgoing.needing(mesh, users[0]) if users else entries)
    return Home(serving.named(mesh, beside, NAME), beside, tuple(users))


def _existing(mesh: Mesh, namespace: str) -> Resource[Gateway] | None:
    """An egress waypoint of ours that admits the namespace."""
    found = (each for each in waypoints.waypoints(mesh) if serving.is_for_egress(each))
    return next((each for each in found if waypoints.admits(mesh, each, namespace)), None)


def _first(entries: Iterable[Resource[ServiceEntry]]) -> Resource[ServiceEntry]:
    return min(entries, key=lambda each: (each.file, each.at().order))


def _account(mesh: Mesh, entry: Resource[ServiceEntry], settings: Settings) -> Account:
    """What was agreed to about the entry. Raises Refused."""
    account = Account()
    for refused in (*outgoing.faults(mesh, entry), *egress_routes.faults(mesh, entry)):
        if refused.case not in {"export", "retries"}:
            raise refused
        account.agree(settings, HELD, entry, refused)
    return account


def will_serve(mesh: Mesh, entry: Resource[ServiceEntry]) -> bool:
    """Whether the entry has no waypoint yet and gets one."""
    return entry in outgoing.needing(mesh, entry.namespace) and not any(True for _ in outgoing.faults(mesh, entry))


def _changes(mesh: Mesh, taken: list[Taken], settings: Settings) -> Iterator[Change]:
    entries = [entry for entry, _ in taken]
    home = _home(mesh, entries, settings)
    if home.waypoint.is_new:
        yield from waypoint_objects.around(mesh, _gateway(mesh, home, entries))
    for entry, account in taken:
        ways = outgoing.ways(mesh, entry)
        if any(each.callers for each in ways):
            yield from _allow(mesh, entry, ways, account)
        yield from egress_routes.serve(mesh, entry)
        edits = [Set(("metadata", "labels", USE), home.waypoint.name)]
        if home.waypoint.namespace != entry.namespace:
            edits.append(Set(("metadata", "labels", USE_NAMESPACE), home.waypoint.namespace))
        change = Change(Stage.bind, entry.namespace, mesh.name, entry.ref, tuple(edits), entry)
        rules = (rule.at() for rule, _, _ in outgoing.starting(mesh, entry))
        yield _said(change, entry, account, BOUND, *rules)


def _gateway(mesh: Mesh, home: Home, entries: list[Resource[ServiceEntry]]) -> Change:
    waypoint, labels = home.waypoint, {FOR: "service"}
    if revision := injection.labels(mesh, waypoint.namespace).get(REVISION):
        labels[REVISION] = revision
    value = {
        "apiVersion": f"{Gateway.GROUP}/v1",
        "kind": "Gateway",
        "metadata": made.metadata(waypoint.written, home.beside, labels),
        "spec": {"gatewayClassName": CLASS, "listeners": [waypoint_objects.listener(waypoint.namespace, home.users)]},
    }
    ref = Ref("Gateway", Gateway.GROUP, waypoint.namespace, waypoint.name)
    action, sources = Create(ref, value, home.beside), tuple(each.at() for each in entries)
    return Change(Stage.waypoints, entries[0].namespace, mesh.name, ref, action, None, (BOUND,), sources)


def _allow(mesh: Mesh, entry: Resource[ServiceEntry], ways: tuple[outgoing.Way, ...], account: Account) -> Iterator[Change]:
    """The policy by which only those may use the waypoint that see the entry today."""
    name = f"{made.written_name(entry)}-callers"
    shown = made.renamed(name, entry)
    if mesh.find(AuthorizationPolicy, entry.namespace, shown) is not None:
        return
    target = {"group": ServiceEntry.GROUP, "kind": "ServiceEntry", "name": entry.name}
    same = len({each.callers for each in ways}) == 1
    rules = [_rule(each, is_whole=same) for each in (ways[:1] if same else ways)]
    value: dict[str, Any] = {
        "apiVersion": "security.istio.io/v1",
        "kind": "AuthorizationPolicy",
        "metadata": made.metadata(name, entry),
        "spec": {"targetRefs": [target], "action": "ALLOW", "rules": rules},
    }
    ref = Ref("AuthorizationPolicy", AuthorizationPolicy.GROUP, entry.namespace, shown)
    change = Change(Stage.policies, entry.namespace, mesh.name, ref, Create(ref, value, entry), None)
    yield _said(change, entry, account, ALLOWED)


def _rule(way: outgoing.Way, *, is_whole: bool) -> dict[str, Any]:
    """The callers of the ports; a waypoint sees the port that is called (conversion.md 5.4)."""
    found: dict[str, Any] = {"from": [{"source": {"namespaces": list(way.callers)}}]} if way.callers else {}
    return found if is_whole else found | {"to": [{"operation": {"ports": [str(each) for each in sorted(way.ports)]}}]}


def _said(change: Change, entry: Resource[ServiceEntry], account: Account, because: str, *rules: Position) -> Change:
    found = next(iter(account.differences), None)
    ids = dict.fromkeys((because, *(each.id for each in account.differences)))
    verdict, witness = ("differs", found.witness) if found else ("exact", None)
    sources = tuple(dict.fromkeys((entry.at(), *rules)))
    return replace(change, because=tuple(ids), sources=sources, verdict=verdict, witness=witness)
