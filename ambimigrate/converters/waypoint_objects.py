"""What stands around a waypoint that we declare: replicas or autoscaling, disruption budget, spread, resources."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from msgspec.structs import replace

from ambimigrate.changes import Change, Create, Stage
from ambimigrate.converters import made, room
from ambimigrate.converters.room import NoRoom
from ambimigrate.kinds import ConfigMap, HorizontalPodAutoscaler, PodDisruptionBudget, Service
from ambimigrate.model import Mesh, Ref, Resource
from ambimigrate.topology import injection, meshconfig
from ambimigrate.topology.waypoint_pods import DEFAULT, PARAMETERS_SINCE
from ambimigrate.topology.workloads import behind
from ambimigrate.versions import at_least
from ambimigrate.yamlio.scalars import is_ambiguous

AROUND, NO_ROOM = "WP910", "WP911"  # NO_ROOM is why NoRoom holds
NAME_LABEL = "gateway.networking.k8s.io/gateway-name"  # istiod's label on the pods (Istio, files/waypoint.yaml)
ENFORCE = "pod-security.kubernetes.io/enforce"
GRACE_SINCE = "1.28.0"  # Istio, files/waypoint.yaml: up to 1.27 a waypoint had 2 s to finish what it serves
_REPLICAS, _MOST, _LOAD = 2, 5, 80


def around(mesh: Mesh, gateway: Change, services: Iterable[Resource[Service]] = ()) -> Iterator[Change]:
    """The change that declares a waypoint, made to name its parameters, and the objects that go with it.

    `services` are those that it will serve: where their workloads scale by themselves, so does the waypoint. Raises NoRoom.
    """
    if isinstance(gateway.action, Create):
        yield from Waypoint(mesh, gateway, gateway.action, tuple(services)).changes()
    else:
        yield gateway


class Waypoint:
    """A waypoint to come, in its mesh."""

    def __init__(self, mesh: Mesh, change: Change, create: Create, services: tuple[Resource[Service], ...]) -> None:
        self.mesh, self.change, self.create, self.services = mesh, change, create, services
        self.name, self.namespace = create.ref.name, create.ref.namespace

    def changes(self) -> Iterator[Change]:
        """The Gateway and what goes with it."""
        room.check(self.mesh, self.namespace, _REPLICAS)
        if not at_least(self.mesh.target.istio, PARAMETERS_SINCE):
            yield from self._apart()
            return
        config = self._new(ConfigMap, "v1", {"data": self._parameters()})
        yield config
        infrastructure = {"parametersRef": {"group": "", "kind": "ConfigMap", "name": config.ref.name}}
        spec = {**self.create.value["spec"], "infrastructure": infrastructure}
        yield replace(self.change, action=replace(self.create, value={**self.create.value, "spec": spec}))

    def _apart(self) -> Iterator[Change]:
        """Before 1.26 istiod reads no parameters; an autoscaler and a budget of their own do what they can.

        istiod names the Deployment as the Gateway and sets no replicas (files/waypoint.yaml).
        """
        if self._is_restricted():
            reason = (
                f"{self.namespace} enforces Pod Security restricted; before Istio 1.26 a waypoint cannot be given the profile"
            )
            raise NoRoom("security", ("metadata", "namespace"), reason)
        if room.resources(self.mesh, self.namespace) != DEFAULT and not self._is_sized():
            reason = (
                f"the LimitRange of {self.namespace} allows less than a waypoint asks for by default, and before Istio 1.26"
            )
            raise NoRoom("limits", ("metadata", "namespace"), f"{reason} nothing sizes a single waypoint")
        yield self.change
        target = {"apiVersion": "apps/v1", "kind": "Deployment", "name": self.name}
        scaling = {"scaleTargetRef": target, **_scaling()}
        yield self._new(HorizontalPodAutoscaler, "autoscaling/v2", {"spec": scaling})
        budget = {"minAvailable": 1, "selector": {"matchLabels": {NAME_LABEL: self.name}}}
        yield self._new(PodDisruptionBudget, "policy/v1", {"spec": budget})

    def _parameters(self) -> dict[str, str]:
        """The ConfigMap's data: patches that istiod merges into what it makes."""
        deployment: dict[str, Any] = {"template": {"spec": self._pod()}}
        data = {"podDisruptionBudget": _text({"spec": {"minAvailable": 1}})}
        if self._scales():
            data["horizontalPodAutoscaler"] = _text({"spec": _scaling()})
        else:
            deployment = {"replicas": _REPLICAS, **deployment}
        return {"deployment": _text({"spec": deployment}), **data}

    def _pod(self) -> dict[str, Any]:
        constraints = [_spread(key, self.name) for key in ("topology.kubernetes.io/zone", "kubernetes.io/hostname")]
        pod: dict[str, Any] = {"topologySpreadConstraints": constraints}
        if not at_least(self.mesh.target.istio, GRACE_SINCE):
            pod["terminationGracePeriodSeconds"] = 30
        if self._is_restricted():
            pod["securityContext"] = {"seccompProfile": {"type": "RuntimeDefault"}}
        if not self._is_sized():
            pod["containers"] = [{"name": "istio-proxy", "resources": room.resources(self.mesh, self.namespace)}]
        return pod

    def _scales(self) -> bool:
        """Whether a workload behind its Services scales by itself."""
        scaled = {
            (each.body.spec.scale_target_ref.kind, each.body.spec.scale_target_ref.name)
            for each in self.mesh.within(HorizontalPodAutoscaler, self.namespace)
        }
        members = (one for service in self.services for one in behind(self.mesh, service))
        return any((one.resource.kind, one.name) in scaled for one in members)

    def _is_restricted(self) -> bool:
        if any(meshconfig.helm_settings(self.mesh, "gateways", "seccompProfile")):
            return False
        return injection.labels(self.mesh, self.namespace).get(ENFORCE) == "restricted"

    def _is_sized(self) -> bool:
        """Whether the installation says what waypoints ask for."""
        return any(meshconfig.helm_settings(self.mesh, "global", "waypoint", "resources"))

    def _new(self, kind: type[Any], version: str, content: Mapping[str, Any]) -> Change:
        beside = self.create.beside
        text_name = self.create.value["metadata"]["name"]
        name, number = text_name, 1
        while self.mesh.find(kind, self.namespace, made.renamed(name, beside)) is not None:
            number += 1
            name = f"{text_name}-{number}"
        value = {"apiVersion": version, "kind": kind.__name__, "metadata": made.metadata(name, beside), **content}
        ref = Ref(kind.__name__, kind.GROUP, self.namespace, made.renamed(name, beside))
        sources = self.change.sources
        return Change(
            Stage.waypoints, self.change.namespace, self.mesh.name, ref, Create(ref, value, beside), None, (AROUND,), sources
        )


def _scaling() -> dict[str, Any]:
    target = {"type": "Utilization", "averageUtilization": _LOAD}
    metric = {"type": "Resource", "resource": {"name": "cpu", "target": target}}
    return {"minReplicas": _REPLICAS, "maxReplicas": _MOST, "metrics": [metric]}


def _spread(key: str, name: str) -> dict[str, Any]:
    selector = {"matchLabels": {NAME_LABEL: name}}
    return {"maxSkew": 1, "topologyKey": key, "whenUnsatisfiable": "ScheduleAnyway", "labelSelector": selector}


def _text(value: Any) -> str:
    return "\n".join(_lines(value)) + "\n"


def _lines(value: Any) -> Iterator[str]:
    """Nested mappings and lists as YAML in block style; only the plain words and numbers that this module writes."""
    for key, inner in value.items():
        if isinstance(inner, dict):
            yield f"{key}:"
            yield from (f"  {line}" for line in _lines(inner))
        elif isinstance(inner, list):
            yield f"{key}:"
            for item in inner:
                first, *rest = _lines(item)
                yield f"  - {first}"
                yield from (f"    {line}" for line in rest)
        else:
            yield f"{key}: {_scalar(inner)}"


def _scalar(value: Any) -> str:
    return f'"{value}"' if isinstance(value, str) and (is_ambiguous(value) or value[:1].isdigit()) else str(value)


def listener(namespace: str, others: Iterable[str] = ()) -> dict[str, Any]:
    """The listener of a waypoint, which admits its own namespace, and those others that its Services or routes lie in."""
    admitted = sorted({namespace, *others})
    origin: dict[str, Any] = {"from": "Same"}
    if admitted != [namespace]:
        among = {"key": "kubernetes.io/metadata.name", "operator": "In", "values": admitted}
        origin = {"from": "Selector", "selector": {"matchExpressions": [among]}}
    return {"name": "mesh", "port": 15008, "protocol": "HBONE", "allowedRoutes": {"namespaces": origin}}
