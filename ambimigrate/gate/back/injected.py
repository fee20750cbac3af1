"""NS801: a migrated namespace injects sidecars again."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ambimigrate.gate.back.compare import Found, Pair, State, gained, holder
from ambimigrate.model import Mesh, Resource, Route
from ambimigrate.topology import injection, meshconfig, owners


def check(pair: Pair) -> Iterator[Found]:
    yield from gained(pair, _states)


def _states(mesh: Mesh, spaces: frozenset[str]) -> Iterator[State]:
    for space in sorted(spaces):
        place = labels_of(mesh, space)
        if place and (asked := _label(mesh, space)):
            key, case = asked
            message = f"{key} injects sidecars into migrated namespace {space}: they win over ztunnel and go past waypoints"
            yield (space, case), Found(place[0], (*place[1], key), message, case)
    yield from _by_default(mesh, spaces)


def labels_of(mesh: Mesh, space: str) -> tuple[Resource[Any], Route] | None:
    """The object that sets the labels of a namespace, and where; None if neither it nor its Application was read."""
    if found := holder(mesh, space):
        return found, ("metadata", "labels")
    made_by = owners.owner(mesh, space)
    return (made_by.resource, made_by.route) if made_by else None


def _label(mesh: Mesh, space: str) -> tuple[str, str] | None:
    """The label that asks for sidecars, `istio-injection` before `istio.io/rev` (see injection.injects)."""
    own = injection.labels(mesh, space)
    if injection.INJECTION in own:
        return (injection.INJECTION, "label") if own[injection.INJECTION] == "enabled" else None
    return (injection.REVISION, "revision") if own.get(injection.REVISION) else None


def _by_default(mesh: Mesh, spaces: frozenset[str]) -> Iterator[State]:
    """The injector's setting for namespaces that say nothing (Istio, templates/mutatingwebhook.yaml)."""
    silent = [each for each in sorted(spaces) if labels_of(mesh, each) and not _says(mesh, each)]
    for found in meshconfig.helm_settings(mesh, "sidecarInjectorWebhook", "enableNamespacesByDefault"):
        if found.value is True and silent:
            message = f"injects sidecars into every namespace that says nothing, hence into migrated namespace {silent[0]}"
            yield ("default",), Found(found.resource, found.route, message, "default")


def _says(mesh: Mesh, space: str) -> bool:
    return not {injection.INJECTION, injection.REVISION}.isdisjoint(injection.labels(mesh, space))
