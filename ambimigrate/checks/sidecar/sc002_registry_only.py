"""SC002: a Sidecar that lets its pods call known hosts only."""

from __future__ import annotations

from collections.abc import Iterator

from ambimigrate.checks import rule
from ambimigrate.checks.sidecar.scope import namespaces
from ambimigrate.kinds import Sidecar
from ambimigrate.model import Hit, Mesh, Resource
from ambimigrate.topology import egress, reach


@rule("SC002", Sidecar)
def check(sidecar: Resource[Sidecar], mesh: Mesh) -> Iterator[Hit]:
    policy = sidecar.body.spec.outbound_traffic_policy
    own = namespaces(mesh, sidecar)
    if policy is None or not own:
        return
    if policy.egress_proxy:
        yield Hit(
            sidecar.at("spec", "outboundTrafficPolicy", "egressProxy"),
            f"fails open: unknown destinations of {reach.listed(own)} no longer go through {policy.egress_proxy.host} but"
            " straight out",
            case="egress-proxy",
        )
    if policy.mode == "REGISTRY_ONLY":
        place = sidecar.at("spec", "outboundTrafficPolicy")
        opened = [each for each in own if egress.closing(mesh, each) is None]
        if opened:
            message = f"fails open: ztunnel ignores REGISTRY_ONLY, pods of {reach.listed(opened)} reach any destination"
            yield Hit(place, message, case="open")
        else:
            message = f"ztunnel ignores REGISTRY_ONLY; NetworkPolicies close the egress of {reach.listed(own)} by address"
            yield Hit(place, message, case="closed")
