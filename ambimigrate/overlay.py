"""Files laid over a cluster: what will be once they are applied, what drifted, and what no file explains."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any

import msgspec
from msgspec.structs import replace

from ambimigrate.decode import Reading
from ambimigrate.model import Mesh, Resource

SHOWN = 10
_MADE_BY_THE_SERVER = frozenset({"creation_timestamp", "deletion_timestamp", "owner_references", "namespace", "generate_name"})
_OF_CLUSTERS = frozenset({"Node", "Pod", "Job", "ReplicaSet", "EndpointSlice", "APIService", "ServiceAccount"})


class NotOne(ValueError):
    """Why the files cannot be laid over a cluster."""


def overlaid(files: Reading, live: Reading, name: str = "") -> Reading:
    """The objects of the files in place of the live ones of the same name, all other live objects as they are.

    Of several meshes of the files the one of that name is laid over the cluster, and the others stay as they are.
    """
    chosen = [mesh for mesh in files.meshes if not name or mesh.name == name]
    if len(chosen) != 1 or len(live.meshes) != 1:
        names = ", ".join(mesh.name or "(without a name)" for mesh in files.meshes)
        raise NotOne(f"one mesh is laid over one cluster; the files have {names}: choose by --mesh")
    above, below = chosen[0], live.meshes[0]
    own = {each.ref: each for each in above.resources}
    resources = (*above.resources, *(each for each in below.resources if each.ref not in own))
    problems = (*above.problems, *below.problems)
    mesh = replace(below, name=above.name, resources=resources, problems=problems, source="both", reads=None, _memo={})
    meshes = tuple(mesh if each is above else each for each in files.meshes)
    counts = live.counts
    counts.files, counts.not_rendered = files.counts.files, files.counts.not_rendered
    problems = (*files.problems, *live.problems)
    notes = (*files.notes, *live.notes, *_drift(above, below), *_unexplained(own, below))
    return Reading(meshes, problems, counts, files.layout, notes, files.marked)


def _drift(above: Mesh, below: Mesh) -> Iterator[str]:
    """What the files say and the cluster does not: fields that only the cluster has are defaults, or of controllers."""
    live = {each.ref: each for each in below.resources}
    found = []
    for each in above.resources:
        if each.ref in live:
            differing = list(_differing(msgspec.to_builtins(each.body), msgspec.to_builtins(live[each.ref].body)))
            if differing:
                more = f" and {len(differing) - 1} more" if len(differing) > 1 else ""
                found.append(f"{each.ref} ({differing[0]}{more})")
    if found:
        yield f"Will change, or drifted: {_some(found)}."
    new = [str(each.ref) for each in above.resources if each.ref not in live and each.kind != "HelmValues"]
    if new:
        yield f"Not in the cluster yet: {_some(new)}."


def _differing(wanted: Any, found: Any, path: str = "") -> Iterator[str]:
    if isinstance(wanted, dict) and isinstance(found, dict):
        for key, value in wanted.items():
            if key not in _MADE_BY_THE_SERVER:
                yield from _differing(value, found.get(key), f"{path}.{key}" if path else key)
    elif isinstance(wanted, list | tuple) and isinstance(found, list | tuple) and len(wanted) == len(found):
        for number, (one, other) in enumerate(zip(wanted, found, strict=True)):
            yield from _differing(one, other, f"{path}[{number}]")
    elif wanted != found and not path.startswith("status"):
        yield path


def _unexplained(own: dict[Any, Resource[Any]], below: Mesh) -> Iterator[str]:
    """Live objects that no file has, by who made them."""
    makers: Counter[str] = Counter()
    for each in below.resources:
        if each.ref not in own and each.kind not in _OF_CLUSTERS:
            owners = each.body.metadata.owner_references
            makers[f"{owners[0].kind} {owners[0].name}" if owners else ""] += 1
    if makers:
        told = ", ".join(
            f"{number} of {name}" if name else f"{number} without one" for name, number in makers.most_common(SHOWN)
        )
        total = sum(makers.values())
        yield f"{total} live object{'s are' if total > 1 else ' is'} in no file, by owner: {told}."


def _some(names: list[str]) -> str:
    more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
    return ", ".join(sorted(names)[:SHOWN]) + more
