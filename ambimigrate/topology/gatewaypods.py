"""Which pods run gateways, and by which labels Gateways of Istio select them."""

from __future__ import annotations

from collections.abc import Mapping

from ambimigrate.kinds import IstioGateway
from ambimigrate.model import Mesh, grouped
from ambimigrate.topology import injection
from ambimigrate.topology.workloads import in_namespace, matches, workloads


def members(mesh: Mesh) -> frozenset[int]:
    """The identities of the workloads that run gateways: by template or arguments, or since a Gateway selects them."""
    return mesh.index(_members)


def only(mesh: Mesh, namespace: str) -> bool:
    """Whether all pods of a namespace run gateways, which keep their proxies; not where there are none."""
    found = in_namespace(mesh, namespace)
    return bool(found) and all(id(each) in members(mesh) for each in found)


def _members(mesh: Mesh) -> frozenset[int]:
    chosen = grouped((next(iter(each.items())), each) for each in selectors(mesh))
    return frozenset(id(each) for each in workloads(mesh) if injection.is_gateway(each) or _is_chosen(chosen, each.labels))


def _is_chosen(chosen: Mapping[tuple[str, str], tuple[Mapping[str, str], ...]], labels: Mapping[str, str]) -> bool:
    """Whether any of the selectors, kept by the first of their pairs, means the labels."""
    return any(matches(one, labels) for pair in labels.items() for one in chosen.get(pair, ()))


def selectors(mesh: Mesh) -> tuple[Mapping[str, str], ...]:
    """The selectors of Istio's Gateways, each once; not those that select everything."""
    return mesh.index(_selectors)


def _selectors(mesh: Mesh) -> tuple[Mapping[str, str], ...]:
    found = (each.body.spec.selector for each in mesh.of(IstioGateway) if each.body.spec.selector)
    return tuple({tuple(sorted(each.items())): each for each in found}.values())
