"""MC004: Secrets by which istiod reads other clusters."""

from __future__ import annotations

from collections.abc import Iterator

from ambimigrate import support
from ambimigrate.checks import rule
from ambimigrate.checks.multicluster.mc001_networks import NETWORK
from ambimigrate.kinds import Gateway, IstioGateway, Namespace, RemoteSecret
from ambimigrate.kinds.secrets import REMOTE
from ambimigrate.model import Hit, Mesh, Resource
from ambimigrate.topology import meshconfig


@rule("MC004", RemoteSecret)
def check(secret: Resource[RemoteSecret], mesh: Mesh) -> Iterator[Hit]:
    place, istio = secret.at("metadata", "labels", REMOTE), mesh.target.istio
    said = f"{secret.name} lets istiod read another cluster: "
    if not mesh.index(_has_networks):
        level = support.status("multicluster-single-network", "ztunnel", istio)
        yield Hit(place, f"{said}ambient mode over several clusters on one network is {level} in Istio {istio}", "single")
        return
    level = support.status("multicluster-multi-network", "ztunnel", istio)
    yield Hit(place, f"{said}ambient mode over several networks is {level} in Istio {istio}, calls to it fail", "old")
    told = (
        f"ambient pods reach it through an east-west gateway for HBONE only, and only Services with istio.io/global ({level})"
    )
    yield Hit(place, f"{said}{told}", "networks")


def _has_networks(mesh: Mesh) -> bool:
    """Whether anything says that the clusters are on several networks."""
    named = any(NETWORK in each.body.metadata.labels for each in mesh.of(Namespace))
    listed = any(True for _ in meshconfig.helm_settings(mesh, "global", "meshNetworks"))
    between = any(each.body.spec.gateway_class_name == "istio-east-west" for each in mesh.of(Gateway))
    return named or listed or between or any(_passes_on(each.body) for each in mesh.of(IstioGateway))


def _passes_on(gateway: IstioGateway) -> bool:
    return any(each.tls and each.tls.mode == "AUTO_PASSTHROUGH" for each in gateway.spec.servers)
