"""The end of delegates: they go with the last VirtualService that names them, and stay for gateways."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from ambimigrate.changes import Change, Stage
from ambimigrate.converters.outcome import Outcome, Refused, held
from ambimigrate.converters.routing import delegates, keeping, routes
from ambimigrate.converters.settings import Settings
from ambimigrate.kinds import VirtualService
from ambimigrate.model import Mesh, Resource, grouped
from ambimigrate.topology.virtualservices import is_of_gateway, is_of_mesh

Found = tuple[Resource[VirtualService], ...]


def roots(mesh: Mesh, delegate: Resource[VirtualService]) -> Found:
    """The VirtualServices with hosts that name it, of gateways or of the mesh."""
    return tuple({each.ref: each for each in mesh.index(_roots).get(id(delegate), ())}.values())


def _roots(mesh: Mesh) -> Mapping[int, Found]:
    return grouped(_pairs(mesh))


def _pairs(mesh: Mesh) -> Iterator[tuple[int, Resource[VirtualService]]]:
    for vs in mesh.of(VirtualService):
        for rule in vs.body.spec.http if vs.body.spec.hosts else ():
            if rule.delegate and not isinstance(found := delegates.found(rule, vs, mesh), str):
                yield id(found), vs


def retired(mesh: Mesh, namespace: str, settings: Settings) -> Outcome:
    """The deletion of the delegates that VirtualServices of the namespace name, or why they stay with one that is held."""
    changes, refusals = [], []
    for delegate, own in mesh.index(_delegates).get(namespace, ()):
        if stuck := next((each for each in own if routes.convert(each, mesh, settings).held), None):
            refused = Refused("delegate", ("spec",), f"{stuck.name}, which delegates to it, stays")
            refusals.append(held(mesh, delegate, routes.RULE, refused, namespace))
        elif not stays(mesh, delegate, settings):
            at = (delegate.at(), *(each.at() for each in own))
            changes.append(Change(Stage.retire, namespace, mesh.name, delegate.ref, None, delegate, (routes.CONVERTED,), at))
    return Outcome(tuple(changes), tuple(refusals))


def _delegates(mesh: Mesh) -> Mapping[str, tuple[tuple[Resource[VirtualService], Found], ...]]:
    """The delegates by each namespace whose VirtualServices of the mesh name them, with these."""
    return grouped(
        (namespace, (delegate, own))
        for delegate in mesh.of(VirtualService)
        if not delegate.body.spec.hosts
        for namespace, own in grouped((each.namespace, each) for each in roots(mesh, delegate) if is_of_mesh(each.body)).items()
    )


def stays(mesh: Mesh, delegate: Resource[VirtualService], settings: Settings) -> str | None:
    """Why a delegate is still needed once the VirtualServices of the mesh are routes; None if it is not."""
    named = roots(mesh, delegate)
    if not named:
        return "no VirtualService delegates to it"
    for each in named:
        if not is_of_mesh(each.body):
            return f"VirtualService {each.name} of a gateway delegates to it"
        if is_of_gateway(each.body):
            if settings.gateways:
                return f"VirtualService {each.name} of a gateway, too, delegates to it; without that it has no effect"
            return f"VirtualService {each.name} stays for its gateways and delegates to it"
        if keeping.is_kept(each, mesh, settings):
            return f"VirtualService {each.name}, which is kept, delegates to it"
    if len({each.namespace for each in named}) > 1:
        return "VirtualServices of several namespaces delegate to it; without them it has no effect"
    return None
