"""Istio Gateways in a plan: what hangs together changes by one command, once all its namespaces have moved."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from msgspec.structs import replace

from ambimigrate.changes import FROM, Change, Create, Stage
from ambimigrate.converters.gateways.binding import Group, groups
from ambimigrate.converters.gateways.whole import CONVERTED
from ambimigrate.model import Mesh
from ambimigrate.plan import steps
from ambimigrate.plan.values import Step

TITLE = "Turn Istio Gateways into Gateways of the Gateway API"
_TITLES = {
    Stage.retire: "Gateways and routes of the Gateway API, then without the Istio Gateways",
    Stage.tighten: "Delete the VirtualServices that nothing reads any more",
}
_OPEN = "nothing: the new listeners decide as the old servers, which go once these are programmed"

Name = tuple[str, str, str]  # kind, namespace and name


def late(mesh: Mesh, changes: Iterable[Change], waves: Iterable[tuple[str, ...]]) -> tuple[Change, ...]:
    """The changes of Gateways whose namespaces do not all move in one wave, nor stay all; but for what `prepare` makes."""
    units = [frozenset(each) for each in waves]
    moving = frozenset[str]().union(*units)
    return tuple(
        change
        for found in _together(mesh, changes)
        if (names := frozenset(each.namespace for each in found)) & moving and not any(names <= unit for unit in units)
        for change in found
    )


def wave(mesh: Mesh, found: tuple[Change, ...], source: steps.Source) -> Iterator[Step]:
    """The steps for them."""
    work, names = steps.Work(mesh, found, source), tuple(sorted({each.namespace for each in found}))
    for stage, title in _TITLES.items():
        if any(each.stage is stage for each in found):
            yield replace(work.step(stage, names), title=title, unenforced=_OPEN if stage is Stage.retire else "nothing")


def _together(mesh: Mesh, changes: Iterable[Change]) -> Iterator[tuple[Change, ...]]:
    """The changes of each group of Gateways."""
    own = tuple(each for each in changes if CONVERTED in each.because and each.stage > Stage.prepare)
    for names in map(_names, groups(mesh)) if own else ():
        if found := tuple(each for each in own if _source(each) in names):
            yield found


def _names(group: Group) -> frozenset[Name]:
    return frozenset((each.kind, each.namespace, each.name) for each in (*group.gateways, *group.services))


def _source(change: Change) -> Name:
    """What a change comes from: what goes, or what the annotation of a new object says."""
    if not isinstance(change.action, Create):
        return change.ref.kind, change.ref.namespace, change.ref.name
    said: Mapping[str, str] = change.action.value["metadata"]["annotations"]
    kind, *rest = said[FROM].split("/")
    if len(rest) > 1:
        return kind, rest[0], rest[1]
    beside = change.action.beside  # what says no namespace stands beside what it comes from
    return beside.kind, beside.namespace, beside.name


__all__ = ["TITLE", "late", "wave"]
