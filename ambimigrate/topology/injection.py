"""In which data plane a namespace and a workload are: by labels, tags and annotations, old and new."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from typing import Any

from ambimigrate.kinds import Namespace, Object, Service
from ambimigrate.model import Mesh, Resource
from ambimigrate.topology import meshconfig, owners
from ambimigrate.topology.workloads import KINDS, Workload, in_namespace

INJECTION = "istio-injection"
REVISION = "istio.io/rev"
MODE = "istio.io/dataplane-mode"
INJECT = "sidecar.istio.io/inject"
STATUS = "sidecar.istio.io/status"
TEMPLATES = "inject.istio.io/templates"

SIDECAR, AMBIENT, MIXED, NONE, UNKNOWN = "sidecar", "ambient", "mixed", "none", "unknown"
_SYSTEM = ("kube-",)
_MESH_GROUPS = (".istio.io", "gateway.networking.k8s.io")


def namespaces(mesh: Mesh) -> Mapping[str, Resource[Namespace] | None]:
    """Every namespace that the mesh shows: with its object, or None where only objects in it were read."""
    return mesh.index(_namespaces)


def _namespaces(mesh: Mesh) -> Mapping[str, Resource[Namespace] | None]:
    found: dict[str, Resource[Namespace] | None] = {each.name: each for each in mesh.of(Namespace)}
    seen = {name for kind in mesh.kinds() if _takes_part(kind) for name in mesh.spaces(kind)}
    return dict(sorted(({name: None for name in seen} | found).items()))


def _takes_part(kind: type[Object]) -> bool:
    """Whether objects of the kind show that their namespace is in the mesh: workloads, Services, objects of Istio."""
    return kind.NAMESPACED and (kind in KINDS or kind is Service or kind.GROUP.endswith(_MESH_GROUPS))


def is_system(mesh: Mesh, namespace: str) -> bool:
    """Namespaces that are never enrolled: Kubernetes' own and the root namespace."""
    return namespace.startswith(_SYSTEM) or namespace == meshconfig.root_namespace(mesh)


def labels(mesh: Mesh, namespace: str) -> Mapping[str, str]:
    """The labels of the Namespace object, else those that an Application gives to it, none if neither was read."""
    found = namespaces(mesh).get(namespace)
    if found is None and (made_by := owners.owner(mesh, namespace)):
        return made_by.labels
    return found.body.metadata.labels if found else {}


def is_assumed(mesh: Mesh, namespace: str) -> bool:
    """Whether a namespace is only taken for a sidecar namespace, since its Namespace object was not read."""
    known = namespaces(mesh)
    unseen = namespace in known and known[namespace] is None and not is_system(mesh, namespace)
    return unseen and owners.owner(mesh, namespace) is None


def injects(mesh: Mesh, namespace: str) -> bool:
    """Whether pods of the namespace get a sidecar if they say nothing themselves.

    `istio-injection` counts before `istio.io/rev` (Istio, pkg/webhooks and manifests/charts/istio-control/istio-discovery
    templates/mutatingwebhook.yaml: the revision's webhook wants the label `istio-injection` to be absent). Neither that
    template nor pkg/kube/inject looks at `istio.io/dataplane-mode`, so `istio.io/rev` injects beside `ambient`, too.
    """
    if is_assumed(mesh, namespace):
        return True
    own = labels(mesh, namespace)
    if INJECTION in own:
        return own[INJECTION] == "enabled"
    return bool(own.get(REVISION))


def workload_mode(mesh: Mesh, workload: Workload) -> str:
    """sidecar, ambient or none.

    A pod with a sidecar is never captured, whatever its labels say (Istio, cni/pkg/util/podutil.go `PodRedirectionEnabled`).
    """
    return mesh.once(_mode, workload)


def _mode(mesh: Mesh, workload: Workload) -> str:
    if workload.pod.host_network:
        return NONE
    if STATUS in workload.annotations or has_proxy(workload):
        return SIDECAR
    wanted = workload.labels.get(INJECT, workload.annotations.get(INJECT))
    if wanted == "true" or (wanted != "false" and injects(mesh, workload.namespace)):
        return SIDECAR
    if wanted is None and workload.labels.get(REVISION) and not injection_off(mesh, workload.namespace):
        return SIDECAR
    mode = workload.labels.get(MODE, labels(mesh, workload.namespace).get(MODE))
    return AMBIENT if mode == AMBIENT else NONE


def injection_off(mesh: Mesh, namespace: str) -> bool:
    return labels(mesh, namespace).get(INJECTION) == "disabled"


def has_proxy(workload: Workload) -> bool:
    """Whether the template itself holds the proxy container, as `istioctl kube-inject` writes it."""
    return any(each.name == "istio-proxy" and "proxy" in each.args[:1] for each in workload.pod.containers)


def is_gateway(workload: Workload) -> bool:
    """Whether the pods are an Istio gateway: injected by the gateway template, or running `proxy router`."""
    templates = workload.annotations.get(TEMPLATES, "")
    return "gateway" in templates or any("router" in each.args for each in workload.pod.containers)


def mode(mesh: Mesh, namespace: str) -> str:
    """The data plane of a namespace: sidecar, ambient, mixed, none or unknown."""
    return mesh.once(_namespace_mode, namespace)


def _namespace_mode(mesh: Mesh, namespace: str) -> str:
    own = labels(mesh, namespace)
    modes = {workload_mode(mesh, each) for each in in_namespace(mesh, namespace) if not is_gateway(each)} - {NONE}
    if injects(mesh, namespace):
        modes.add(SIDECAR)
        if own.get(MODE) == AMBIENT:
            modes.add(AMBIENT)
    elif own.get(MODE) == AMBIENT:
        modes.add(AMBIENT)
    if len(modes) > 1:
        return MIXED
    return next(iter(modes), NONE)


def is_meshed(mesh: Mesh, namespace: str) -> bool:
    """Whether the namespace takes part in the mesh in either data plane, or is taken to."""
    return not is_system(mesh, namespace) and mode(mesh, namespace) != NONE


def is_enrolled(mesh: Mesh, workload: Workload) -> bool:
    """Whether the workload's pods are in the mesh today or will be captured once their namespace is ambient."""
    return is_meshed(mesh, workload.namespace) and not is_gateway(workload) and not workload.pod.host_network


def by_namespace(mesh: Mesh) -> Mapping[str, tuple[Resource[Any], ...]]:
    """All namespaced objects by namespace."""
    return mesh.index(_objects)


def _objects(mesh: Mesh) -> Mapping[str, tuple[Resource[Any], ...]]:
    found: dict[str, list[Resource[Any]]] = defaultdict(list)
    for resource in mesh.among([kind for kind in mesh.kinds() if kind.NAMESPACED]):
        found[resource.namespace].append(resource)
    return {namespace: tuple(objects) for namespace, objects in found.items()}
