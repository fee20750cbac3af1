"""In which order namespaces become ambient: clients before servers with L7 rules, circles together."""

from __future__ import annotations

from collections.abc import Iterable

from msgspec import Struct

from ambimigrate.model import Mesh
from ambimigrate.topology import injection
from ambimigrate.topology.callgraph import calls
from ambimigrate.topology.circles import groups


class Order(Struct, frozen=True):
    """Waves of namespaces, the circles among them, and who calls whom."""

    waves: tuple[tuple[str, ...], ...]
    cycles: tuple[tuple[str, ...], ...]
    edges: frozenset[tuple[str, str]]  # (caller, callee)

    def called_from(self, namespaces: Iterable[str]) -> set[str]:
        """The namespaces themselves and all that they call, held ones left out."""
        own = set(namespaces)
        moving = {name for wave in self.waves for name in wave}
        return (own | {callee for caller, callee in self.edges if caller in own}) & moving


def order(mesh: Mesh, held: frozenset[str]) -> Order:
    """The order for the namespaces of the mesh that have sidecars and are not held. Deterministic.

    Sidecars bypass waypoints (Istio, endpoint_builder.go `findServiceWaypoint`), so a server moves with or after its callers;
    what nobody is seen to call moves as early as its own calls allow.
    """
    moving = [name for name in injection.namespaces(mesh) if name not in held and _moves(mesh, name)]
    edges = frozenset((call.caller, call.callee) for call in calls(mesh))
    found = groups(moving, ((callee, caller) for caller, callee in edges))  # callers first
    level: dict[str, int] = {}
    for group in found:
        above = [level[caller] for caller, callee in edges if callee in group and caller in level and caller not in group]
        for name in group:
            level[name] = max(above, default=-1) + 1
    depth = max(level.values(), default=-1) + 1
    waves = tuple(tuple(sorted(name for name in level if level[name] == number)) for number in range(depth))
    return Order(waves, tuple(group for group in found if len(group) > 1), edges)


def _moves(mesh: Mesh, name: str) -> bool:
    return not injection.is_system(mesh, name) and injection.mode(mesh, name) in {injection.SIDECAR, injection.MIXED}
