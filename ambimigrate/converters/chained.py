"""VirtualServices through an egress gateway: routes to the outside by an egress waypoint, or why the gateway is needed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from msgspec.structs import replace

from ambimigrate.changes import Change, Create, Delete, Held, Note, Stage
from ambimigrate.converters import egress, through
from ambimigrate.converters.gateways import binding
from ambimigrate.converters.outcome import Account, Outcome, Refused, held
from ambimigrate.converters.routing import routes
from ambimigrate.converters.settings import Settings
from ambimigrate.converters.through import Chain
from ambimigrate.kinds import DestinationRule, IstioGateway, VirtualService
from ambimigrate.kinds.networking import Server
from ambimigrate.model import Mesh, Resource, grouped
from ambimigrate.topology import chains, hosts, reach
from ambimigrate.topology.virtualservices import MESH, destinations, is_of_gateway, is_of_mesh
from ambimigrate.topology.waypoints import USE

CHAIN, MOVED = "GW901", "GW910"
_ANY = "its pods may run on any node, as those of the waypoint: what leaves has the same addresses"


def convert(mesh: Mesh, namespace: str, settings: Settings) -> Outcome:
    """The end of the namespace's chains through egress gateways, or the reasons why they stay."""
    changes: list[Change] = []
    refusals: list[Held] = []
    for vs in mesh.within(VirtualService, namespace):
        if place := chains.gateway(mesh, vs):
            try:
                found = _converted(mesh, vs, settings)
                changes += found.changes
                refusals += found.held
            except Refused as refused:
                reason = held(mesh, vs, CHAIN, refused)
                refusals.append(replace(reason, alternative=f"{reason.alternative} {_steps(mesh, vs, place[1])}"))
    gone = mesh.index(_gone).get(namespace, ())
    changes = [_ending(each, gone) for each in changes]
    return Outcome((*changes, *_ends(mesh, namespace, gone)), tuple(refusals))


def _converted(mesh: Mesh, vs: Resource[VirtualService], settings: Settings) -> Outcome:
    """Raises Refused."""
    chain = through.chain(mesh, vs)
    if not isinstance(chain, Chain):
        raise chain or Refused("form", ("spec",), "it makes no chain")
    account = Account()
    if known := through.address(mesh, chain):
        account.agree(settings, CHAIN, vs, known)
    found = routes.convert(vs, mesh, settings) if chain.is_http else Outcome(tuple(_ended(mesh, vs)))
    changes = (_in_time(each, chain) for each in found.changes)
    return Outcome(tuple(_said(each, vs, chain, account) for each in changes), found.held)


def _in_time(change: Change, chain: Chain) -> Change:
    """The routes as soon as clients cross the waypoint, where it does not get through the gateway by the VirtualService.

    A waypoint does not speak the mTLS of sidecars (cluster_waypoint.go: ISTIO_MUTUAL is ignored), gateways no HBONE.
    """
    is_mutual = any(_is_mutual(server) for leg in chain.legs for server in leg.gateway.body.spec.servers)
    is_late = change.stage is Stage.retire and isinstance(change.action, Create)
    return replace(change, stage=Stage.enroll) if is_late and is_mutual else change


def _is_mutual(server: Server) -> bool:
    return server.tls is not None and server.tls.mode == "ISTIO_MUTUAL"


def _ended(mesh: Mesh, vs: Resource[VirtualService]) -> Iterator[Change]:
    """TLS that goes to the host and port that were called needs no route: the waypoint passes it on."""
    stays = (Delete(("spec", "gateways", vs.body.spec.gateways.index(MESH))),) if is_of_gateway(vs.body) else None
    yield Change(Stage.retire, vs.namespace, mesh.name, vs.ref, stays, vs, (), (vs.at(),))


# --- what is left of a chain -----------------------------------------------------------------------------------------


def _gone(mesh: Mesh) -> Mapping[str, tuple[Resource[IstioGateway], ...]]:
    """The Gateways that serve nothing but chains of one namespace, by that: those that ask for the Istio mTLS of sidecars.

    Who calls another one past the mesh is outside of the input.
    """
    legs = [leg for vs in mesh.of(VirtualService) if isinstance(found := through.chain(mesh, vs), Chain) for leg in found.legs]
    homes = grouped((id(leg.gateway), leg) for leg in legs)
    bound = grouped((name, id(vs)) for vs in mesh.of(VirtualService) for name in binding.names(vs)) if legs else {}
    ends: list[tuple[str, Resource[IstioGateway]]] = []
    for own in homes.values():
        gateway, spaces = own[0].gateway, {leg.sender.namespace for leg in own}
        senders = {id(leg.sender) for leg in own}
        closed = all(map(_is_mutual, gateway.body.spec.servers))
        if closed and len(spaces) == 1 and senders.issuperset(bound.get((gateway.namespace, gateway.name), ())):
            ends.append((spaces.pop(), gateway))
    return grouped(ends)


def _ending(change: Change, gone: tuple[Resource[IstioGateway], ...]) -> Change:
    """A VirtualService whose Gateways all go is deleted, not kept for them."""
    vs = change.subject
    if vs is None or not isinstance(vs.body, VirtualService) or change.stage is not Stage.retire:
        return change
    names = {(each.namespace, each.name) for each in gone}
    return replace(change, action=None) if names.issuperset(binding.names(vs)) else change


def _ends(mesh: Mesh, namespace: str, gone: tuple[Resource[IstioGateway], ...]) -> Iterator[Change]:
    """The end of the Gateways, of what sends on there, and of subsets of the gateway that only chains use."""
    names = {(each.namespace, each.name) for each in gone}
    for vs in mesh.of(VirtualService) if gone else ():
        if vs.body.spec.gateways and not is_of_mesh(vs.body) and names.issuperset(binding.names(vs)):
            yield _end(mesh, namespace, vs)
    yield from (_end(mesh, namespace, each) for each in (*gone, *_subsets(mesh, namespace)))


def _subsets(mesh: Mesh, namespace: str) -> Iterator[Resource[DestinationRule]]:
    """DestinationRules that say something for chains of the namespace alone: by subset."""
    yield from mesh.index(_by_user).get(namespace, ())


def _by_user(mesh: Mesh) -> Mapping[str, tuple[Resource[DestinationRule], ...]]:
    """DestinationRules all of whose subsets chains of one namespace use, and nobody else, by that namespace."""
    used: dict[tuple[str, str | None], set[str | None]] = {}
    gone = {(each.namespace, each.name) for own in mesh.index(_gone).values() for each in own}
    for vs in mesh.of(VirtualService) if gone else ():
        leaves = isinstance(through.chain(mesh, vs), Chain) and gone.issuperset(binding.names(vs))
        own = vs.namespace if leaves else None
        for each in destinations(vs.body):
            used.setdefault((hosts.full_name(each.host, vs.namespace), each.subset), set()).add(own)
    found: list[tuple[str, Resource[DestinationRule]]] = []
    for rule in mesh.of(DestinationRule) if gone else ():
        host, spec = hosts.full_name(rule.body.spec.host, rule.namespace), rule.body.spec
        users = {user for each in spec.subsets for user in used.get((host, each.name), {None})}
        if spec.traffic_policy is None and len(users) == 1 and (user := users.pop()) is not None:
            found.append((user, rule))
    return grouped(found)


def _end(mesh: Mesh, namespace: str, subject: Resource[Any]) -> Change:
    return Change(Stage.retire, namespace, mesh.name, subject.ref, None, subject, (MOVED,), (subject.at(),))


def _said(change: Change, vs: Resource[VirtualService], chain: Chain, account: Account) -> Change:
    """With the gateway that is left out, and what was agreed to about it."""
    because = (*change.because, MOVED)
    if agreed := next(iter(account.differences), None):
        return replace(change, because=(*because, agreed.id), verdict="differs", witness=change.witness or agreed.witness)
    notes = tuple(Note(vs.at(*each.route), f"{each.host} is left out: {_ANY}") for each in chain.legs)
    return replace(change, because=because, notes=(*change.notes, *notes))


def _steps(mesh: Mesh, vs: Resource[VirtualService], gateway: str) -> str:
    """How a person replaces the chain, with the names of this mesh."""
    entries = reach.once(each for host in vs.body.spec.hosts for each in hosts.service_entries(mesh, host, vs.namespace))
    bind = ", ".join(f"kubectl label serviceentry -n {each.namespace} {each.name} {USE}={egress.NAME}" for each in entries)
    homes = reach.listed(each.namespace for each in entries) or vs.namespace
    first = "" if entries else f"Write a ServiceEntry for {reach.listed(vs.body.spec.hosts)}. "
    steps = (
        f"{first}Declare the waypoint (istioctl waypoint apply --name {egress.NAME} -n {homes})",
        "let the far side admit its address",
        bind or f"label the entry {USE}={egress.NAME}",
        f"delete VirtualService {vs.name}",
        "close the way past it by a NetworkPolicy",
    )
    return f"By hand: {', then '.join(steps)}. Clients that need {gateway} stay on sidecars."
