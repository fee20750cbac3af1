"""Whether the clusters of a mesh are on several networks, as far as the input shows."""

from __future__ import annotations

from collections.abc import Iterator

from ambimigrate.kinds import Gateway, IstioGateway, Namespace, RemoteSecret
from ambimigrate.model import Mesh
from ambimigrate.topology import meshconfig

NETWORK = "topology.istio.io/network"


def are_named(mesh: Mesh) -> bool:
    """Whether anything speaks of networks at all."""
    return mesh.index(_are_named)


def are_several(mesh: Mesh) -> bool:
    """Whether anything shows a second network or cluster, not only the name of the own one."""
    return mesh.index(_are_several)


def _are_named(mesh: Mesh) -> bool:
    return bool(set(_names(mesh))) or _has_gateway(mesh)


def _are_several(mesh: Mesh) -> bool:
    return len(set(_names(mesh))) > 1 or _has_gateway(mesh) or bool(mesh.of(RemoteSecret))


def _names(mesh: Mesh) -> Iterator[str]:
    labels = (each.body.metadata.labels.get(NETWORK) for each in mesh.of(Namespace))
    yield from (each for each in labels if each)
    for setting in meshconfig.helm_settings(mesh, "global", "network"):
        yield from (each for each in (setting.value,) if isinstance(each, str) and each)
    for setting in meshconfig.helm_settings(mesh, "global", "meshNetworks"):
        yield from map(str, setting.value if isinstance(setting.value, dict) else ())


def _has_gateway(mesh: Mesh) -> bool:
    """Whether a gateway between networks is there, of the new kind or of the old."""
    if any(each.body.spec.gateway_class_name == "istio-east-west" for each in mesh.of(Gateway)):
        return True
    servers = (server for each in mesh.of(IstioGateway) for server in each.body.spec.servers)
    return any(server.tls and server.tls.mode == "AUTO_PASSTHROUGH" for server in servers)
