"""Which of the clusters read together are one mesh, and what each of them says about itself."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from msgspec import Struct

from ambimigrate.checks.multicluster import networks
from ambimigrate.checks.multicluster.networks import NETWORK
from ambimigrate.kinds import ConfigMap, Deployment, Gateway, Namespace
from ambimigrate.model import Mesh
from ambimigrate.topology import injection, meshconfig
from ambimigrate.topology.meshconfig import dig

EAST_WEST = "istio-east-west"
_INJECTOR = "istio-sidecar-injector"


class Cluster(Struct, frozen=True):
    """What one cluster says about its place in a mesh; "" for what it does not say."""

    mesh_id: str
    name: str
    network: str
    trust_domains: tuple[str, ...]  # its own first, then those that it takes for the same
    revisions: frozenset[str]
    leads_in: bool  # an east-west gateway for ambient mode is there


def cluster(mesh: Mesh) -> Cluster:
    """What the objects of a mesh say about their cluster."""
    return mesh.index(_cluster)


def linked(mesh: Mesh) -> Iterator[Mesh]:
    """The peers that are clusters of the same mesh."""
    return (each for each in mesh.peers if _are_one(mesh, each))


def _are_one(mesh: Mesh, other: Mesh) -> bool:
    """Whether two clusters are one mesh. Environments of a repository often are copies of each other, so that files have to
    say it by the mesh's id and different places; clusters that somebody names together only must not contradict it.
    """
    own, its = cluster(mesh), cluster(other)
    differ = (own.name and its.name and own.name != its.name) or (own.network and its.network and own.network != its.network)
    if own.mesh_id and its.mesh_id:
        return own.mesh_id == its.mesh_id and (bool(differ) or "files" not in {mesh.source, other.source})
    return "files" not in {mesh.source, other.source} and networks.are_named(mesh) and networks.are_named(other)


def _cluster(mesh: Mesh) -> Cluster:
    default = next(meshconfig.settings(mesh, "defaultConfig", "meshId"), None)
    trusted = meshconfig.trust_domain(mesh) or "cluster.local"
    aliases = [each.value for each in meshconfig.settings(mesh, "trustDomainAliases") if isinstance(each.value, list)]
    return Cluster(
        _text(default.value if default else None) or _said(mesh, "meshID"),
        _said(mesh, "multiCluster", "clusterName"),
        _label(mesh) or _said(mesh, "network"),
        (trusted, *(str(each) for some in aliases for each in some)),
        frozenset(_revisions(mesh)),
        any(each.body.spec.gateway_class_name == EAST_WEST for each in mesh.of(Gateway)),
    )


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""


def _said(mesh: Mesh, *route: str) -> str:
    """A global value of the installation: of the charts, or as istiod's chart leaves it in the injector's ConfigMap."""
    found = [each.value for each in meshconfig.helm_settings(mesh, "global", *route)]
    found += [dig(values, ("global", *route)) for values in _injected(mesh)]
    return next((text for each in found if (text := _text(each))), "")


def _injected(mesh: Mesh) -> Iterator[Any]:
    for config in mesh.within(ConfigMap, meshconfig.root_namespace(mesh)):
        if config.name.startswith(_INJECTOR):
            try:
                yield json.loads(config.body.data.get("values", "{}"))
            except ValueError:
                continue


def _label(mesh: Mesh) -> str:
    root = mesh.find(Namespace, "", meshconfig.root_namespace(mesh))
    return root.body.metadata.labels.get(NETWORK, "") if root else ""


def _revisions(mesh: Mesh) -> Iterator[str]:
    for each in mesh.within(Deployment, meshconfig.root_namespace(mesh)):
        labels = each.body.metadata.labels
        if labels.get("app") == "istiod" and labels.get(injection.REVISION):
            yield labels[injection.REVISION]
