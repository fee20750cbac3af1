"""TE004: metric settings for the client's side, which waypoints leave out."""

from __future__ import annotations

from collections.abc import Iterator

from ambimigrate.checks import rule
from ambimigrate.kinds import Telemetry
from ambimigrate.model import Hit, Mesh, Resource
from ambimigrate.topology import ingress, injection, meshconfig, reach


@rule("TE004", Telemetry)
def check(telemetry: Resource[Telemetry], mesh: Mesh) -> Iterator[Hit]:
    spec = telemetry.body.spec
    root = telemetry.namespace == meshconfig.root_namespace(mesh)
    if not (reach.has_members(mesh) if root else injection.is_meshed(mesh, telemetry.namespace)):
        return
    if spec.selector and ingress.is_selected(mesh, telemetry.namespace, spec.selector.match_labels):
        return
    for number, metrics in enumerate(spec.metrics):
        for index, override in enumerate(metrics.overrides):
            if override.match and override.match.mode == "CLIENT":
                name = override.match.metric or override.match.custom_metric or "all metrics"
                yield Hit(
                    telemetry.at("spec", "metrics", number, "overrides", index, "match", "mode"),
                    f"mode CLIENT: waypoints use overrides for SERVER, so the change to {name} is lost",
                )
