"""MC004: Secrets by which istiod reads other clusters."""

from __future__ import annotations

from collections.abc import Iterator

from ambimigrate import support
from ambimigrate.checks import rule
from ambimigrate.checks.multicluster.networks import are_named
from ambimigrate.kinds import RemoteSecret
from ambimigrate.kinds.secrets import REMOTE
from ambimigrate.model import Hit, Mesh, Resource


@rule("MC004", RemoteSecret)
def check(secret: Resource[RemoteSecret], mesh: Mesh) -> Iterator[Hit]:
    place, istio = secret.at("metadata", "labels", REMOTE), mesh.target.istio
    said = f"{secret.name} lets istiod read another cluster: "
    if not are_named(mesh):
        level = support.status("multicluster-single-network", "ztunnel", istio)
        yield Hit(place, f"{said}ambient mode over several clusters on one network is {level} in Istio {istio}", "single")
        return
    level = support.status("multicluster-multi-network", "ztunnel", istio)
    yield Hit(place, f"{said}ambient mode over several networks is {level} in Istio {istio}, calls to it fail", "old")
    told = (
        f"ambient pods reach it through an east-west gateway for HBONE only, and only Services with istio.io/global ({level})"
    )
    yield Hit(place, f"{said}{told}", "networks")
