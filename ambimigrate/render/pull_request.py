"""A conversion as words for reviewers: the Markdown of a pull request, and messages of commits."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import groupby

from msgspec import Struct

from ambimigrate.changes import Change, Held, Stage
from ambimigrate.plan.values import Step
from ambimigrate.render.markdown import code, escaped
from ambimigrate.render.plan_markdown import shown
from ambimigrate.render.style import counted, visible

_SAFE = {
    Stage.prepare: "The edits are neutral: sidecars decide as before.",
    Stage.waypoints: "Nothing uses the waypoints yet.",
    Stage.policies: "Sidecars ignore policies with targetRefs; no Service is bound to a waypoint by this.",
    Stage.bind: "Only ambient callers cross the waypoint, which carries out what the sidecars did.",
    Stage.swap: "The waypoint's policies are in force; what reaches the pods directly is still judged.",
    Stage.enroll: "Label and injection change in one window; pods move with their restart.",
    Stage.retire: "No sidecar is left that reads what goes; what replaces it is created first.",
    Stage.tighten: "The exceptions were for callers that have moved.",
}
_TWO = (
    "The deletions belong in a commit of their own: let what is new be applied first, and take away what it replaces "
    "once its checks hold."
)
_MOST = 200  # changes listed one by one


class Work(Struct, frozen=True):
    """What is told: the changes, what is held, and the steps of the plan that they belong to."""

    changes: tuple[Change, ...]
    held: tuple[Held, ...]
    steps: tuple[Step, ...]

    @property
    def stages(self) -> list[Stage]:
        """The stages of the changes, in order."""
        return sorted({each.stage for each in self.changes})

    @property
    def meshes(self) -> list[str]:
        """The environments of the changes that have a name."""
        return sorted({each.mesh for each in self.changes if each.mesh})

    @property
    def only_ends(self) -> bool:
        """Whether nothing but deletions is told of."""
        return all(each.action is None for each in self.changes)

    @property
    def is_in_two(self) -> bool:
        """Whether something goes that something else of it replaces."""
        return not self.only_ends and any(each.action is None for each in self.changes)

    @property
    def by_hand(self) -> list[str]:
        """The commands beside the change of files, such as restarts and deletions that nobody else makes."""
        lines = (line for step in self.steps for line in step.commands)
        return [line for line in lines if not line.startswith(("ambimigrate ", "#"))]

    @property
    def namespaces(self) -> list[str]:
        """The namespaces of the changes, by name."""
        return sorted({each.namespace for each in self.changes})


def message(work: Work) -> str:
    """What a commit says: what it does, its gate, and its undo."""
    return "\n".join(_message(work)) + "\n"


def _message(work: Work) -> Iterator[str]:
    stages = ", ".join(each.name for each in work.stages)
    names = ", ".join(work.namespaces)
    short = names if len(names) <= 40 else counted(len(work.namespaces), "namespace")
    where = f" in {', '.join(map(visible, work.meshes))}" if work.meshes else ""
    yield f"ambient: {stages} for {visible(short)}{where}{', deletions' if work.only_ends else ''}"
    yield ""
    listed = list(dict.fromkeys(f"- {each.verb} {visible(str(each.ref))}" for each in work.changes))
    yield from listed[:_MOST]
    if len(listed) > _MOST:
        yield f"- and {len(listed) - _MOST} more"
    gates = [line for step in work.steps for line in step.gate]
    undoing = [line for step in work.steps for line in step.undo]
    for title, lines in (("Gate", gates), ("By hand", work.by_hand), ("Undo", undoing)):
        found = list(dict.fromkeys(lines))
        if found:
            yield ""
            yield f"{title}:"
            yield from (f"  {shown(line)}" for line in found)


def body(work: Work) -> str:
    """The Markdown of a pull request."""
    return "\n".join(_body(work)).strip() + "\n"


def _body(work: Work) -> Iterator[str]:
    if not work.changes:
        yield "Nothing changes."
    else:
        where = f" of {_listed(work.meshes)}" if work.meshes else ""
        yield f"Moves {_listed(work.namespaces)}{where} on to ambient mode: {', '.join(each.name for each in work.stages)}."
        yield ""
        if work.is_in_two:
            yield _TWO
            yield ""
        yield from _changes(work.changes)
        yield from _safety(work)
        yield from _commands("By hand", work.by_hand)
        yield from _commands("How to check", (line for step in work.steps for line in (*step.gate, *step.verify)))
        yield from _commands("How to undo", (line for step in work.steps for line in step.undo))
    if work.held:
        yield from _held(work.held)


def _changes(changes: tuple[Change, ...]) -> Iterator[str]:
    yield "## What changes"
    yield ""
    for stage, members in groupby(sorted(changes, key=lambda each: each.stage), key=lambda each: each.stage):
        own = list(members)
        yield f"**{stage.name}**"
        yield ""
        yield "| | object | verdict | because |"
        yield "|---|---|---|---|"
        for each in own[:_MOST]:
            verdict = f"exact on Istio ≥ {each.since}" if each.since else each.verdict
            yield f"| {each.verb} | {code(str(each.ref))} | {verdict} | {', '.join(each.because)} |"
        if len(own) > _MOST:
            yield f"| | and {len(own) - _MOST} more | | |"
        yield ""


def _safety(work: Work) -> Iterator[str]:
    yield "## Why it is safe"
    yield ""
    yield from (f"- {stage.name}: {_SAFE[stage]}" for stage in work.stages)
    for change in work.changes:
        if change.verdict == "differs":
            agreed = f"differs, as was agreed ({', '.join(change.because)}): {code(change.witness or '')}"
            yield f"- {code(str(change.ref))} {agreed}"
    yield ""


def _commands(title: str, lines: Iterable[str]) -> Iterator[str]:
    found = list(dict.fromkeys(map(shown, lines)))
    if found:
        fence = "`" * (3 + max((line.count("`") for line in found), default=0))
        yield f"## {title}"
        yield ""
        yield f"{fence}sh"
        yield from found
        yield fence
        yield ""


def _held(held: tuple[Held, ...]) -> Iterator[str]:
    yield "## What is held"
    yield ""
    for each in held[:_MOST]:
        yield f"- {code(str(each.ref))}: {escaped(each.reason)}"
    if len(held) > _MOST:
        yield f"- and {len(held) - _MOST} more"


def _listed(names: list[str]) -> str:
    return ", ".join(code(name) for name in names)
