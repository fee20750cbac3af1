"""Where an egress gateway sends on what sidecars send to it: its rules, as if it were the client."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from msgspec.structs import replace

from ambimigrate.kinds import IstioGateway, ServiceEntry, VirtualService
from ambimigrate.model import Mesh, Resource
from ambimigrate.semantics import registry
from ambimigrate.semantics.decision import Client, Decision, Outcome
from ambimigrate.topology import injection
from ambimigrate.topology.workloads import Workload, matches, workloads
from ambimigrate.verify.values import Place

_KINDS = ("http", "tcp", "tls")


def follow(mesh: Mesh, found: Decision, place: Place, decide: Callable[[Mesh, Client], Decision]) -> Decision:
    """The decision with what the gateway makes of it, for a host outside of the mesh."""
    entry = registry.entries(mesh).get(place.host)
    if entry is None or not isinstance(entry.owner.body, ServiceEntry):
        return found
    outcomes: list[tuple[float, Outcome]] = []
    for share, outcome in found.outcomes:
        gateway = _gateway(mesh, outcome)
        if gateway is None:
            outcomes.append((share, outcome))
            continue
        then = decide(mesh.once(_view, gateway, id(gateway)), Client(gateway.namespace, tuple(gateway.labels.items())))
        outcomes += [(share * part / 100, end) for part, end in then.outcomes]
    return replace(found, outcomes=tuple(outcomes))


def _gateway(mesh: Mesh, outcome: Outcome) -> Workload | None:
    for backend in outcome.backends:
        if found := mesh.index(_gateways).get(backend.rpartition(":")[0]):
            return found
    return None


def _gateways(mesh: Mesh) -> dict[str, Workload]:
    return {f"{each.namespace}/{each.name}": each for each in workloads(mesh) if injection.is_gateway(each)}


def _view(mesh: Mesh, gateway: Workload) -> Mesh:
    """The mesh with the rules for the gateway in place of those for clients."""
    others = [each for each in mesh.resources if not isinstance(each.body, VirtualService)]
    seen = [each for vs in mesh.of(VirtualService) for each in _of(mesh, vs, gateway)]
    return replace(mesh, resources=(*others, *seen), reads=None, _memo={})


def _of(mesh: Mesh, vs: Resource[VirtualService], gateway: Workload) -> Iterator[Resource[VirtualService]]:
    names = {each for each in vs.body.spec.gateways if _is_at(mesh, vs, each, gateway)}
    if names:
        rules = {kind: tuple(_rules(getattr(vs.body.spec, kind), names)) for kind in _KINDS}
        yield replace(vs, body=replace(vs.body, spec=replace(vs.body.spec, gateways=(), **rules)))


def _is_at(mesh: Mesh, vs: Resource[VirtualService], name: str, gateway: Workload) -> bool:
    space, _, plain = name.rpartition("/")
    found = mesh.find(IstioGateway, vs.namespace if space in {"", "."} else space, plain, vs.file)
    return found is not None and matches(found.body.spec.selector, gateway.labels)


def _rules(rules: tuple[Any, ...], names: set[str]) -> Iterator[Any]:
    """The rules for the gateway; its port is not the one that the client calls."""
    for rule in rules:
        own = [each for each in rule.match if not each.gateways or names.intersection(each.gateways)]
        if own or not rule.match:
            yield replace(rule, match=tuple(replace(each, gateways=(), port=None) for each in own))
