"""EF003: targetRefs of an EnvoyFilter that reach no proxy."""

from __future__ import annotations

from collections.abc import Iterator

from ambimigrate import support
from ambimigrate.checks import rule
from ambimigrate.kinds import EnvoyFilter, TargetRef
from ambimigrate.model import Hit, Mesh, Resource
from ambimigrate.topology import attachment, policies


@rule("EF003", EnvoyFilter)
def check(envoy: Resource[EnvoyFilter], mesh: Mesh) -> Iterator[Hit]:
    for route, ref in policies.targets(envoy):
        found = _fault(mesh, envoy, ref)
        if found:
            yield Hit(envoy.at(*route), f"fails open: {found.words}, so no proxy gets this filter", found.case)


def _fault(mesh: Mesh, envoy: Resource[EnvoyFilter], ref: TargetRef) -> attachment.Fault | None:
    # push_context.go `getMatchedEnvoyFilters` matches without Services, through 1.31.
    if ref.kind in {"Service", "ServiceEntry"}:
        return attachment.Fault("service", f"istiod never matches EnvoyFilters with a {ref.kind}, here {ref.name}")
    if ref.kind == "GatewayClass" and support.status("envoy-filter-gateway-class", "waypoint", mesh.target.istio) != "alpha":
        return attachment.Fault("class", "EnvoyFilters name a GatewayClass only from 1.27.4 on")
    found = attachment.fault(mesh, envoy, ref)
    return found and found._replace(case="nobody")
