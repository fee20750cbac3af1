"""Egress waypoints: ServiceEntries towards which sidecars start TLS, or that they route, get one and keep their callers."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from msgspec.structs import replace

from ambimigrate.changes import Change, Create, Held, Set, Stage
from ambimigrate.converters import made, outgoing, serving, waypoint_objects
from ambimigrate.converters.outcome import Account, Outcome, Refused, held
from ambimigrate.converters.room import NoRoom
from ambimigrate.converters.serving import Waypoint
from ambimigrate.converters.settings import Settings
from ambimigrate.kinds import AuthorizationPolicy, Gateway, ServiceEntry, VirtualService
from ambimigrate.model import Mesh, Position, Ref, Resource
from ambimigrate.topology import chains, hosts, injection, reach
from ambimigrate.topology.injection import REVISION
from ambimigrate.topology.waypoints import CLASS, FOR, USE

BOUND, ALLOWED, HELD, CHAIN = "SE901", "SE902", "SE903", "GW901"
NAME = "egress-waypoint"
Taken = tuple[Resource[ServiceEntry], Account]


def serve(mesh: Mesh, namespace: str, settings: Settings) -> Outcome:
    """The egress waypoint of the namespace, the entries that it serves, and who may call them."""
    refusals = list(_chains(mesh, namespace))
    taken: list[Taken] = []
    for entry in outgoing.needing(mesh, namespace):
        try:
            taken.append((entry, _account(mesh, entry, settings)))
        except Refused as refused:
            refusals.append(held(mesh, entry, HELD, refused))
    try:
        return Outcome(tuple(_changes(mesh, taken)) if taken else (), tuple(refusals))
    except NoRoom as refused:
        refusals.append(held(mesh, taken[0][0], waypoint_objects.NO_ROOM, refused))
    except Refused as refused:
        refusals.append(held(mesh, taken[0][0], HELD, refused))
    return Outcome(held=tuple(refusals))


def _account(mesh: Mesh, entry: Resource[ServiceEntry], settings: Settings) -> Account:
    """What was agreed to about the entry. Raises Refused."""
    account = Account()
    for refused in outgoing.faults(mesh, entry):
        if refused.case != "export":
            raise refused
        account.agree(settings, HELD, entry, refused)
    return account


def _chains(mesh: Mesh, namespace: str) -> Iterator[Held]:
    """VirtualServices through an egress gateway: what leaves has the gateway's address and passes its rules."""
    for vs in mesh.within(VirtualService, namespace):
        if place := chains.gateway(mesh, vs):
            route, gateway = place
            names = reach.listed(vs.body.spec.hosts)
            reason = f"{names} leaves through {gateway}; a waypoint calls from its own address, past the rules of that gateway"
            witness = f"a connection to {names} from a pod of {namespace}: not from {gateway} then"
            found = held(mesh, vs, CHAIN, Refused("default", route, reason, witness))
            yield replace(found, alternative=_steps(mesh, vs, gateway))


def _steps(mesh: Mesh, vs: Resource[VirtualService], gateway: str) -> str:
    """How a person replaces the chain, with the names of this mesh."""
    entries = reach.once(each for host in vs.body.spec.hosts for each in hosts.service_entries(mesh, host, vs.namespace))
    bind = ", ".join(f"kubectl label serviceentry -n {each.namespace} {each.name} {USE}={NAME}" for each in entries)
    homes = reach.listed(each.namespace for each in entries) or vs.namespace
    first = "" if entries else f"Write a ServiceEntry for {reach.listed(vs.body.spec.hosts)}. "
    steps = (
        f"{first}Declare the waypoint (istioctl waypoint apply --name {NAME} -n {homes})",
        "let the far side admit its address",
        bind or f"label the entry {USE}={NAME}",
        f"delete VirtualService {vs.name}",
        "close the way past it by a NetworkPolicy",
    )
    return f"{', then '.join(steps)}. Clients that need {gateway} stay on sidecars."


def will_serve(mesh: Mesh, entry: Resource[ServiceEntry]) -> bool:
    """Whether the entry has no waypoint yet and gets one."""
    return entry in outgoing.needing(mesh, entry.namespace) and not any(True for _ in outgoing.faults(mesh, entry))


def _changes(mesh: Mesh, taken: list[Taken]) -> Iterator[Change]:
    beside = min((entry for entry, _ in taken), key=lambda each: (each.file, each.at().order))
    waypoint = serving.named(mesh, beside, NAME)
    if waypoint.is_new:
        yield from waypoint_objects.around(mesh, _gateway(mesh, waypoint, beside, [entry for entry, _ in taken]))
    for entry, account in taken:
        if callers := outgoing.callers(mesh, entry):
            yield from _allow(mesh, entry, callers, account)
        edits = (Set(("metadata", "labels", USE), waypoint.name),)
        change = Change(Stage.bind, entry.namespace, mesh.name, entry.ref, edits, entry)
        rules = (rule.at() for rule, _, _ in outgoing.starting(mesh, entry))
        yield _said(change, entry, account, BOUND, *rules)


def _gateway(mesh: Mesh, waypoint: Waypoint, beside: Resource[ServiceEntry], entries: list[Resource[ServiceEntry]]) -> Change:
    labels = {FOR: "service"}
    if revision := injection.labels(mesh, waypoint.namespace).get(REVISION):
        labels[REVISION] = revision
    value = {
        "apiVersion": f"{Gateway.GROUP}/v1",
        "kind": "Gateway",
        "metadata": made.metadata(waypoint.written, beside, labels),
        "spec": {"gatewayClassName": CLASS, "listeners": [waypoint_objects.listener(waypoint.namespace)]},
    }
    ref = Ref("Gateway", Gateway.GROUP, waypoint.namespace, waypoint.name)
    sources = tuple(each.at() for each in entries)
    return Change(Stage.waypoints, waypoint.namespace, mesh.name, ref, Create(ref, value, beside), None, (BOUND,), sources)


def _allow(mesh: Mesh, entry: Resource[ServiceEntry], callers: tuple[str, ...], account: Account) -> Iterator[Change]:
    """The policy by which only those may use the waypoint that see the entry today."""
    name = f"{made.written_name(entry)}-callers"
    shown = made.renamed(name, entry)
    if mesh.find(AuthorizationPolicy, entry.namespace, shown) is not None:
        return
    target = {"group": ServiceEntry.GROUP, "kind": "ServiceEntry", "name": entry.name}
    rules = [{"from": [{"source": {"namespaces": list(callers)}}]}]
    value: dict[str, Any] = {
        "apiVersion": "security.istio.io/v1",
        "kind": "AuthorizationPolicy",
        "metadata": made.metadata(name, entry),
        "spec": {"targetRefs": [target], "action": "ALLOW", "rules": rules},
    }
    ref = Ref("AuthorizationPolicy", AuthorizationPolicy.GROUP, entry.namespace, shown)
    change = Change(Stage.policies, entry.namespace, mesh.name, ref, Create(ref, value, entry), None)
    yield _said(change, entry, account, ALLOWED)


def _said(change: Change, entry: Resource[ServiceEntry], account: Account, because: str, *rules: Position) -> Change:
    found = next(iter(account.differences), None)
    ids = dict.fromkeys((because, *(each.id for each in account.differences)))
    verdict, witness = ("differs", found.witness) if found else ("exact", None)
    sources = tuple(dict.fromkeys((entry.at(), *rules)))
    return replace(change, because=tuple(ids), sources=sources, verdict=verdict, witness=witness)
