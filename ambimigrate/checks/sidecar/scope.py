"""Which namespaces a Sidecar object is about, if it is about pods that become ambient at all."""

from __future__ import annotations

from ambimigrate.kinds import Sidecar
from ambimigrate.model import Mesh, Resource
from ambimigrate.topology import ingress, injection, meshconfig


def namespaces(mesh: Mesh, sidecar: Resource[Sidecar]) -> tuple[str, ...]:
    """The namespaces of the mesh whose pods it configures: its own, or all those without one of their own for the root's."""
    selector = sidecar.body.spec.workload_selector
    labels = selector.labels if selector else {}
    if labels and ingress.is_selected(mesh, sidecar.namespace, labels):
        return ()
    if sidecar.namespace != meshconfig.root_namespace(mesh):
        return (sidecar.namespace,) if injection.is_meshed(mesh, sidecar.namespace) else ()
    own = {each.namespace for each in mesh.of(Sidecar) if each.body.spec.workload_selector is None}
    return members(mesh) if labels else tuple(each for each in members(mesh) if each not in own)


def members(mesh: Mesh) -> tuple[str, ...]:
    """The namespaces of the mesh."""
    return tuple(each for each in injection.namespaces(mesh) if injection.is_meshed(mesh, each))
