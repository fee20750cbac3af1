"""WP011: settings of a waypoint that take the labels off its pods which keep sidecars and ztunnel away."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ambimigrate.checks import rule
from ambimigrate.checks.pods import listed
from ambimigrate.kinds import ConfigMap, Gateway
from ambimigrate.model import Hit, Mesh, Resource, grouped
from ambimigrate.topology import injection, waypoints
from ambimigrate.topology.meshconfig import dig
from ambimigrate.yamlio import Document, Unreadable, values

_LABELS = ("spec", "template", "metadata", "labels")


@rule("WP011", ConfigMap)
def check(config: Resource[ConfigMap], mesh: Mesh) -> Iterator[Hit]:
    users = mesh.index(_users).get((config.namespace, config.name), ())
    labels = dig(_parsed(config.body.data.get("deployment", "")), _LABELS) if users else None
    if not isinstance(labels, dict):
        return
    names = f"waypoint {listed(each.name for each in users)}"
    if injection.injects(mesh, config.namespace) and _loses(labels, injection.INJECT, "false"):
        yield Hit(
            config.at("data", "deployment"),
            f"takes {injection.INJECT}=false off the pods of {names}: namespace {config.namespace} injects, so they get a "
            "sidecar and serve no traffic",
            "injected",
        )
    own = injection.labels(mesh, config.namespace)
    if own.get(injection.MODE) == injection.AMBIENT and _loses(labels, injection.MODE, "none"):
        yield Hit(
            config.at("data", "deployment"),
            f"takes {injection.MODE}=none off the pods of {names}: ztunnel captures them, and calls to the waypoint fail",
            "captured",
        )


def _loses(labels: dict[str, Any], name: str, wanted: str) -> bool:
    """Whether a strategic merge of these labels changes one that the waypoint's template sets (Istio, files/waypoint.yaml)."""
    if labels.get("$patch") in {"replace", "delete"}:
        return labels.get(name) != wanted
    return name in labels and str(labels[name]).lower() != wanted


def _users(mesh: Mesh) -> dict[tuple[str, str], tuple[Resource[Gateway], ...]]:
    """The waypoints that name a ConfigMap, by its namespace and name."""
    found = ((each, each.body.spec.infrastructure) for each in waypoints.waypoints(mesh))
    named = ((each, spec.parameters_ref) for each, spec in found if spec is not None)
    return grouped(((each.namespace, ref.name), each) for each, ref in named if ref is not None)


def _parsed(text: str) -> Any:
    try:
        return values(Document("", 0, 1, text)).value
    except Unreadable:
        return None
