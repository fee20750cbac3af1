"""PC001: a ProxyConfig for pods that will have no proxy."""

from __future__ import annotations

from collections.abc import Iterator

from ambimigrate.checks import rule
from ambimigrate.kinds import ProxyConfig
from ambimigrate.model import Hit, Mesh, Resource
from ambimigrate.topology import ingress, injection, meshconfig, reach, waypoints


@rule("PC001", ProxyConfig)
def check(config: Resource[ProxyConfig], mesh: Mesh) -> Iterator[Hit]:
    spec = config.body.spec
    root = config.namespace == meshconfig.root_namespace(mesh)
    if not (reach.has_members(mesh) if root else injection.is_meshed(mesh, config.namespace)):
        return
    labels = spec.selector.match_labels if spec.selector else {}
    if ingress.is_selected(mesh, config.namespace, labels):
        return
    what = ", ".join(
        word
        for word, value in {
            "concurrency": spec.concurrency,
            "environmentVariables": spec.environment_variables,
            "image": spec.image,
        }.items()
        if value is not None and value != {}
    )
    if not what:
        return
    own = [each.name for each in waypoints.waypoints(mesh) if root or each.namespace == config.namespace]
    if labels:
        chosen = ", ".join(f"{key}={value}" for key, value in labels.items())
        yield Hit(config.at("spec", "selector"), f"{what} for pods {chosen} has no effect once they are ambient", case="pods")
    else:
        where = "every namespace" if root else config.namespace or "its namespace"
        then = f"waypoints {reach.listed(own)}" if own else "waypoints to come"
        message = f"{what} has no effect on ambient pods of {where}; {then} take it over"
        yield Hit(config.at("metadata", "name"), message, case="namespace")
