"""From changes to ordered steps: waves of namespaces, clients before the servers that need a waypoint."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from functools import partial

from msgspec import Struct

from ambimigrate.changes import Change, Held, Stage
from ambimigrate.convert import Conversion
from ambimigrate.model import Mesh, Position, Ref
from ambimigrate.plan import gateways, install, proof, remarks, steps
from ambimigrate.plan.feasible import is_possible
from ambimigrate.plan.graph import graph, incoming
from ambimigrate.plan.order import Asked, Order, bound, order
from ambimigrate.plan.staged import Staged
from ambimigrate.plan.steps import Source
from ambimigrate.plan.values import Gap, Graph, HeldBack, Plan, Step, Wave, numbered
from ambimigrate.plan.wishes import NONE, Wishes
from ambimigrate.topology import injection, reach
from ambimigrate.traffic import Traffic

_AHEAD = (Stage.waypoints, Stage.policies, Stage.bind)
_MOST = 8  # names in a title


class Wanted(Struct, frozen=True):
    """What a plan is to be like: its meshes, the path that `convert` is called with (empty for a cluster), wishes, traffic."""

    chosen: tuple[str, ...]
    path: str = ""
    wishes: Wishes = NONE
    traffic: Traffic | None = None
    measured: str = ""  # the file of the traffic
    options: tuple[str, ...] = ()  # that `convert` needs to give the same


def plans(meshes: tuple[Mesh, ...], found: Staged, wanted: Wanted) -> Plan:
    """The plans of the chosen meshes as one. Raises Contradiction for wishes that cannot be met."""
    mine = tuple(mesh for mesh in meshes if mesh.name in wanted.chosen)
    wanted.wishes.check(name for mesh in mine for name in injection.namespaces(mesh))
    held = _held(found.conversion, wanted.wishes)
    source = Source(wanted.path, _shared(meshes), wanted.options)
    made = [plan(mesh, found.changes, held[mesh.name], source, wanted) for mesh in mine]
    return Plan(
        tuple(wave for each in made for wave in each.waves),
        tuple(left for each in made for left in each.held),
        tuple(dict.fromkeys(cycle for each in made for cycle in each.cycles)),
        tuple(one for each in made for one in each.graphs),
        tuple(
            f"[{mesh.name}] {order}" if len(mine) > 1 else order
            for mesh, each in zip(mine, made, strict=True)
            for order in each.orders
        ),
        notes=tuple(dict.fromkeys(note for each in made for note in each.notes)),
    )


def excluding(mesh: Mesh, wishes: Wishes) -> Iterator[Held]:
    """What holds the namespaces that the configuration leaves out: whoever depends on them is held as for any hold."""
    known = injection.namespaces(mesh)
    for each in wishes.exclude:
        if each.namespace in known:
            file, _, line = each.place.rpartition(":")
            place = Position(file, int(line) if line.isdigit() else None, None)
            yield Held(mesh.name, each.namespace, Ref("Namespace", "", "", each.namespace), place, remarks.EXCLUDED)


def _held(conversion: Conversion, wishes: Wishes) -> Mapping[str, dict[str, tuple[str, ...]]]:
    """The reasons of the held namespaces, by mesh."""
    found: dict[str, dict[str, tuple[str, ...]]] = defaultdict(dict)
    excluded = {each.namespace for each in wishes.exclude}
    for (mesh, namespace), reasons in (conversion.holding or {}).items():
        said = dict.fromkeys(map(_reason, reasons))
        found[mesh][namespace] = (remarks.EXCLUDED,) if namespace in excluded else tuple(said)
    return found


def _reason(held: Held) -> str:
    return f"{', '.join(held.because)} {held.ref}: {held.reason}".strip()


def _shared(meshes: tuple[Mesh, ...]) -> frozenset[str]:
    """The files that stand for objects of several meshes."""
    uses: dict[str, set[str]] = defaultdict(set)
    for mesh in meshes:
        for resource in mesh.resources:
            uses[resource.file].add(mesh.name)
    return frozenset(file for file, names in uses.items() if len(names) > 1)


def plan(mesh: Mesh, changes: Iterable[Change], held: Mapping[str, tuple[str, ...]], source: Source, wanted: Wanted) -> Plan:
    """The plan of one mesh. `held` gives the reasons per namespace."""
    mine = tuple(change for change in changes if change.mesh == mesh.name)
    work = steps.Work(mesh, mine, source)
    before = tuple(each for each in _before(work) if each[2])
    calls = graph(mesh, wanted.traffic, wanted.measured)
    judged = frozenset((*bound(mesh), *(each.namespace for each in mine if each.stage in {*_AHEAD, Stage.swap})))
    asked = Asked(calls, judged, wanted.wishes, incoming(wanted.traffic), len(before) + 1)
    ordered = order(mesh, held, asked)
    late = gateways.late(mesh, mine, ordered.waves)
    apart = {id(each) for each in late}
    others = tuple(each for each in mine if id(each) not in apart)
    drafts = tuple(_waves(steps.Work(mesh, others, source), ordered))
    drafts += ((gateways.TITLE, (), tuple(gateways.wave(mesh, late, source))),) if late else ()
    installed = before if drafts else tuple(each for each in before if any(one.stage for one in each[2]))  # for whom else?
    waves = tuple(
        Wave(number, mesh.name, title, namespaces, tuple(numbered(made, number)))
        for number, (title, namespaces, made) in enumerate((*installed, *drafts), 1)
    )
    waves, orders = proof.proven(mesh, waves, work.enroll, partial(is_possible, ordered, judged))
    left = tuple(HeldBack(mesh.name, name, because) for name, because in sorted(held.items()))
    notes = tuple(remarks.remarks(mesh, ordered, asked, held, wanted.traffic))
    return Plan(waves, left, ordered.cycles, (calls,), orders, notes)


Draft = tuple[str, tuple[str, ...], tuple[Step, ...]]


def _before(work: steps.Work) -> Iterator[Draft]:
    """What comes before the first namespace moves: neutral edits, then the installation."""
    neutral = tuple(sorted({change.namespace for change in work.changes if change.stage is Stage.prepare}))
    if neutral:
        yield "Prepare: edits that change nothing for sidecars", (), (work.step(Stage.prepare, neutral),)
    yield "Install ambient mode beside the sidecars", (), tuple(install.steps(work.mesh))


def _waves(work: steps.Work, ordered: Order) -> Iterator[Draft]:
    """Namespaces in order; before the first caller of a Service becomes ambient, its waypoint is there and bound."""
    concerned = {stage: frozenset(each.namespace for each in work.changes if each.stage is stage) for stage in Stage}
    unready = set().union(*(concerned[stage] for stage in _AHEAD))
    for namespaces in ordered.waves:
        targets = ordered.ahead(namespaces, unready)
        unready.difference_update(targets)
        # A command names all that go together: alone, each would be held for the others, whose sidecars are left.
        made = [
            *(work.step(each, targets) for each in _AHEAD if not concerned[each].isdisjoint(targets)),
            *(work.step(each, namespaces) for each in (Stage.swap,) if not concerned[each].isdisjoint(namespaces)),
            work.enroll(namespaces),
            *(
                work.step(each, namespaces)
                for each in (Stage.retire, Stage.tighten)
                if not concerned[each].isdisjoint(namespaces)
            ),
        ]
        yield f"Move {reach.listed((name or 'the unnamed namespace' for name in namespaces), _MOST)}", namespaces, tuple(made)
    left = tuple(_rest(work, concerned, unready, frozenset(each for wave in ordered.waves for each in wave)))
    if left:
        yield "Finish the namespaces that are ambient already", (), left


def _rest(
    work: steps.Work, concerned: Mapping[Stage, frozenset[str]], unready: set[str], moving: frozenset[str]
) -> Iterator[Step]:
    """What is left to do where no pod moves."""
    for stage in (each for each in Stage if each is not Stage.prepare):
        names = tuple(sorted(concerned[stage] & unready if stage in _AHEAD else concerned[stage] - moving))
        if names:
            yield work.enroll(names) if stage is Stage.enroll else work.step(stage, names)


__all__ = ["Gap", "Graph", "HeldBack", "Plan", "Step", "Wanted", "Wave", "excluding", "plan", "plans"]
