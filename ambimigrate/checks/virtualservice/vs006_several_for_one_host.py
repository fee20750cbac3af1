"""VS006: several VirtualServices for one host, of which a sidecar uses one and a waypoint all."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ambimigrate.checks import rule
from ambimigrate.kinds import VirtualService
from ambimigrate.model import Hit, Mesh, Resource
from ambimigrate.topology import hosts, reach
from ambimigrate.topology.virtualservices import has_rules, is_of_mesh


@rule("VS006", VirtualService)
def check(vs: Resource[VirtualService], mesh: Mesh) -> Iterator[Hit]:
    if not is_of_mesh(vs.body) or not has_rules(vs.body):
        return
    seen: set[str] = set()
    for number, host in enumerate(vs.body.spec.hosts):
        for target in reach.called(mesh, host, vs):
            before = _before(mesh, vs, target)
            if before is None or before.name in seen:
                continue
            seen.add(before.name)
            place = vs.at("spec", "hosts", number)
            if _is_exact(vs, target) != _is_exact(before, target):
                yield Hit(
                    place,
                    f"several VirtualServices for {target.name}, this and {before.ref}, one of them by a wildcard: a sidecar"
                    " prefers the exact host, the waypoint takes the oldest object alone",
                    case="wildcard",
                )
            yield Hit(
                place,
                f"several VirtualServices for {target.name}, this and {before.ref}: a sidecar uses the oldest alone (or the"
                " exact host), the waypoint joins them, so rules that are dead today come alive",
                case="joined",
                related=(before.at("metadata", "name"),),
            )


def _before(mesh: Mesh, vs: Resource[VirtualService], target: Resource[Any]) -> Resource[VirtualService] | None:
    """The first other one for the target that its waypoint reads; None for the first itself, so a pair is told once."""
    first = mesh.once(_first, target, reach.key(target))
    if first is None or not reach.is_read(mesh, vs.namespace, target) or reach.key(first) == reach.key(vs):
        return None
    if not vs.namespace and first.file != vs.file:  # alternatives of unknown namespaces, as collections of samples hold them
        return None
    return first


def _first(mesh: Mesh, target: Resource[Any]) -> Resource[VirtualService] | None:
    """The oldest VirtualService that the waypoint of a target reads."""
    every = (each for each in reach.mesh_virtual_services(mesh, target) if has_rules(each.body))
    return min((each for each in every if reach.is_read(mesh, each.namespace, target)), key=_age, default=None)


def _age(vs: Resource[VirtualService]) -> tuple[str, str, str]:
    """Oldest first as far as the input tells (Istio, pilot/pkg/model/virtualservice_controller.go)."""
    return vs.body.metadata.creation_timestamp or "", vs.name, vs.namespace


def _is_exact(vs: Resource[VirtualService], target: Resource[Any]) -> bool:
    names = {hosts.full_name(host, vs.namespace) for host in vs.body.spec.hosts}
    return not names.isdisjoint(reach.hostnames(target))
