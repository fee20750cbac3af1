"""Files and cluster side by side: which steps are in the files and not applied yet, and the other way round."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain

from msgspec.structs import replace

from ambimigrate.status.steps import DONE, OPEN, UNSEEN
from ambimigrate.status.values import Drift, Next, Progress, Standing, Status

_APPLY = "# it is in the files: let it be applied"


def compared(live: Status, files: Status) -> Status:
    """The status of the cluster with the steps, without a plan the stages, in which the files are otherwise."""
    found = tuple(chain(_steps(live, files), () if live.steps else _stages(live, files)))
    ahead = {(each.mesh, each.id) for each in files.steps if each.state == DONE and each.stage}
    return replace(
        live,
        drift=(*live.drift, *found),
        next=_applied(live.next, ahead),
        namespaces=tuple(replace(each, next=_applied(each.next, ahead)) for each in live.namespaces),
    )


def _applied(found: Next | None, ahead: set[tuple[str, str]]) -> Next | None:
    """The step without its conversion, which the files have already."""
    if found is None or (found.mesh, found.id) not in ahead:
        return found
    rest = tuple(each for each in found.commands if not each.startswith(("ambimigrate convert", "#")))
    return replace(found, commands=(_APPLY, *rest))


def _steps(live: Status, files: Status) -> Iterator[Drift]:
    theirs = {(each.mesh, each.id): each for each in files.steps}
    for each in live.steps:
        other = theirs.get((each.mesh, each.id))
        if other and each.stage and UNSEEN not in {each.state, other.state}:
            yield from _step(each, other)


def _step(live: Progress, files: Progress) -> Iterator[Drift]:
    if files.state == DONE and live.state != DONE:
        how = "half applied" if live.state != OPEN else "not applied"
        yield Drift("files", f"step {live.id} ({live.stage}) is in the files, and {how} yet", live.mesh, "", live.id)
    elif live.state == DONE and files.state != DONE:
        text = f"step {live.id} ({live.stage}) is in the cluster and not in the files: the next sync may undo it"
        yield Drift("files", text, live.mesh, "", live.id)


def _stages(live: Status, files: Status) -> Iterator[Drift]:
    theirs: dict[tuple[str, str], Standing] = {(each.mesh, each.name): each for each in files.namespaces}
    for each in live.namespaces:
        other = theirs.get((each.mesh, each.name))
        if other and other.stage != each.stage:
            text = f"{each.name} is at {each.stage} in the cluster, and at {other.stage} in the files"
            yield Drift("files", text, each.mesh, each.name)
