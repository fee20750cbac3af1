"""Which VirtualServices can become routes, and for which Services: of the mesh, seen by everybody, written by no tool."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

from msgspec import Struct

from ambimigrate.converters import made
from ambimigrate.converters.outcome import Account, Refused
from ambimigrate.converters.routing import outside, rivals
from ambimigrate.converters.routing.flat import flatten
from ambimigrate.converters.routing.work import Work
from ambimigrate.kinds import Namespace, Rollout, Service, ServiceEntry, VirtualService
from ambimigrate.model import Mesh, Resource, Route
from ambimigrate.topology import fronts, hosts, ingress, injection, meshconfig, reach, waypoints
from ambimigrate.topology.virtualservices import MESH, has_rules
from ambimigrate.versions import at_least

_CONTROLLERS = ("flagger", "knative", "kserve", "argo-rollouts", "seldon")
WILDCARD, OUTSIDE = "VS911", "VS916"


class Subject(Struct, frozen=True, eq=False):
    """What a VirtualService routes, and where that is written: a Service, or a ServiceEntry, for which `service` stands."""

    place: Route
    host: str
    service: Resource[Service]
    entry: Resource[ServiceEntry] | None = None

    @property
    def parent(self) -> Resource[Any]:
        return self.entry or self.service


def check_subject(vs: Resource[VirtualService], mesh: Mesh) -> None:
    """Raises Refused for a VirtualService that has no counterpart as a whole."""
    if not has_rules(vs.body):
        raise Refused("invalid", ("spec",), "it has no rules, Istio refuses it")
    if mesh.index(_counts)[vs.ref] > 1:
        raise Refused("repeated", ("metadata", "name"), f"{vs.name} stands in several files of one environment")
    if owner := controller(vs, mesh):
        raise Refused("controller", ("metadata", "name"), f"{owner} writes it")
    _check_gateways(vs, mesh)


def _check_gateways(vs: Resource[VirtualService], mesh: Mesh) -> None:
    """Until its routes exist the waypoint reads the VirtualService, up to 1.25 with the entries that are for gateways only."""
    if at_least(mesh.target.istio, "1.26.0"):
        return
    for match, here in (entry for placed in flatten(vs, mesh, Account()) for entry in placed.matches):
        if match.gateways and MESH not in match.gateways:
            reason = f"Istio {mesh.target.istio} lets a waypoint follow this entry, which is for gateways only"
            raise Refused("gateways", (*here, "gateways"), reason)


def check_exported(vs: Resource[VirtualService], mesh: Mesh) -> None:
    """A narrower export than the whole mesh tells callers apart, which a waypoint does not."""
    spec = vs.body.spec
    if reach.is_exported(mesh, spec.export_to, vs.namespace, "*", rivals.EXPORT):
        return
    known = [name for name in injection.namespaces(mesh) if injection.is_meshed(mesh, name)]
    if mesh.is_whole(Namespace, "") and all(
        reach.is_exported(mesh, spec.export_to, vs.namespace, each, rivals.EXPORT) for each in known
    ):
        return
    reason = "callers of other namespaces do not see it today; a waypoint serves all callers"
    witness = f"a call to {vs.body.spec.hosts[0]} from a namespace that does not see {vs.name}: no rule today, then these"
    raise Refused("export", ("spec", "exportTo"), reason, witness)


def _counts(mesh: Mesh) -> Mapping[Any, int]:
    return Counter(each.ref for each in mesh.of(VirtualService))


def controller(vs: Resource[VirtualService], mesh: Mesh) -> str | None:
    """Who writes the VirtualService, if that is a controller."""
    metadata = vs.body.metadata
    if metadata.owner_references:
        return metadata.owner_references[0].kind
    marks = (*metadata.labels.items(), *metadata.annotations.items())
    for key, value in marks:
        for name in _CONTROLLERS:
            if name in key or (key.endswith("managed-by") and name in value.lower()):
                return name
    return mesh.index(_rollouts).get((vs.namespace, vs.name))


def _rollouts(mesh: Mesh) -> Mapping[tuple[str, str], str]:
    """The VirtualServices whose weights an Argo Rollout writes (strategy.canary.trafficRouting.istio)."""
    return {(each.namespace, name): f"Rollout {each.name}" for each in mesh.of(Rollout) for name in _written_by(each.body)}


def _written_by(rollout: Rollout) -> Iterator[str]:
    istio = meshconfig.dig(rollout.spec.strategy, ("canary", "trafficRouting", "istio"))
    if isinstance(istio, dict):
        named = [istio.get("virtualService"), *(istio.get("virtualServices") or [])]
        yield from (str(each.get("name")) for each in named if isinstance(each, dict))


def subjects(work: Work) -> tuple[Subject, ...]:
    """The Services that sidecars route by this VirtualService, each once; none if others count for all of them.

    Raises Refused for a host that no route can stand for.
    """
    vs, mesh, account = work.vs, work.mesh, work.account
    found: dict[int, Subject] = {}
    for number, host in enumerate(vs.body.spec.hosts):
        place: Route = ("spec", "hosts", number)
        if _is_other_name(vs, mesh, host):
            account.left[place] = f"a route serves the Service by all its names, {host} among them"
            continue
        for each in _named(work, host, place):
            found.setdefault(id(each.parent), each)
    for each in found.values():
        check_parent(vs, each, mesh)
    first = {key: rivals.is_first(work, each.parent, each.host, each.place) for key, each in found.items()}
    chosen = tuple(each for key, each in found.items() if first[key])
    if chosen and len(chosen) < len(found) and not any(each.startswith("*") for each in vs.body.spec.hosts):
        lost = next(each for key, each in found.items() if not first[key])
        raise Refused("several", lost.place, f"for {lost.host} another VirtualService counts, for other hosts this one")
    return chosen


def _is_other_name(vs: Resource[VirtualService], mesh: Mesh, host: str) -> bool:
    """Whether it is a shorter name (`reviews.prod`) of a Service that the VirtualService names in full, too."""
    if host.count(".") not in {1, 2} or host.startswith("*") or host.endswith(hosts.DOMAIN):
        return False
    full = f"{host.removesuffix('.svc')}.{hosts.DOMAIN}"
    others = {hosts.full_name(each, vs.namespace) for each in vs.body.spec.hosts}
    return full in others and hosts.service(mesh, full, vs.namespace, vs.file) is not None


def _named(work: Work, host: str, place: Route) -> tuple[Subject, ...]:
    vs, mesh = work.vs, work.mesh
    if not host.startswith("*"):
        return _exactly(work, host, place)
    found = hosts.services(mesh, host, vs.namespace, vs.file)
    if not found:
        witness = f"a call to {host.replace('*', 'x')} from a pod of the mesh: today by {vs.name}, then wherever DNS leads"
        reason = f"{host} covers no Service of the input, and a route names what it is for"
        work.account.agree(work.settings, OUTSIDE, vs, Refused("host", place, reason, witness))
    mine = tuple(each for each in found if each.namespace == vs.namespace)
    reason = f"{host} also covers Services that are made later; the routes are for {reach.listed(each.name for each in mine)}"
    witness = f"GET http://new.{vs.namespace}.{hosts.DOMAIN}/ to a Service that is made later: no route"
    work.account.agree(work.settings, WILDCARD, vs, Refused("wildcard", place, reason, witness))
    return tuple(Subject(place, hosts.host_of(each), each) for each in found)


def _exactly(work: Work, host: str, place: Route) -> tuple[Subject, ...]:
    vs, mesh = work.vs, work.mesh
    full = hosts.full_name(host, vs.namespace)
    if service := hosts.service(mesh, host, vs.namespace, vs.file):
        return (Subject(place, full, service),)
    if hosts.service_entries(mesh, host, vs.namespace):
        found = outside.entry(mesh, host, vs, place)
        return (Subject(place, full, outside.stand_in(found), found),)
    work.account.agree(work.settings, OUTSIDE, vs, _refusal(vs, mesh, host, place))
    return ()


def _refusal(vs: Resource[VirtualService], mesh: Mesh, host: str, place: Route) -> Refused:
    """Why a host that is no Service has no route."""
    witness = f"GET http://{host}/ from a pod of the mesh: today by {vs.name}, then wherever DNS leads"
    full = f"{host.removesuffix('.svc')}.{hosts.DOMAIN}"
    if host.count(".") in {1, 2} and hosts.service(mesh, full, vs.namespace, vs.file):
        reason = f"{host} is no full name and means no Service: it counts on port 80 for callers of just this name; {full} does"
        return Refused("host", place, reason, witness)
    return Refused("host", place, f"{host} names no Service of the input", witness)


def check_parent(vs: Resource[VirtualService], subject: Subject, mesh: Mesh) -> None:
    """Raises Refused for a parent whose waypoint cannot follow the VirtualService, or would follow more than that."""
    _check_unmixed(subject.parent, mesh, subject.place)
    if subject.entry is None:
        check_service(vs, subject.service, mesh, subject.place)
    elif vs.body.spec.tcp or vs.body.spec.tls:
        raise Refused("l4", subject.place, f"rules for connections to {subject.host}, of a ServiceEntry, have no form")


def _check_unmixed(parent: Resource[Any], mesh: Mesh, place: Route) -> None:
    foreign = [each for each in reach.mesh_routes(mesh, parent) if not made.is_ours(each)]
    if foreign:
        raise Refused("mixed", place, f"{foreign[0].kind} {foreign[0].name} routes {parent.name} already")


def check_service(vs: Resource[VirtualService], service: Resource[Service], mesh: Mesh, place: Route) -> None:
    """Raises Refused for a Service whose waypoint cannot follow the VirtualService, or would follow more than that."""
    if service.namespace != vs.namespace:
        reason = f"{service.name} is in namespace {service.namespace}; its waypoint reads no routes of {vs.namespace}"
        raise Refused("consumer", place, reason)
    if service.body.spec.type == "ExternalName" or hosts.is_headless(service):
        raise Refused("headless", place, f"Service {service.name} has no address of its own: no call to it crosses a waypoint")
    if fronts.takes_ingress(mesh, service) and not waypoints.is_bound(mesh, service):
        for each in ingress.to(mesh, service):
            label, name = waypoints.INGRESS_USE, service.name
            reason = (
                f"with {label} the gateway routes to {name} by {each.kind} {each.name}, then the waypoint by this once more"
            )
            raise Refused("ingress", place, reason)
