"""What the pods of a node leave of it, by their requests."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
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
    alike: dict[tuple[int, int], dict[str, float]] = {}  # pods of a cluster share equal containers
    for pod in mesh.of(Pod):
        spec = pod.body.spec
        if spec.node_name and pod.body.status.phase not in _ENDED:
            key = id(spec.containers), id(spec.init_containers)
            if key not in alike:
                alike[key] = _requests(spec)
            for name, amount in alike[key].items():
                used[spec.node_name][name] += amount
    nodes = (each for each in mesh.of(Node) if each.name in used)
    return {
        each.name: {key: _amount(each.body.status.allocatable.get(key)) - used[each.name][key] for key in KINDS}
        for each in nodes
    }


def _requests(spec: PodSpec) -> dict[str, float]:
    """Of what runs together: containers, and init containers that are sidecars."""
    found = dict.fromkeys(KINDS, 0.0)
    for each in (*spec.containers, *(one for one in spec.init_containers if one.restart_policy == "Always")):
        for key, amount in _of_container(each):
            found[key] += amount
    return found


def _of_container(container: Container) -> Iterator[tuple[str, float]]:
    asked = (container.resources or {}).get("requests")
    if isinstance(asked, dict):
        found = ((key, _amount(asked.get(key))) for key in KINDS)
        yield from ((key, amount) for key, amount in found if amount < inf)


def _amount(quantity: Any) -> float:
    return number(quantity) if quantity is not None else inf
