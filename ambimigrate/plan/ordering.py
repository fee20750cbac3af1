"""What Argo CD and Flux order by themselves within one sync, which is no gate between the stages of a plan."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import pairwise
from typing import Any

from ambimigrate.changes import Change
from ambimigrate.checks.controllers import argocd
from ambimigrate.converters import shared
from ambimigrate.kinds import FluxKustomization
from ambimigrate.kinds.delivery import WAVE
from ambimigrate.model import Mesh, Resource
from ambimigrate.plan import deletions


def gates(mesh: Mesh, changes: Iterable[Change]) -> Iterator[str]:
    """In which order the changes of a step arrive, and that the next step waits for more than that."""
    changes = tuple(changes)
    kept = [each for each in changes if each.action is not None and _has_wave(shared.anchor(each))]
    if kept:
        named = sorted({argocd.wave(shared.anchor(each)) for each in kept})
        yield (
            f"sync {'waves' if len(named) > 1 else 'wave'} {', '.join(map(str, named))} "
            f"{'order' if len(named) > 1 else 'orders'} one sync of Argo CD, lowest first: no gate between stages, "
            "so the next step is its own commit"
        )
    gone = sorted({(-argocd.wave(shared.anchor(each)), each.ref) for each in changes if each.action is None})
    for (first, one), (second, other) in pairwise(gone):
        if first != second:
            yield f"{one} (sync wave {-first}) is pruned before {other} ({-second}): Argo CD prunes the highest wave first"
    yield from dict.fromkeys(line for each in changes for line in _waiting(mesh, each))


def _has_wave(resource: Resource[Any]) -> bool:
    return WAVE in resource.body.metadata.annotations


def _waiting(mesh: Mesh, change: Change) -> Iterator[str]:
    """What Flux waits for before it applies the change."""
    resource = shared.anchor(change)
    for flux in mesh.of(FluxKustomization):
        if flux.body.spec.depends_on and deletions.applies(flux, resource):
            names = ", ".join(str(each.get("name")) for each in flux.body.spec.depends_on)
            yield f"Flux applies Kustomization {flux.name} once {names} {'are' if ', ' in names else 'is'} ready (dependsOn)"
