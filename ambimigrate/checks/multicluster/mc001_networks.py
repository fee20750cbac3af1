"""MC001: a sidecar mesh of several networks."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ambimigrate.checks import rule
from ambimigrate.checks.multicluster.clusters import linked
from ambimigrate.checks.multicluster.networks import NETWORK, are_several
from ambimigrate.checks.platform import install
from ambimigrate.checks.pods import listed
from ambimigrate.kinds import ConfigMap, HelmValues, IstioOperator, Namespace, SailIstio
from ambimigrate.model import Hit, Mesh, Position, Resource
from ambimigrate.topology.meshconfig import dig
from ambimigrate.yamlio import Document, Unreadable, values

FLAG = "AMBIENT_ENABLE_MULTI_NETWORK"


@rule("MC001", ConfigMap, HelmValues, IstioOperator, SailIstio, Namespace)
def check(resource: Resource[Any], mesh: Mesh) -> Iterator[Hit]:
    if isinstance(resource.body, Namespace):
        network = resource.body.metadata.labels.get(NETWORK)
        if network and not are_several(mesh) and not any(linked(mesh)):
            yield Hit(
                resource.at("metadata", "labels", NETWORK),
                f"{resource.name} names the network {network}, and nothing here shows another one: calls to other clusters, if"
                " there are any, need an east-west gateway for HBONE",
                "alone",
            )
        elif network:
            yield Hit(
                resource.at("metadata", "labels", NETWORK),
                f"{resource.name} names the network {network}: calls to other networks leave ambient pods only through an "
                "east-west gateway for HBONE",
                "named",
            )
    elif isinstance(resource.body, ConfigMap):
        networks = _parsed(resource) if resource.name == "istio" or resource.name.startswith("istio-") else {}
        yield from _several(resource.at("data", "meshNetworks"), networks)
    else:
        yield from _installed(resource)


def _installed(resource: Resource[Any]) -> Iterator[Hit]:
    found = dig(install.helm(resource), ("global", "meshNetworks"))
    yield from _several(install.at(resource, "global", "meshNetworks"), found)
    if install.is_true(install.environment(resource, FLAG)):
        yield Hit(
            install.at(resource, "pilot", "env", FLAG),
            f"{FLAG} changes the whole mesh: Services are local to their cluster unless labelled istio.io/global=true, and "
            "classic east-west gateways stop",
            "flag",
        )


def _several(place: Position, networks: Any) -> Iterator[Hit]:
    if isinstance(networks, dict) and networks:
        yield Hit(
            place,
            f"meshNetworks names {listed(map(str, networks))}: ambient mode does not use these gateways, so ambient pods do "
            "not reach the other networks",
            "networks",
        )


def _parsed(config: Resource[ConfigMap]) -> Any:
    text = config.body.data.get("meshNetworks", "")
    if not text:
        return {}
    try:
        tree = values(Document("", 0, 1, text)).value
    except Unreadable:
        return {}
    return dig(tree, ("networks",))
