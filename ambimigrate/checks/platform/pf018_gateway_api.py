"""PF018: the CRDs of the Gateway API as they are installed."""

from __future__ import annotations

from collections.abc import Iterator

from ambimigrate.checks import rule
from ambimigrate.kinds import CustomResourceDefinition
from ambimigrate.model import Hit, Mesh, Position, Resource
from ambimigrate.topology.gatewayapi import BUNDLE, CHANNEL, GATEWAYS
from ambimigrate.versions import Version, parse

OLDEST = Version(1, 1, 0)  # the first in which both HTTPRoute and GRPCRoute are v1 (Gateway API 1.1 release notes)


@rule("PF018", CustomResourceDefinition, Mesh)
def check(resource: Resource[CustomResourceDefinition] | Resource[Mesh], mesh: Mesh) -> Iterator[Hit]:
    if isinstance(resource.body, Mesh):
        if mesh.source == "cluster" and not mesh.scope and _is_missing(mesh):
            said = "the CRDs of the Gateway API are not installed: no waypoint can be made, nor any HTTPRoute"
            yield Hit(Position("", None, None), said, "missing")
        return
    if resource.name != GATEWAYS:
        return
    annotations = resource.body.metadata.annotations
    try:
        version = parse(annotations.get(BUNDLE, ""))
    except ValueError:
        return
    place = resource.at("metadata", "annotations", BUNDLE)
    if version < OLDEST:
        yield Hit(place, f"the Gateway API is installed in version {version}, before GRPCRoute was v1", "old")
    elif annotations.get(CHANNEL) == "experimental":
        yield Hit(place, f"the Gateway API {version} is installed from its experimental channel", "experimental")


def _is_missing(mesh: Mesh) -> bool:
    kind = CustomResourceDefinition
    return mesh.is_whole(kind, "") and not any(each.name == GATEWAYS for each in mesh.of(kind))
