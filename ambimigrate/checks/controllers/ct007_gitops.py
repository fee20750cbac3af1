"""CT007: what Argo CD and Flux put back."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ambimigrate.checks import rule
from ambimigrate.kinds import Application, ApplicationSet, Namespace
from ambimigrate.kinds.delivery import ApplicationSpec
from ambimigrate.model import Hit, Mesh, Resource, Route
from ambimigrate.topology import injection
from ambimigrate.topology.meshconfig import dig

_TRACKING = "argocd.argoproj.io/tracking-id"
_FLUX = ("kustomize.toolkit.fluxcd.io/name", "helm.toolkit.fluxcd.io/name")
_LABELS = ("managedNamespaceMetadata", "labels")


@rule("CT007", Application, ApplicationSet, Namespace)
def check(resource: Resource[Any], mesh: Mesh) -> Iterator[Hit]:
    match resource.body:
        case Application() as body:
            yield from _of_application(resource, body.spec, ("spec",), mesh)
        case ApplicationSet() as body:
            yield from _of_application(resource, body.spec.template.spec, ("spec", "template", "spec"), mesh)
        case Namespace() as body if injection.is_meshed(mesh, resource.name):
            metadata = body.metadata
            who = (
                "Argo CD" if _TRACKING in metadata.annotations else next((key for key in _FLUX if key in metadata.labels), None)
            )
            if who is not None:
                who = "Flux" if who in _FLUX else who
                said = (
                    f"{who} manages namespace {resource.name}: labels set by kubectl are put back, and its pods leave the mesh"
                )
                yield Hit(resource.at("metadata"), said, "managed")


def _of_application(resource: Resource[Any], spec: ApplicationSpec, base: Route, mesh: Mesh) -> Iterator[Hit]:
    policy = spec.sync_policy or {}
    labels = dig(policy, _LABELS)
    space = spec.destination.namespace
    found = next((key for key in (injection.INJECTION, injection.REVISION) if isinstance(labels, dict) and key in labels), None)
    if found is not None and labels[found] != "disabled":
        yield Hit(
            resource.at(*base, "syncPolicy", *_LABELS, found),
            f"Argo CD sets {found} on namespace {space or 'of the destination'} from here: a change of the Namespace is undone",
            "labels",
        )
    elif dig(policy, ("automated", "selfHeal")) is True and _is_labelled(mesh, space):
        yield Hit(
            resource.at(*base, "syncPolicy", "automated", "selfHeal"),
            f"Argo CD heals what {resource.name} applies to {space}: labels and annotations set by kubectl are undone",
            "heals",
        )


def _is_labelled(mesh: Mesh, namespace: str) -> bool:
    """Whether the namespace of the mesh was read, and is not merely taken to be there."""
    known = injection.namespaces(mesh)
    return known.get(namespace) is not None and injection.is_meshed(mesh, namespace)
