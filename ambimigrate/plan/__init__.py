"""From changes to ordered steps: waves of namespaces, clients before the servers that need a waypoint."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping

from ambimigrate.changes import Change, Stage
from ambimigrate.convert import Conversion
from ambimigrate.model import Mesh
from ambimigrate.plan import install, steps
from ambimigrate.plan.order import Order, order
from ambimigrate.plan.steps import Source
from ambimigrate.plan.values import Gap, HeldBack, Plan, Step, Wave, numbered


def plans(meshes: tuple[Mesh, ...], conversion: Conversion, source: str, chosen: tuple[str, ...]) -> Plan:
    """The plans of the chosen meshes as one; `source` is the path that `convert` is called with, empty for a cluster."""
    held: dict[str, dict[str, tuple[str, ...]]] = defaultdict(dict)
    for (mesh, namespace), reasons in (conversion.holding or {}).items():
        held[mesh][namespace] = tuple(dict.fromkeys(f"{', '.join(each.because)} {each.ref}: {each.reason}" for each in reasons))
    changes = (*conversion.changes, *conversion.pending)
    shared = _shared(meshes)
    made = [plan(mesh, changes, held[mesh.name], Source(source, shared)) for mesh in meshes if mesh.name in chosen]
    return Plan(
        tuple(wave for each in made for wave in each.waves),
        tuple(left for each in made for left in each.held),
        tuple(dict.fromkeys(cycle for each in made for cycle in each.cycles)),
    )


def _shared(meshes: tuple[Mesh, ...]) -> frozenset[str]:
    """The files that stand for objects of several meshes."""
    uses: dict[str, set[str]] = defaultdict(set)
    for mesh in meshes:
        for resource in mesh.resources:
            uses[resource.file].add(mesh.name)
    return frozenset(file for file, names in uses.items() if len(names) > 1)


def plan(mesh: Mesh, changes: Iterable[Change], held: Mapping[str, tuple[str, ...]], source: Source) -> Plan:
    """The plan of one mesh. `held` gives the reasons per namespace."""
    mine = tuple(change for change in changes if change.mesh == mesh.name)
    ordered = order(mesh, frozenset(held))
    work = steps.Work(mesh, mine, source)
    waves: list[Wave] = []
    for title, namespaces, made in (*_before(work), *_waves(work, ordered)):
        number = len(waves) + 1
        named = tuple(numbered(made, number))
        if named:
            waves.append(Wave(number, mesh.name, title, namespaces, named))
    left = tuple(HeldBack(mesh.name, name, because) for name, because in sorted(held.items()))
    return Plan(tuple(waves), left, ordered.cycles)


Draft = tuple[str, tuple[str, ...], tuple[Step, ...]]


def _before(work: steps.Work) -> Iterable[Draft]:
    """What comes before the first namespace moves: neutral edits, then the installation."""
    neutral = tuple(sorted({change.namespace for change in work.changes if change.stage is Stage.prepare}))
    if neutral:
        yield "Prepare: edits that change nothing for sidecars", (), (work.step(Stage.prepare, neutral),)
    yield "Install ambient mode beside the sidecars", (), tuple(install.steps(work.mesh))


def _waves(work: steps.Work, ordered: Order) -> Iterable[Draft]:
    """Namespaces in order; before the first caller of a Service becomes ambient, its waypoint is there and bound."""
    ready: set[str] = set()
    for namespaces in ordered.waves:
        targets = tuple(sorted(ordered.called_from(namespaces) - ready))
        ready |= set(targets)
        made = [
            *work.steps((Stage.waypoints, Stage.policies, Stage.bind), targets),
            *work.steps((Stage.swap,), namespaces),
            work.enroll(namespaces),
            *work.steps((Stage.retire, Stage.tighten), namespaces),
        ]
        yield f"Move {', '.join(name or 'the unnamed namespace' for name in namespaces)}", namespaces, tuple(made)


__all__ = ["Gap", "HeldBack", "Plan", "Step", "Wave", "plan", "plans"]
