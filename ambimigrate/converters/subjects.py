"""Which VirtualServices can become routes at all: bound to the mesh, seen by everybody, one for its Services, no one's tool."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

from ambimigrate.converters import made
from ambimigrate.converters.outcome import Refused
from ambimigrate.kinds import Rollout, Service, VirtualService
from ambimigrate.model import Mesh, Resource, Route
from ambimigrate.topology import hosts, meshconfig, reach

_CONTROLLERS = ("flagger", "knative", "kserve", "argo-rollouts", "seldon")


def check_subject(vs: Resource[VirtualService], mesh: Mesh) -> None:
    """Raises Refused for a VirtualService that has no counterpart as a whole."""
    spec = vs.body.spec
    for field, used in (("tcp", spec.tcp), ("tls", spec.tls)):
        if used:
            raise Refused("l4", ("spec", field), f"{field} rules are not converted yet")
    if not spec.hosts:
        raise Refused("delegate", ("spec",), "it has no hosts: another VirtualService delegates to it")
    if not spec.http:
        raise Refused("destination", ("spec",), "it has no rules")
    _check_exported(vs, mesh)
    if mesh.index(_counts)[vs.ref] > 1:
        raise Refused("repeated", ("metadata", "name"), f"{vs.name} stands in several files of one environment")
    if owner := _controller(vs, mesh):
        raise Refused("controller", ("metadata", "name"), f"{owner} writes it")


def _check_exported(vs: Resource[VirtualService], mesh: Mesh) -> None:
    """A narrower export than the whole mesh tells callers apart, which a waypoint does not."""
    own = vs.body.spec.export_to
    default = next(
        (each.value for each in meshconfig.settings(mesh, "defaultVirtualServiceExportTo") if isinstance(each.value, list)),
        ["*"],
    )
    if "*" not in (own or default or ["*"]):
        raise Refused(
            "export", ("spec", "exportTo"), "callers of other namespaces do not see it today; a waypoint serves all callers"
        )


def _counts(mesh: Mesh) -> Mapping[Any, int]:
    return Counter(each.ref for each in mesh.of(VirtualService))


def _controller(vs: Resource[VirtualService], mesh: Mesh) -> str | None:
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


def services(vs: Resource[VirtualService], mesh: Mesh) -> Iterator[tuple[Route, Resource[Service]]]:
    """The Services that the hosts name, each once with its route. Raises Refused for any other host."""
    seen: set[int] = set()
    for number, host in enumerate(vs.body.spec.hosts):
        route: Route = ("spec", "hosts", number)
        service = _service(vs, mesh, host, route)
        if id(service) not in seen:
            seen.add(id(service))
            yield route, service


def _service(vs: Resource[VirtualService], mesh: Mesh, host: str, route: Route) -> Resource[Service]:
    if host.startswith("*"):
        raise Refused("host", route, f"{host} also means Services that do not exist yet; a route names one Service")
    service = hosts.service(mesh, host, vs.namespace, vs.file)
    if service is None:
        what = "is of a ServiceEntry" if hosts.service_entries(mesh, host, vs.namespace) else "names no Service of the input"
        raise Refused("host", route, f"{host} {what}")
    if service.namespace != vs.namespace:
        raise Refused(
            "consumer",
            route,
            f"{service.name} is in namespace {service.namespace}; its waypoint reads no routes of {vs.namespace}",
        )
    if service.body.spec.type == "ExternalName" or hosts.is_headless(service):
        raise Refused("host", route, f"Service {service.name} has no address of its own: no call to it crosses a waypoint")
    others = [each.name for each in reach.mesh_virtual_services(mesh, service) if each.ref != vs.ref]
    if others:
        raise Refused("several", route, f"{', '.join(others)} routes {host}, too; the oldest wins, which no file tells")
    foreign = [each for each in reach.mesh_routes(mesh, service) if not made.is_ours(each)]
    if foreign:
        raise Refused("mixed", route, f"{foreign[0].kind} {foreign[0].name} routes {service.name} already")
    return service
