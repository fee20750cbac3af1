"""PF019: versions of Kubernetes that the target release of Istio is not supported on."""

from __future__ import annotations

from collections.abc import Iterator

from ambimigrate.checks import rule
from ambimigrate.kinds import Node
from ambimigrate.model import Hit, Mesh, Resource
from ambimigrate.versions import Version, parse

# Oldest and newest minor of Kubernetes 1.x by minor of Istio 1.x (istio.io, "Supported releases", as of 1.30).
SUPPORTED = {24: (28, 31), 25: (29, 32), 26: (29, 33), 27: (29, 33), 28: (30, 34), 29: (31, 35), 30: (32, 36)}


@rule("PF019", Node)
def check(node: Resource[Node], mesh: Mesh) -> Iterator[Hit]:
    """Said once, at the node with the oldest or else the newest version."""
    bounds = SUPPORTED.get(mesh.target.istio.minor)
    own = _version(node)
    if bounds is None or own is None:
        return
    every = sorted((version, each.name) for each in mesh.of(Node) if (version := _version(each)) is not None)
    place = node.at("status", "nodeInfo", "kubeletVersion")
    said = f"{node.name} runs Kubernetes {own.major}.{own.minor}; Istio {mesh.target.istio.major}.{mesh.target.istio.minor} "
    if own.minor < bounds[0] and (own, node.name) == every[0]:
        yield Hit(place, f"{said}is supported from 1.{bounds[0]} on", "old")
    if own.minor > bounds[1] and (own, node.name) == every[-1]:
        yield Hit(place, f"{said}was tested up to 1.{bounds[1]}", "new")


def _version(node: Resource[Node]) -> Version | None:
    try:
        return parse(node.body.status.node_info.kubelet_version)
    except ValueError:
        return None
