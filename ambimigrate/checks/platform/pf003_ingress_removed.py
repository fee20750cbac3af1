"""PF003: the ambient profile takes the ingress gateway of the default profile away."""

from __future__ import annotations

from collections.abc import Iterator

from ambimigrate.checks import rule
from ambimigrate.checks.platform import install
from ambimigrate.kinds import HelmValues, IstioGateway, IstioOperator
from ambimigrate.model import Hit, Mesh, Resource
from ambimigrate.topology import charts
from ambimigrate.topology.workloads import matches, workloads

_COMPONENT = "operator.istio.io/component"  # the label of what an IstioOperator installed
_INGRESS = {"istio": "ingressgateway"}  # the label of the gateway that profile default installs


@rule("PF003", IstioOperator)
def check(operator: Resource[IstioOperator], mesh: Mesh) -> Iterator[Hit]:
    if not install.has_ambient_profile(operator) or "ingressGateways" in (operator.body.spec.components or {}):
        return
    made = next(
        (each for each in workloads(mesh) if each.resource.body.metadata.labels.get(_COMPONENT) == "IngressGateways"), None
    )
    if made is not None and not _elsewhere(mesh, operator):
        yield Hit(
            operator.at("spec", "profile"),
            f"profile ambient installs no ingress gateway: applied over the installation it removes {made}, which an "
            "IstioOperator made",
        )
        return
    users = [each for each in mesh.of(IstioGateway) if each.body.spec.selector.get("istio") == _INGRESS["istio"]]
    if users and not any(matches(_INGRESS, each.labels) for each in workloads(mesh)) and not _elsewhere(mesh, operator):
        yield Hit(
            operator.at("spec", "profile"),
            f"profile ambient installs no ingress gateway: applied over the default profile it removes istio-ingressgateway, "
            f"which {users[0].ref} needs",
        )


def _elsewhere(mesh: Mesh, operator: Resource[IstioOperator]) -> bool:
    """Whether another IstioOperator installs the gateway, or a chart of its own."""
    if any(each.body.chart == charts.GATEWAY for each in mesh.of(HelmValues)):
        return True
    others = (each.body.spec for each in mesh.of(IstioOperator) if each is not operator)
    return any("ingressGateways" in (each.components or {}) or each.profile in {"", "default", "demo"} for each in others)
