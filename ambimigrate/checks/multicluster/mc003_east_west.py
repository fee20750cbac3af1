"""MC003: gateways between networks."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ambimigrate.checks import rule
from ambimigrate.kinds import Gateway, IstioGateway
from ambimigrate.model import Hit, Mesh, Resource

_CLASS = "istio-east-west"


@rule("MC003", IstioGateway, Gateway)
def check(resource: Resource[Any], mesh: Mesh) -> Iterator[Hit]:
    if isinstance(resource.body, Gateway):
        if resource.body.spec.gateway_class_name == _CLASS:
            said = f"{resource.name} leads ambient traffic to other networks: multi-network ambient mode is"
            yield Hit(resource.at("spec", "gatewayClassName"), f"{said} alpha in this release", "alpha")
            yield Hit(resource.at("spec", "gatewayClassName"), f"{said} beta, for several primaries only", "beta")
        return
    for i, server in enumerate(resource.body.spec.servers):
        if server.tls and server.tls.mode == "AUTO_PASSTHROUGH":
            yield Hit(
                resource.at("spec", "servers", i, "tls", "mode"),
                f"{resource.name} passes mTLS of sidecars on (AUTO_PASSTHROUGH); ambient pods speak HBONE and cannot use it",
                "classic",
            )
            return
