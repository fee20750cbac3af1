"""What a Service says once and for all its callers: to prefer endpoints nearby, and which protocol a port carries.

Neither is exact: who calls without a sidecar meets it, too. Both are written where that was agreed to, weeks before.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from msgspec.structs import replace

from ambimigrate.changes import SUBSET, Change, Create, Edit, Set, Stage
from ambimigrate.converters.outcome import Outcome
from ambimigrate.converters.serving import Plan
from ambimigrate.converters.settings import Settings
from ambimigrate.kinds import DestinationRule, Service
from ambimigrate.kinds.core import ServicePort
from ambimigrate.model import Mesh, Position, Ref, Resource, grouped
from ambimigrate.topology import hosts, protocols, reach
from ambimigrate.topology.workloads import Workload, behind, target_port
from ambimigrate.versions import at_least
from ambimigrate.yamlio.trees import edited

NEARBY, DECLARED = "WP920", "WP921"
OURS = frozenset({NEARBY, DECLARED})
ANNOTATION = "networking.istio.io/traffic-distribution"
SINCE = "1.25.0"  # Istio: read by all data planes (release note traffic-distribution)
_PLACES = frozenset({"topology.kubernetes.io/region", "topology.kubernetes.io/zone", "topology.istio.io/subzone"})
_PLAIN = frozenset({"enabled", "failoverPriority"})  # priorities of places, which PreferClose means as well
_GRPC, _HTTP = "grpc", "http"


def convert(mesh: Mesh, namespace: str, plan: Plan, settings: Settings) -> Outcome:
    """The edits of the namespace's Services."""
    own = [each for each in mesh.within(Service, namespace) if not hosts.is_headless(each)]
    changes = [change for each in own if settings.accepts(NEARBY, each) for change in _nearby(mesh, each)]
    routed = [each for each in own if (each.namespace, each.name) in plan.by_service and settings.accepts(DECLARED, each)]
    return Outcome((*changes, *(change for each in routed for change in _declared(mesh, each))))


def on_versions(found: Iterable[Change]) -> tuple[Change, ...]:
    """The changes, with what a Service is made to say also on the versioned Services that are made from it."""
    every = tuple(found)
    said = {each.ref: each.action for each in every if isinstance(each.action, tuple) and not OURS.isdisjoint(each.because)}
    return tuple(_saying(each, said) for each in every) if said else every


def _saying(change: Change, said: Mapping[Ref, tuple[Edit, ...]]) -> Change:
    if not isinstance(change.action, Create) or change.ref.kind != "Service":
        return change
    value: Any = change.action.value
    of = str(value["metadata"]["annotations"].get(SUBSET, "")).partition("/")[0]
    for edit in said.get(change.ref._replace(name=of), ()):
        value = edited(value, edit)
    return replace(change, action=replace(change.action, value=value))


# --- endpoints nearby -----------------------------------------------------------------------------------------------


def _nearby(mesh: Mesh, service: Resource[Service]) -> Iterator[Change]:
    rules = mesh.index(_preferring).get(service.ref, ())
    said = service.body.spec.traffic_distribution or service.body.metadata.annotations.get(ANNOTATION)
    if not rules or said or service.body.spec.type == "ExternalName" or not at_least(mesh.target.istio, SINCE):
        return
    witness = f"a caller of {service.name} without a sidecar, in another zone: any endpoint today, the nearest then"
    yield _change(mesh, service, (Set(("spec", "trafficDistribution"), "PreferClose"),), (NEARBY, witness), *rules)


def _preferring(mesh: Mesh) -> dict[Any, tuple[Position, ...]]:
    """Where DestinationRules let callers prefer endpoints nearby and say no more, by Service."""
    found = ((dr, policy.load_balancer) for dr in mesh.of(DestinationRule) if (policy := dr.body.spec.traffic_policy))
    route = ("spec", "trafficPolicy", "loadBalancer", "localityLbSetting")
    return grouped(
        (each.ref, dr.at(*route))
        for dr, balancer in found
        if balancer and _is_plain(balancer.locality_lb_setting)
        for each in reach.called(mesh, dr.body.spec.host, dr)
    )


def _is_plain(setting: dict[str, Any] | None) -> bool:
    """Whether it asks for endpoints nearby, without shares of localities and failover between named ones."""
    if not setting or setting.get("enabled") is False or not _PLAIN.issuperset(setting):
        return False
    order = setting.get("failoverPriority") or ()
    return isinstance(order, list | tuple) and _PLACES.issuperset(map(str, order))


# --- protocols ------------------------------------------------------------------------------------------------------


def _declared(mesh: Mesh, service: Resource[Service]) -> Iterator[Change]:
    """Ports of a Service that needs a waypoint, which say no protocol although the pods show it."""
    found = [(i, spoken) for i, port in enumerate(service.body.spec.ports) if (spoken := _spoken(mesh, service, port))]
    if found:
        number, spoken = service.body.spec.ports[found[0][0]].port, found[0][1]
        other = "gRPC" if spoken == _HTTP else "HTTP/1.1"
        witness = f"{other} or bytes that are no HTTP, sent to port {number}: passed on as they are today, not then"
        edits = tuple(Set(("spec", "ports", i, "appProtocol"), each) for i, each in found)
        yield _change(mesh, service, edits, (DECLARED, witness))


def _spoken(mesh: Mesh, service: Resource[Service], port: ServicePort) -> str | None:
    if protocols.is_declared(port):
        return None
    found = {_of_pods(each, port) for each in behind(mesh, service)}
    return found.pop() if len(found) == 1 else None


def _of_pods(workload: Workload, port: ServicePort) -> str | None:
    """What probes or the name of the pods' port say that they speak."""
    number = target_port(port, workload)
    names = {each.name for one in workload.pod.containers for each in one.ports if each.container_port == number}
    probes = [
        probe for one in workload.pod.containers for probe in (one.liveness_probe, one.readiness_probe, one.startup_probe)
    ]
    found = {said for probe in probes if (said := _of_probe(probe, number, names))}
    found |= {each for each in (_GRPC, _HTTP) for name in names if name == each or name.startswith(f"{each}-")}
    return found.pop() if len(found) == 1 else None


def _of_probe(probe: dict[str, Any] | None, number: int | None, names: set[str]) -> str | None:
    web, grpc = (probe or {}).get("httpGet"), (probe or {}).get("grpc")
    if isinstance(web, dict) and web.get("port") in {number, *names} and str(web.get("scheme") or "HTTP") == "HTTP":
        return _HTTP
    return _GRPC if isinstance(grpc, dict) and grpc.get("port") == number else None


def _change(
    mesh: Mesh, service: Resource[Service], edits: tuple[Set, ...], said: tuple[str, str], *sources: Position
) -> Change:
    because, witness = said
    found = Change(Stage.prepare, service.namespace, mesh.name, service.ref, edits, service, (because,))
    return replace(found, sources=(service.at(), *sources), verdict="differs", witness=witness)
