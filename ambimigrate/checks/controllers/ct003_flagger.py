"""CT003: Flagger shifts traffic by Istio's routes."""

from __future__ import annotations

from collections.abc import Iterator

from ambimigrate.checks import rule
from ambimigrate.checks.pods import sequence
from ambimigrate.kinds import Canary, Deployment
from ambimigrate.model import Hit, Mesh, Resource
from ambimigrate.topology import injection

_FLAG = "-mesh-provider=istio"


@rule("CT003", Canary)
def check(canary: Resource[Canary], mesh: Mesh) -> Iterator[Hit]:
    spec = canary.body.spec
    if not injection.is_meshed(mesh, canary.namespace) or not (spec.provider == "istio" or _by_default(mesh, spec.provider)):
        return
    gateways = sequence((spec.service or {}).get("gateways"))
    if gateways and "mesh" not in gateways:
        return
    name = (spec.service or {}).get("name") or spec.target_ref.name
    yield Hit(
        canary.at("spec", "provider"),
        f"Flagger owns the VirtualService of {name} and shifts traffic by it: without a waypoint the weights do nothing, and a "
        "converted route is overwritten",
        services=(f"{canary.namespace}/{name}",),
    )


def _by_default(mesh: Mesh, provider: str) -> bool:
    return not provider and mesh.index(_runs_on_istio)


def _runs_on_istio(mesh: Mesh) -> bool:
    pods = (each.body.spec.template.spec for each in mesh.of(Deployment) if each.body.spec.template)
    texts = ((*one.command, *one.args) for pod in pods for one in pod.containers if "flagger" in one.image)
    return any(text.lstrip("-") == _FLAG.lstrip("-") for arguments in texts for text in arguments)
