"""The steps of a namespace's move: files, commands, and how to gate, verify and undo each of them."""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Iterator, Mapping
from itertools import chain
from operator import itemgetter

from msgspec import Struct

from ambimigrate.changes import Change, Create, Stage
from ambimigrate.converters import elsewhere, shared
from ambimigrate.converters.apply import after
from ambimigrate.model import Mesh, grouped
from ambimigrate.plan import deletions, live, ordering, restarts, showing, stages, triggers, undoing
from ambimigrate.plan.lines import remark
from ambimigrate.plan.outcomes import Around
from ambimigrate.plan.values import Step
from ambimigrate.topology import mtls, reach

_TITLES = {
    Stage.prepare: "Apply the neutral edits",
    Stage.waypoints: "Deploy the waypoints, used by nobody yet",
    Stage.policies: "Add the policies of the ambient side",
    Stage.bind: "Bind the Services to their waypoints",
    Stage.swap: "Replace the old selector policies",
    Stage.enroll: "Enrol: ambient label on, injection off, restart",
    Stage.retire: "Retire what sidecars needed",
    Stage.tighten: "Remove the temporary exceptions",
}
_APART = remark("two commits: what is new first; what is deleted once the gate holds, so that nothing is without both")
_COMMIT = remark("commit what it wrote, and let it be applied")
_MOST = 8  # names in a title


Numbered = Mapping[str, tuple[tuple[int, Change], ...]]


class Source(Struct, frozen=True):
    """Where the files are: the folders that were read, one a line, and the files that stand for several meshes.

    `options` are words that every command of `convert` needs to give what is said here.
    """

    path: str
    shared: frozenset[str] = frozenset()
    options: tuple[str, ...] = ()


class Work(Struct, frozen=True):
    """What the steps are made of."""

    mesh: Mesh
    changes: tuple[Change, ...]
    source: Source

    def steps(self, wanted: Iterable[Stage], namespaces: Iterable[str]) -> Iterator[Step]:
        """A step for each stage in which some file of the namespaces changes."""
        for stage in wanted:
            concerned = tuple(name for name in namespaces if self._of(stage, (name,)))
            if concerned:
                yield self.step(stage, concerned)

    def step(self, stage: Stage, namespaces: tuple[str, ...]) -> Step:
        """The step of one stage for these namespaces."""
        changes = self._of(stage, namespaces)
        by_hand = tuple(deletions.commands(self.mesh, changes)) if self.source.path else ()
        gate = (
            *showing.delivered(self.mesh, changes),
            *stages.gates(stage, self.mesh, changes, self._about(each.namespace for each in changes)),
            *showing.objects(changes),
            *deletions.gates(self.mesh, changes),
            *ordering.gates(self.mesh, changes),
        )
        concerned = sorted({each.namespace for each in changes}) or namespaces
        return Step(
            f"{_TITLES[stage]}: {reach.listed(concerned, _MOST)}",
            stage,
            self._files(changes),
            (*self._convert(stage, namespaces), *by_hand),
            gate or (remark("the change is applied"),),
            self._verify(stage, changes, namespaces),
            tuple(undoing.lines(self.mesh, changes, live=not self.source.path)),
            triggers=triggers.of_stage(stage, namespaces, strict=False),
            unenforced=stages.unenforced(stage, self.mesh, namespaces, changes),
            changes=changes,
            namespaces=namespaces,
        )

    def enroll(self, namespaces: tuple[str, ...]) -> Step:
        """The window in which the namespaces become ambient."""
        changes = self._of(Stage.enroll, namespaces)
        is_live = not self.source.path
        commands = (
            *chain.from_iterable(restarts.before(self.mesh, name) for name in namespaces),
            *self._convert(Stage.enroll, namespaces),
            *chain.from_iterable(restarts.commands(self.mesh, name) for name in namespaces),
        )
        gate = (
            *showing.delivered(self.mesh, changes),
            *showing.objects(changes),
            *chain.from_iterable(restarts.gates(self.mesh, name) for name in namespaces),
        )
        return Step(
            f"{_TITLES[Stage.enroll]}: {reach.listed(namespaces, _MOST)}",
            Stage.enroll if changes else None,
            self._files(changes),
            commands or (remark("nothing is restarted: the pods of gateways keep their proxies"),),
            gate,
            self._verify(Stage.enroll, changes, namespaces),
            tuple(undoing.of_enrolling(self.mesh, changes, namespaces, live=is_live)),
            triggers=triggers.of_stage(Stage.enroll, namespaces, strict=any(self._is_strict(name) for name in namespaces)),
            unenforced=stages.unenforced(Stage.enroll, self.mesh, namespaces, changes),
            changes=changes,
            enrolls=namespaces,
            namespaces=namespaces,
        )

    def around(self, staying: frozenset[str] = frozenset()) -> Around:
        """The mesh before and after all changes; `staying` namespaces keep their sidecars."""
        known = self.mesh.index(_ends)
        if id(self.changes) not in known:
            known[id(self.changes)] = (self.changes, after(self.mesh, self.changes))
        return Around(self.mesh, known[id(self.changes)][1], staying)

    def _is_strict(self, namespace: str) -> bool:
        return mtls.of_namespace(self.mesh, namespace) == mtls.STRICT

    def _verify(self, stage: Stage, changes: tuple[Change, ...], namespaces: tuple[str, ...]) -> tuple[str, ...]:
        """The calls for each policy that the step touches, else what to look at."""
        found = stages.touched(self.mesh, stage, changes, namespaces) if stage > Stage.waypoints else ()
        lines = tuple(stages.checks(self.around(), found)) if found else ()
        lines = (*showing.gone(changes), *lines)
        return lines or (remark("requests, errors and latency are as in the baseline, as the triggers show"),)

    def _of(self, stage: Stage, namespaces: tuple[str, ...]) -> tuple[Change, ...]:
        return tuple(each for each in self._about(namespaces) if each.stage is stage)

    def _about(self, namespaces: Iterable[str]) -> Iterator[Change]:
        """The changes of these namespaces, in their order."""
        known = self.mesh.index(_by_namespace)
        if id(self.changes) not in known:
            numbered = ((each.namespace, (number, each)) for number, each in enumerate(self.changes))
            known[id(self.changes)] = (self.changes, grouped(numbered))
        found = (pair for name in set(namespaces) for pair in known[id(self.changes)][1].get(name, ()))
        return (each for _, each in sorted(found, key=itemgetter(0)))

    def _files(self, changes: Iterable[Change]) -> tuple[str, ...]:
        return tuple(sorted({_place(change) for change in changes if not elsewhere.command(change)}))

    def _convert(self, stage: Stage, namespaces: tuple[str, ...]) -> tuple[str, ...]:
        changes = self._of(stage, namespaces)
        if not changes:
            return ()
        if not self.source.path:
            direct = (command for change in changes for command in live.commands(change))
            return (*undoing.backups(changes), *direct)
        labels = tuple(line for change in changes if (line := elsewhere.command(change)))
        written = tuple(change for change in changes if not elsewhere.command(change))
        if not written:
            return labels
        paths = self._paths(written)
        commands = tuple(self._command(path, stage, _known(path, paths, namespaces, written), written) for path in paths)
        is_both = {"create", "delete"} <= {change.verb for change in written}
        return (*commands, _APART if is_both else _COMMIT, *labels)

    def _paths(self, changes: tuple[Change, ...]) -> tuple[str, ...]:
        """The folders among those that were read in which files change; `convert` takes one."""
        every = tuple(self.source.path.split("\n"))
        return tuple(path for path in every if any(_is_inside(each, path) for each in changes)) or every[:1]

    def _command(self, path: str, stage: Stage, namespaces: tuple[str, ...], changes: tuple[Change, ...]) -> str:
        alone = self.mesh.name and self.source.shared.isdisjoint(_file(change) for change in changes if not change.alone)
        words = ["ambimigrate", "convert", path]
        words += ["--mesh", self.mesh.name] if alone else []  # a file of several meshes changes for all of them at once
        words += [
            *self.source.options,
            "--stage",
            stage.name,
            *(word for name in namespaces for word in ("--only", name)),
            "--write",
        ]
        return shlex.join(words)


def _is_inside(change: Change, path: str) -> bool:
    return f"{_file(change)}/".startswith(f"{path.rstrip('/')}/")


def _known(path: str, paths: tuple[str, ...], names: tuple[str, ...], changes: tuple[Change, ...]) -> tuple[str, ...]:
    """The namespaces that change in one of several folders: it may not know the others."""
    if len(paths) == 1:
        return names
    own = {each.namespace for each in changes if _is_inside(each, path)}
    return tuple(each for each in names if each in own)


def _ends(_mesh: Mesh) -> dict[int, tuple[tuple[Change, ...], Mesh]]:
    return {}


def _by_namespace(_mesh: Mesh) -> dict[int, tuple[tuple[Change, ...], Numbered]]:
    return {}


def _file(change: Change) -> str:
    return change.action.beside.file if isinstance(change.action, Create) else change.subject.file if change.subject else ""


def _place(change: Change) -> str:
    if isinstance(change.action, Create):
        return f"{shared.beside(change)} (new {change.ref} beside it)"
    return ", ".join(shared.files(change)) if change.subject else str(change.ref)
