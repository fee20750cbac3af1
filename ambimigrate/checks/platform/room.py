"""What the pods of a node leave of it, by their requests."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from functools import cache
from math import inf
from typing import Any

from ambimigrate.checks.quantities import number
from ambimigrate.kinds import DaemonSet, Node, Pod
from ambimigrate.kinds.pods import Container, PodSpec
from ambimigrate.model import Mesh

KINDS = ("cpu", "memory")
_ENDED = frozenset({"Succeeded", "Failed"})


def free(mesh: Mesh) -> Mapping[str, Mapping[str, float]]:
    """By node what is allocatable and not requested; nothing where pods were not read or ztunnel runs already."""
    return mesh.index(_free)


def _free(mesh: Mesh) -> Mapping[str, Mapping[str, float]]:
    if any(each.name == "ztunnel" for each in mesh.of(DaemonSet)):
        return {}
    used: dict[str, dict[str, float]] = defaultdict(lambda: dict.fromkeys(KINDS, 0.0))
    for pod in mesh.of(Pod):
        if pod.body.spec.node_name and pod.body.status.phase not in _ENDED:
            for key, amount in _requests(pod.body.spec):
                used[pod.body.spec.node_name][key] += amount
    nodes = (each for each in mesh.of(Node) if each.name in used)
    return {
        each.name: {key: _amount(each.body.status.allocatable.get(key)) - used[each.name][key] for key in KINDS}
        for each in nodes
    }


def _requests(spec: PodSpec) -> Iterator[tuple[str, float]]:
    """Of what runs together: containers, and init containers that are sidecars."""
    for each in (*spec.containers, *(one for one in spec.init_containers if one.restart_policy == "Always")):
        yield from _of_container(each)


def _of_container(container: Container) -> Iterator[tuple[str, float]]:
    asked = (container.resources or {}).get("requests")
    if isinstance(asked, dict):
        found = ((key, _amount(asked.get(key))) for key in KINDS)
        yield from ((key, amount) for key, amount in found if amount < inf)


def _amount(quantity: Any) -> float:
    return _known(str(quantity)) if quantity is not None else inf


@cache
def _known(quantity: str) -> float:
    return number(quantity)
