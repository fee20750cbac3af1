"""Deletions: whether whoever applies the files also takes away what is gone from them, and the commands where nobody does."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from ambimigrate.changes import Change
from ambimigrate.checks.controllers import argocd
from ambimigrate.converters.gateways.binding import groups
from ambimigrate.converters.outcome import written
from ambimigrate.kinds import FluxKustomization, IstioGateway, VirtualService
from ambimigrate.model import Mesh, Resource
from ambimigrate.plan.lines import kind, kubectl, told
from ambimigrate.topology.meshconfig import dig

_OPTIONS = "argocd.argoproj.io/sync-options"
_GATEWAYS = 'jsonpath={range .items[*]}{.metadata.namespace}/{.metadata.name}: {.spec.gateways}{"\\n"}{end}'
_FLUX = "kustomize.toolkit.fluxcd.io/prune"  # "disabled" on an object


def commands(mesh: Mesh, changes: Iterable[Change]) -> Iterator[str]:
    """What deletes the objects that go and that nothing prunes."""
    for each in _gone(changes):
        reason = unpruned(mesh, each)
        if reason:
            yield told(kubectl(each.namespace, "delete", kind(each.ref), each.name), f"once the gate holds; {reason}")


def gates(mesh: Mesh, changes: Iterable[Change]) -> Iterator[str]:
    """What has to be so before the objects go, or for them to be gone."""
    gone = tuple(_gone(changes))
    if any(unpruned(mesh, each) for each in gone):
        yield "what replaces them is applied and accepted before the deletions are done by hand"
    for each in gone:
        yield from _bound(mesh, each)
        if "PruneLast=true" in _options(each) or any(_prunes_last(one) for one in argocd.applications(mesh, each)):
            yield f"{each.ref} is pruned last: it goes once everything else of its sync is healthy"
        if "Prune=confirm" in _options(each):
            yield f"{each.ref} says Prune=confirm: it goes once somebody confirms that in Argo CD"
        if finalizers := (written(each).get("metadata") or {}).get("finalizers"):
            yield f"{each.ref} has finalizers ({', '.join(map(str, finalizers))}): it is gone when their controllers let it go"


def _bound(mesh: Mesh, resource: Resource[Any]) -> Iterator[str]:
    """That nobody names an Istio Gateway which goes but VirtualServices that are converted with it."""
    if not isinstance(resource.body, IstioGateway) or mesh.is_whole(VirtualService, ""):
        return
    for group in (each for each in groups(mesh) if resource in each.gateways):
        said = " ".join(f"{each.namespace}/{each.name}" for each in group.services) or "none"
        command = kubectl("", "get", "virtualservices.networking.istio.io", "-A", "-o", _GATEWAYS)
        yield told(command, f"those with {resource.namespace}/{resource.name} behind them: {said}; no other")


def unpruned(mesh: Mesh, resource: Resource[Any]) -> str:
    """Why nothing takes the object away when its text is gone; empty if something does."""
    metadata = resource.body.metadata
    if "Prune=false" in _options(resource):
        return f"its annotation {_OPTIONS} says Prune=false"
    if "disabled" in {metadata.labels.get(_FLUX), metadata.annotations.get(_FLUX)}:
        return f"it says {_FLUX}: disabled"
    owners = tuple(argocd.applications(mesh, resource))
    flux = tuple(each for each in mesh.of(FluxKustomization) if applies(each, resource))
    if any(_prunes(each) for each in owners) or any(each.body.spec.prune for each in flux):
        return ""
    named = next((f"{each.kind} {each.name} does not prune" for each in (*owners, *flux)), "")
    return named or "nothing in the input says that it is pruned"


def _gone(changes: Iterable[Change]) -> Iterator[Resource[Any]]:
    for change in changes:
        if change.action is None and change.subject is not None:
            yield change.subject


def _options(resource: Resource[Any]) -> list[str]:
    return [each.strip() for each in resource.body.metadata.annotations.get(_OPTIONS, "").split(",")]


def _prunes(application: Resource[Any]) -> bool:
    return argocd.is_automated(application) and dig(application.body.spec.sync_policy or {}, ("automated", "prune")) is True


def _prunes_last(application: Resource[Any]) -> bool:
    options = (application.body.spec.sync_policy or {}).get("syncOptions")
    return isinstance(options, list) and "PruneLast=true" in options


def applies(flux: Resource[FluxKustomization], resource: Resource[Any]) -> bool:
    """Whether the path of a Kustomization of Flux holds the file, or one of the overlays that change the object."""
    path = flux.body.spec.path.strip("./")
    files = (resource.file, *(level.file for level in resource.levels))
    return not path or any(f"/{path}/" in f"/{file}" for file in files)
