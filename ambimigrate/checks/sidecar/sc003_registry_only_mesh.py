"""SC003: REGISTRY_ONLY for the whole mesh."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ambimigrate.checks import rule
from ambimigrate.checks.sidecar.scope import members
from ambimigrate.kinds import ConfigMap, HelmValues, IstioOperator, SailIstio
from ambimigrate.model import Hit, Mesh, Resource
from ambimigrate.topology import egress, meshconfig, reach


@rule("SC003", ConfigMap, HelmValues, IstioOperator, SailIstio)
def check(resource: Resource[Any], mesh: Mesh) -> Iterator[Hit]:
    for setting in meshconfig.settings(mesh, "outboundTrafficPolicy", "mode"):
        if setting.resource is not resource or setting.value != "REGISTRY_ONLY" or not (own := members(mesh)):
            continue
        opened = [each for each in own if egress.closing(mesh, each) is None]
        place = resource.at(*setting.route)
        if opened:
            message = f"fails open: ztunnel ignores REGISTRY_ONLY, ambient pods of {reach.listed(opened)} reach any destination"
            yield Hit(place, message, case="open")
        else:
            yield Hit(
                place, "ztunnel ignores REGISTRY_ONLY; NetworkPolicies close the egress of every namespace", case="closed"
            )
