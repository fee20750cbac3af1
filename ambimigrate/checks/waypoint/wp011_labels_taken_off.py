"""WP011: settings of a waypoint that take the labels off its pods which keep sidecars and ztunnel away."""

from __future__ import annotations

from collections.abc import Iterator

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
    text = config.body.data.get("deployment", "") if users else ""
    if "labels" not in text:
        return
    names = f"waypoint {listed(each.name for each in users)}"
    if injection.injects(mesh, config.namespace) and _loses(text, injection.INJECT, "false"):
        yield Hit(
            config.at("data", "deployment"),
            f"takes {injection.INJECT}=false off the pods of {names}: namespace {config.namespace} injects, so they get a "
            "sidecar and serve no traffic",
            "injected",
        )
    own = injection.labels(mesh, config.namespace)
    if own.get(injection.MODE) == injection.AMBIENT and _loses(text, injection.MODE, "none"):
        yield Hit(
            config.at("data", "deployment"),
            f"takes {injection.MODE}=none off the pods of {names}: ztunnel captures them, and calls to the waypoint fail",
            "captured",
        )


def _loses(text: str, name: str, wanted: str) -> bool:
    """Whether a patch changes a label that the waypoint's template sets (Istio, files/waypoint.yaml); null takes it away."""
    document = Document("", 0, 1, text)
    try:
        labels = dig(values(document).value, _LABELS)
    except Unreadable:
        return False
    found = labels.get(name) if isinstance(labels, dict) else None
    return document.at((*_LABELS, name)).route == (*_LABELS, name) and (found is None or str(found) != wanted)


def _users(mesh: Mesh) -> dict[tuple[str, str], tuple[Resource[Gateway], ...]]:
    """The waypoints that name a ConfigMap, by its namespace and name."""
    found = ((each, each.body.spec.infrastructure) for each in waypoints.waypoints(mesh))
    named = ((each, spec.parameters_ref) for each, spec in found if spec is not None)
    return grouped(((each.namespace, ref.name), each) for each, ref in named if ref is not None)
