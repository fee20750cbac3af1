"""The routes that a VirtualService needs for one Service: of which kind, for which port, and with which rules."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from ambimigrate.converters.outcome import Account, Refused
from ambimigrate.converters.routing import distribute, grpc, layer4
from ambimigrate.converters.routing.defaults import MERGING
from ambimigrate.converters.routing.flat import flatten, speaks
from ambimigrate.converters.routing.lists import Lists, port_lists
from ambimigrate.converters.routing.subjects import Subject
from ambimigrate.converters.routing.work import Work
from ambimigrate.kinds import VirtualService
from ambimigrate.model import Mesh, Resource
from ambimigrate.topology import hosts
from ambimigrate.topology.protocols import carries_http
from ambimigrate.versions import at_least

Rule = dict[str, Any]


class Draft(Struct, frozen=True):
    """A route to be: for which Service, for which port (None: for all), its rules, and which part of a long list it is."""

    subject: Subject
    port: int | None
    several: bool
    rules: tuple[Rule, ...]
    part: str = ""
    kind: str = "HTTPRoute"
    version: str = "v1"
    names: tuple[str, ...] = ()


def drafts(work: Work, subject: Subject) -> list[Draft]:
    """All routes for the Service. Raises Refused."""
    mesh = work.mesh
    found = [part for draft in _http(work, subject) for part in _parts(draft)]
    plans = list(layer4.plans(work, subject.service)) if subject.entry is None else []
    if plans and found and found[0].port is None:
        raise Refused(
            "ports", subject.place, f"Istio {mesh.target.istio} reads one list of routes for {subject.service.name} only"
        )
    for plan in plans:
        several = len([each for each in plans if each.kind == plan.kind]) > 1
        rules = ({"backendRefs": [*plan.backends]},)
        found.append(Draft(subject, plan.port, several, rules, "", plan.kind, plan.version, plan.names))
    return found


def _parts(draft: Draft) -> Iterator[Draft]:
    """The routes of a list that is too long for one."""
    found = distribute.parts(draft.rules)
    for name, rules in zip(distribute.names(len(found)), found, strict=True):
        written = (grpc.written(each) if draft.kind == "GRPCRoute" else each for each in rules)
        yield replace(draft, rules=tuple(written), part=name)


def _http(work: Work, subject: Subject) -> list[Draft]:
    vs, mesh, account = work.vs, work.mesh, work.account
    service, spec = subject.service, vs.body.spec
    if not spec.http:
        return []
    if (spec.tcp or spec.tls) and not any(carries_http(each) for each in service.body.spec.ports):
        account.left[("spec", "http")] = f"no port of {service.name} carries HTTP"
        return []
    lists = _lists(work, subject)
    _check_answered(vs, subject, lists, mesh)
    if at_least(mesh.target.istio, *MERGING) or len(lists.by_port) == 1:
        return _each_port(subject, lists, mesh)
    every = list(lists.by_port.values())
    if any(each != every[0] for each in every) or not every[0]:
        first, *_, last = lists.by_port
        reason = f"ports {first} and {last} of {service.name} differ, and Istio {mesh.target.istio} reads one list only"
        raise Refused("ports", subject.place, reason)
    return _as_grpc([Draft(subject, None, False, tuple(every[0]))], mesh)


def _lists(work: Work, subject: Subject) -> Lists:
    try:
        return port_lists(work.vs, subject.service, work.mesh, work.account, work.settings)
    except Refused as refused:
        witness = refused.witness and refused.witness.replace(hosts.host_of(subject.service), subject.host)
        raise Refused(refused.case, refused.route, refused.reason, witness) from None


def _check_answered(vs: Resource[VirtualService], subject: Subject, lists: Lists, mesh: Mesh) -> None:
    """A list of rules that no request meets answers 404 to all today; no route at all would forward them."""
    flat = flatten(vs, mesh, Account())
    for port, rules in lists.by_port.items():
        if not rules and speaks(flat, port):
            reason = f"no request to port {port} meets any rule: all get 404 today, and would be forwarded without a route"
            witness = f"GET http://{subject.host}:{port}/: today 404, forwarded without a route"
            raise Refused("nothing", ("spec", "http"), reason, witness)


def _each_port(subject: Subject, lists: Lists, mesh: Mesh) -> list[Draft]:
    """One route for each port with rules."""
    written = {port: rules for port, rules in lists.by_port.items() if rules}
    several = len(written) > 1
    return _as_grpc([Draft(subject, port, several, tuple(rules)) for port, rules in written.items()], mesh)


def _as_grpc(found: list[Draft], mesh: Mesh) -> list[Draft]:
    """GRPCRoutes for ports of gRPC, where they can say the rules.

    From 1.26 to 1.29 an HTTPRoute of the Service switches its GRPCRoutes off, so there all of them are or none.
    """
    named = [_grpc(each) for each in found]
    if None in named and not at_least(mesh.target.istio, "1.30.0"):
        return found
    return [other or own for other, own in zip(named, found, strict=True)]


def _grpc(draft: Draft) -> Draft | None:
    ports = [each for each in draft.subject.service.body.spec.ports if draft.port in {None, each.port} and carries_http(each)]
    if not all(grpc.is_grpc(each) for each in ports):
        return None
    rules = grpc.rules(draft.rules)
    return replace(draft, kind="GRPCRoute", rules=tuple(rules)) if rules else None
