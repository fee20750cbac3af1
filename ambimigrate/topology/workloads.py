"""One view of every kind of workload, and which of them a selector or a Service means."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from msgspec import Struct

from ambimigrate.kinds import (
    CronJob,
    DaemonSet,
    Deployment,
    Job,
    Pod,
    ReplicaSet,
    Rollout,
    Service,
    StatefulSet,
    pod_template,
)
from ambimigrate.kinds.core import ServicePort
from ambimigrate.kinds.pods import PodSpec
from ambimigrate.model import Mesh, Resource, Route, grouped

KINDS = (Deployment, StatefulSet, DaemonSet, ReplicaSet, Job, CronJob, Rollout, Pod)
_MAKERS = frozenset(kind.__name__ for kind in KINDS)


class Workload(Struct, frozen=True, eq=False):
    """An object that makes pods: what its pods look like. `template` is the route to the pod template's metadata's parent."""

    resource: Resource[Any]
    labels: Mapping[str, str]
    annotations: Mapping[str, str]
    pod: PodSpec
    template: Route

    @property
    def namespace(self) -> str:
        return self.resource.namespace

    @property
    def name(self) -> str:
        return self.resource.name

    @property
    def service_account(self) -> str:
        return self.pod.service_account_name or "default"

    def __str__(self) -> str:
        return f"{self.resource.kind} {self.name or '(without a name)'}"


_TEMPLATES: dict[type, Route] = {Pod: (), CronJob: ("spec", "jobTemplate", "spec", "template")}


def workloads(mesh: Mesh) -> tuple[Workload, ...]:
    """All workloads of the mesh; what an owner in the mesh makes itself (ReplicaSets, Pods, Jobs) is left out."""
    return mesh.index(_workloads)


def _workloads(mesh: Mesh) -> tuple[Workload, ...]:
    return _made(mesh, (each for kind in KINDS for each in mesh.of(kind)))


def _made(mesh: Mesh, resources: Iterable[Resource[Any]]) -> tuple[Workload, ...]:
    return tuple(made for each in resources if (made := mesh.once(_workload, each)))


def _workload(_mesh: Mesh, resource: Resource[Any]) -> Workload | None:
    template = pod_template(resource.body)
    if template is None or any(owner.kind in _MAKERS for owner in resource.body.metadata.owner_references):
        return None
    route = _TEMPLATES.get(type(resource.body), ("spec", "template"))
    return Workload(resource, template.metadata.labels, template.metadata.annotations, template.spec, route)


def in_namespace(mesh: Mesh, namespace: str) -> tuple[Workload, ...]:
    """The workloads of a namespace."""
    return mesh.once(_in_namespace, namespace)


def _in_namespace(mesh: Mesh, namespace: str) -> tuple[Workload, ...]:
    return _made(mesh, (each for kind in KINDS for each in mesh.within(kind, namespace)))


def of_resource(mesh: Mesh, resource: Resource[Any]) -> Workload | None:
    """The workload that an object is, or None."""
    return mesh.once(_workload, resource) if type(resource.body) in KINDS else None


def matches(selector: Mapping[str, str], labels: Mapping[str, str]) -> bool:
    """Whether the labels carry every pair of the selector; an empty selector matches everything."""
    return all(labels.get(key) == value for key, value in selector.items())


def selected(mesh: Mesh, namespace: str, selector: Mapping[str, str]) -> tuple[Workload, ...]:
    """The workloads of the namespace whose pods the selector means, all of them for an empty one."""
    candidates = in_namespace(mesh, namespace)
    if not selector:
        return candidates
    key, value = next(iter(selector.items()))
    labelled = mesh.once(_by_label, namespace).get((key, value), ())
    return labelled if len(selector) == 1 else tuple(each for each in labelled if matches(selector, each.labels))


def selected_anywhere(mesh: Mesh, selector: Mapping[str, str]) -> tuple[Workload, ...]:
    """The workloads of all namespaces whose pods a selector means; none for an empty one."""
    if not selector:
        return ()
    labelled = mesh.index(_by_label_anywhere).get(next(iter(selector.items())), ())
    return tuple(each for each in labelled if matches(selector, each.labels))


def _by_label_anywhere(mesh: Mesh) -> dict[tuple[str, str], tuple[Workload, ...]]:
    return grouped((pair, workload) for workload in workloads(mesh) for pair in workload.labels.items())


def _by_label(mesh: Mesh, namespace: str) -> dict[tuple[str, str], tuple[Workload, ...]]:
    return grouped((pair, workload) for workload in in_namespace(mesh, namespace) for pair in workload.labels.items())


def behind(mesh: Mesh, service: Resource[Service]) -> tuple[Workload, ...]:
    """The workloads whose pods are the endpoints of a Service."""
    selector = service.body.spec.selector
    return selected(mesh, service.namespace, selector) if selector else ()


def services_of(mesh: Mesh, workload: Workload) -> tuple[Resource[Service], ...]:
    """The Services in front of a workload."""
    return mesh.once(_services_by_workload, workload.namespace).get(id(workload), ())


def _services_by_workload(mesh: Mesh, namespace: str) -> dict[int, tuple[Resource[Service], ...]]:
    services = mesh.within(Service, namespace)
    return grouped((id(workload), service) for service in services for workload in behind(mesh, service))


def services_in_front(mesh: Mesh, members: Iterable[Workload]) -> tuple[Resource[Service], ...]:
    """The Services in front of any of the workloads, each once."""
    return tuple({id(service): service for workload in members for service in services_of(mesh, workload)}.values())


def container_ports(workload: Workload) -> frozenset[int]:
    """The ports that the containers declare."""
    return frozenset(port.container_port for each in workload.pod.containers for port in each.ports if port.container_port)


def target_port(port: ServicePort, workload: Workload) -> int | None:
    """The container port that a Service port leads to on this workload; None if a named port is not declared there."""
    target = port.target_port if port.target_port not in {None, "", 0} else port.port
    if isinstance(target, int):
        return target
    named = (each.container_port for one in workload.pod.containers for each in one.ports if each.name == target)
    return next((number for number in named if number), None)
