"""EF001: an EnvoyFilter on application pods, where no Envoy is left."""

from __future__ import annotations

from collections.abc import Iterator

from ambimigrate import support
from ambimigrate.checks import rule
from ambimigrate.checks.envoyfilter import shapes
from ambimigrate.kinds import EnvoyFilter
from ambimigrate.model import Hit, Mesh, Resource
from ambimigrate.topology import policies, waypoints

OPEN = {"rate-limit", "ext-authz", "jwt", "rbac"}
# what replaces it runs there
AT_WAYPOINT = {"ext-authz", "jwt", "rbac", "lua", "lua-old", "wasm", "headers", "cors", "grpc-web"}


@rule("EF001", EnvoyFilter)
def check(envoy: Resource[EnvoyFilter], mesh: Mesh) -> Iterator[Hit]:
    scope = policies.scope(mesh, envoy)
    if not scope.concerns or shapes.is_istios(envoy) or _still_runs(mesh, envoy, scope):
        return
    patches = [(n, each) for n, each in enumerate(envoy.body.spec.config_patches) if shapes.of_sidecars(each)]
    own = [(number, each) for number, each in patches if not shapes.is_new_cluster(each)]
    found: dict[str, tuple[int, shapes.Shape]] = {}
    for number, patch in own or patches:
        shape = shapes.shape(patch)
        found.setdefault(shape.case, (number, shape))
    for case, (number, shape) in found.items():
        if case == "lua" and support.status("traffic-extension", "waypoint", mesh.target.istio) == "unsupported":
            case = "lua-old"
        message = f"lost without a sidecar for {scope.words}: {shape.words}; ztunnel is no Envoy"
        if scope.form == policies.SELECTOR or support.status("envoy-filter", "waypoint", mesh.target.istio) == "alpha":
            message += ", and waypoints ignore this filter"
        opens = "fails open: " if case in OPEN else ""
        services = policies.needing(scope.services) if case in AT_WAYPOINT else ()
        yield Hit(envoy.at("spec", "configPatches", number), opens + message, case, services)


def _still_runs(mesh: Mesh, envoy: Resource[EnvoyFilter], scope: policies.Scope) -> bool:
    """Whether waypoints take the filter, as up to 1.26 those of its namespace do, for every Service that it concerns."""
    if scope.form == policies.SELECTOR or support.status("envoy-filter", "waypoint", mesh.target.istio) == "alpha":
        return False
    inbound = all(shapes.context(each) in shapes.INBOUND for each in envoy.body.spec.config_patches)
    found = [waypoints.binding(mesh, each) for each in scope.services]
    near = (each and not each.fault and (scope.form == policies.ROOT or each.namespace == envoy.namespace) for each in found)
    return bool(found) and inbound and all(near)
