"""A VirtualService of the mesh to HTTPRoutes of its Services, where that is exact without changing the order of rules."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from ambimigrate.changes import Change, Create, Delete, Edit, Held, Note, Stage
from ambimigrate.converters import made
from ambimigrate.converters.lists import Lists, port_lists
from ambimigrate.converters.outcome import Account, Outcome, Refused, held
from ambimigrate.converters.settings import DEFAULT, Settings
from ambimigrate.converters.subjects import check_subject, services
from ambimigrate.kinds import HTTPRoute, Service, VirtualService
from ambimigrate.model import Mesh, Ref, Resource, Route
from ambimigrate.topology import reach
from ambimigrate.topology.virtualservices import MESH, is_of_gateway
from ambimigrate.versions import at_least

RULE, CONVERTED = "VS901", "VS902"
MERGING = ("1.28.6", "1.29.2", "1.30.0")  # all lists of a Service count (istio#59484); before, one merge key only


def convert(vs: Resource[VirtualService], mesh: Mesh, _settings: Settings = DEFAULT) -> Outcome:
    """The routes and the end of the VirtualService, or the reason why it stays."""
    try:
        check_subject(vs, mesh)
        found = tuple(services(vs, mesh))
        account = Account()
        drafts = [draft for host, service in found for draft in _drafts(vs, service, mesh, account, host)]
        for name in ("hosts", "gateways", "exportTo"):
            account.carry(("spec", name))
        _refuse_lost(vs, account)
        return Outcome(tuple(_changes(vs, mesh, drafts, account)))
    except Refused as refused:
        return Outcome(held=tuple(_held(vs, mesh, refused)))


def _refuse_lost(vs: Resource[VirtualService], account: Account) -> None:
    for route in account.lost(vs):
        raise Refused("unknown", route, "the field is none that this version of ambimigrate knows")


def _held(vs: Resource[VirtualService], mesh: Mesh, refused: Refused) -> Iterator[Held]:
    """The refusal, for the namespace of the VirtualService and for those of the Services whose callers it routes."""
    named = {vs.namespace: None}
    for host in vs.body.spec.hosts:
        named |= dict.fromkeys(each.namespace for each in reach.targets(mesh, host, vs.namespace, vs.file))
    return (held(mesh, vs, RULE, refused, namespace) for namespace in named)


class Draft(Struct, frozen=True):
    """An HTTPRoute to be: for which Service, for which port (None: for all), and its rules."""

    service: Resource[Service]
    port: int | None
    several: bool
    rules: tuple[dict[str, Any], ...]


def _drafts(
    vs: Resource[VirtualService], service: Resource[Service], mesh: Mesh, account: Account, host: Route
) -> Iterator[Draft]:
    lists = port_lists(vs, service, mesh, account)
    merging = at_least(mesh.target.istio, *MERGING)
    if merging or len(lists.by_port) == 1:
        yield from _each_port(service, lists, mesh, host)
        return
    every = list(lists.by_port.values())
    if any(each != every[0] for each in every) or not every[0]:
        first, *_, last = lists.by_port
        reason = f"ports {first} and {last} of {service.name} differ, and Istio {mesh.target.istio} reads one list only"
        raise Refused("ports", host, reason)
    yield Draft(service, None, False, tuple(every[0]))


def _each_port(service: Resource[Service], lists: Lists, mesh: Mesh, host: Route) -> Iterator[Draft]:
    written = {port: rules for port, rules in lists.by_port.items() if rules}
    if len(written) < len(lists.by_port) and not at_least(mesh.target.istio, "1.30.3", "1.31.0"):
        idle = next(port for port in lists.by_port if port not in written)
        reason = f"port {idle} of {service.name} has no rule, and without one Istio {mesh.target.istio} does not retry"
        raise Refused("ports", host, reason)
    for port, rules in written.items():
        yield Draft(service, port, len(written) > 1, tuple(rules))


def _changes(vs: Resource[VirtualService], mesh: Mesh, drafts: list[Draft], account: Account) -> Iterator[Change]:
    if not drafts:
        raise Refused("destination", ("spec", "http"), "no rule applies to any port of the Service")
    left = sorted(account.left.items(), key=lambda each: str(each[0]))
    notes = tuple(Note(vs.at(*route), reason) for route, reason in left)
    end = Change(Stage.retire, vs.namespace, mesh.name, vs.ref, _end(vs), vs, (CONVERTED,), (vs.at(),), notes=notes)
    several = len({id(draft.service) for draft in drafts}) > 1
    for draft in drafts:
        service, port = [draft.service.name] if several else [], [str(draft.port)] if draft.several else []
        value = _value(vs, draft, "-".join([made.written_name(vs), *service, *port]))
        ref = Ref("HTTPRoute", HTTPRoute.GROUP, draft.service.namespace, made.placed(value, vs)["metadata"]["name"])
        existing = mesh.find(HTTPRoute, ref.namespace, ref.name, vs.file)
        if existing is None:
            since = MERGING[0] if draft.several else None
            verdict = "exact-since" if since else "exact"
            yield replace(end, ref=ref, action=Create(ref, value, vs), subject=None, verdict=verdict, since=since)
        elif not made.is_ours(existing):
            raise Refused("mixed", (), f"there is an HTTPRoute {ref.name} already")
    yield end


def _end(vs: Resource[VirtualService]) -> tuple[Edit, ...] | None:
    """What becomes of the VirtualService: it goes, or stays for its gateways only."""
    if not is_of_gateway(vs.body):
        return None
    return (Delete(("spec", "gateways", vs.body.spec.gateways.index(MESH))),)


def _value(vs: Resource[VirtualService], draft: Draft, name: str) -> dict[str, Any]:
    parent: dict[str, Any] = {"group": "", "kind": "Service", "name": draft.service.name}
    if draft.port is not None:
        parent["port"] = draft.port
    return {
        "apiVersion": f"{HTTPRoute.GROUP}/v1",
        "kind": "HTTPRoute",
        "metadata": made.metadata(name, vs),
        "spec": {"parentRefs": [parent], "rules": [*draft.rules]},
    }
