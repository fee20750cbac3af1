"""WP005: a waypoint with one replica, or without a disruption budget."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ambimigrate import support
from ambimigrate.checks import rule
from ambimigrate.kinds import ConfigMap, Gateway, HorizontalPodAutoscaler, PodDisruptionBudget
from ambimigrate.model import Hit, Mesh, Resource
from ambimigrate.topology import meshconfig, policies, waypoints
from ambimigrate.yamlio import Document, Unreadable, values

DEFAULTS = "gateway.istio.io/defaults-for-class"  # 1.26+: a ConfigMap in the root namespace for all Gateways of a class


@rule("WP005", Gateway)
def check(gateway: Resource[Gateway], mesh: Mesh) -> Iterator[Hit]:
    if not waypoints.is_waypoint(gateway.body):
        return
    infrastructure = gateway.body.spec.infrastructure
    own = infrastructure.parameters_ref if infrastructure else None
    where = gateway.at("spec", "infrastructure", "parametersRef") if own else gateway.at("metadata", "name")
    if support.status("waypoint-parameters", "waypoint", mesh.target.istio) == "ignored":
        if own:
            yield Hit(
                where, f"Istio {mesh.target.istio} does not read parametersRef: the waypoint keeps one replica", "ignored"
            )
        return
    found = mesh.find(ConfigMap, gateway.namespace, own.name, gateway.file) if own else None
    if own and found is None and mesh.source != "files":
        return  # of a cluster few ConfigMaps are read: this one may well be there
    if own and found is None:
        yield Hit(where, f"there is no ConfigMap {gateway.namespace}/{own.name}: the waypoint is not made as asked", "missing")
        return
    texts = {**_defaults(mesh), **(found.body.data if found else {})}
    lacking = _lacking(texts, mesh, gateway)
    if lacking:
        names = "its Services" if not own else "all Services behind it"
        yield Hit(where, f"waypoint {gateway.name} has {lacking}: a drained node cuts {names} off until it is back", "default")


def _lacking(texts: dict[str, str], mesh: Mesh, gateway: Resource[Gateway]) -> str:
    replicas = meshconfig.dig(_parsed(texts.get("deployment", "")), ("spec", "replicas"))
    least = meshconfig.dig(_parsed(texts.get("horizontalPodAutoscaler", "")), ("spec", "minReplicas"))
    scaled = any(_scales(each, gateway) for each in mesh.within(HorizontalPodAutoscaler, gateway.namespace))
    several = scaled or max(replicas if isinstance(replicas, int) else 1, least if isinstance(least, int) else 1) > 1
    budget = "podDisruptionBudget" in texts or any(
        _covers(each, gateway) for each in mesh.within(PodDisruptionBudget, gateway.namespace)
    )
    said = [*(() if several else ("one replica",)), *(() if budget else ("no disruption budget",))]
    return " and ".join(said)


def _scales(scaler: Resource[HorizontalPodAutoscaler], gateway: Resource[Gateway]) -> bool:
    """Whether it keeps the waypoint's Deployment, which has the Gateway's name, at two pods or more."""
    spec = scaler.body.spec
    return spec.scale_target_ref.name == gateway.name and (spec.min_replicas or 1) > 1


def _covers(budget: Resource[PodDisruptionBudget], gateway: Resource[Gateway]) -> bool:
    selector = budget.body.spec.selector
    return selector is not None and any(selector.match_labels.get(each) == gateway.name for each in policies.GATEWAY_NAMES)


def _defaults(mesh: Mesh) -> dict[str, str]:
    for config in mesh.of(ConfigMap):
        if config.body.metadata.labels.get(DEFAULTS) == waypoints.CLASS:
            return config.body.data
    return {}


def _parsed(text: str) -> Any:
    try:
        return values(Document("", 0, 1, text)).value
    except Unreadable:
        return None
