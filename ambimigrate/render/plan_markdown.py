"""The plan as Markdown, with Mermaid graphs of the waves and of who calls whom; every name stays inside its field."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from ambimigrate.plan import Plan, Wave
from ambimigrate.plan import lines as shell
from ambimigrate.plan.values import Graph, Step
from ambimigrate.render.markdown import code, escaped
from ambimigrate.render.plan_gaps import meaning, when
from ambimigrate.render.style import counted, visible

_EDGES = 200  # Mermaid draws at most 500 of them unless told otherwise (mermaid, config `maxEdges`)
_KEPT = frozenset("-_./ ")


def text(plan: Plan) -> str:
    """The whole plan as one document."""
    return "\n".join(_lines(plan)).rstrip() + "\n"


def _lines(plan: Plan) -> Iterator[str]:
    moving = [name for wave in plan.waves for name in wave.namespaces]
    yield "# The move to ambient mode"
    yield ""
    yield f"{counted(len(plan.waves), 'wave')}, {counted(len(moving), 'namespace')} to move, {len(plan.held)} held."
    yield ""
    yield from (line for note in plan.notes for line in (f"- {escaped(note)}", ""))
    yield from _graphs(plan)
    for wave in plan.waves:
        yield from wave_lines(wave)
    yield from _held(plan)


def _graphs(plan: Plan) -> Iterator[str]:
    if any(wave.namespaces for wave in plan.waves):
        yield "## Waves"
        yield ""
        yield from _fenced(_waves(plan.waves))
    for graph in plan.graphs:
        if graph.edges:
            yield f"## Calls{f' of {escaped(graph.mesh)}' if graph.mesh else ''}"
            yield ""
            yield from _fenced(_calls(graph))
            more = len(_pairs(graph)) - _EDGES
            if more > 0:
                yield f"And {counted(more, 'call')} more: `--format json` has all. "
            yield "A dashed arrow is a guess: only a text names the Service. A caller that is not seen may still exist."
            yield ""


def _fenced(rows: Iterable[str]) -> Iterator[str]:
    yield "```mermaid"
    yield from rows
    yield "```"
    yield ""


def _waves(waves: Iterable[Wave]) -> Iterator[str]:
    yield "flowchart LR"
    before: dict[str, str] = {}
    for number, wave in enumerate(waves):
        own = f"w{number}"
        yield f"  subgraph {own}[{label(_titled(wave))}]"
        names = wave.namespaces or (wave.title,)
        yield from (f"    {own}n{place}[{label(name)}]" for place, name in enumerate(names))
        yield "  end"
        if wave.mesh in before:
            yield f"  {before[wave.mesh]} --> {own}"
        before[wave.mesh] = own


def _titled(wave: Wave) -> str:
    return f"Wave {wave.number}{f' of {wave.mesh}' if wave.mesh else ''}"


def _calls(graph: Graph) -> Iterator[str]:
    """Each pair of namespaces once; one call that is more than a guess makes it sure."""
    yield "flowchart LR"
    shown = _pairs(graph)[:_EDGES]
    names = {name: f"n{place}" for place, name in enumerate(dict.fromkeys(each for pair, _ in shown for each in pair))}
    yield from (f"  {own}[{label(name)}]" for name, own in names.items())
    yield from (f"  {names[caller]} {'-.->' if guessed else '-->'} {names[callee]}" for (caller, callee), guessed in shown)


def _pairs(graph: Graph) -> list[tuple[tuple[str, str], bool]]:
    found: dict[tuple[str, str], bool] = {}
    for edge in graph.edges:
        pair = (edge.caller, edge.callee)
        found[pair] = found.get(pair, True) and edge.guessed
    return list(found.items())


def label(name: str) -> str:
    """A label of Mermaid: quoted, everything but plain letters and digits as an entity of its own (`#38;`)."""
    plain = (each if (each.isascii() and each.isalnum()) or each in _KEPT else f"#{ord(each)};" for each in visible(name))
    return f'"{"".join(plain) or "(no name)"}"'


def wave_lines(wave: Wave) -> Iterator[str]:
    """One wave with its steps."""
    mesh = f" of {escaped(wave.mesh)}" if wave.mesh else ""
    yield f"## Wave {wave.number}{mesh}: {escaped(wave.title)}"
    yield ""
    for step in wave.steps:
        yield from step_lines(step)
    if wave.gaps:
        yield "### What is open meanwhile"
        yield ""
        for gap in wave.gaps:
            who = ", ".join(map(escaped, gap.callers))
            why = f" {escaped(gap.why)}" if gap.why else ""
            yield f"- {code(gap.policy)} {meaning(gap)} {who}, {when(gap)}.{why}"
        yield ""


def step_lines(step: Step) -> Iterator[str]:
    """One step."""
    stage = f" ({step.stage.name})" if step.stage else ""
    yield f"### {step.id} {escaped(step.title)}{stage}"
    yield ""
    if step.unenforced:
        yield f"Not enforced meanwhile: {escaped(step.unenforced)}."
        yield ""
    if step.files:
        yield from (f"- {code(each)}" for each in step.files)
        yield ""
    for title, found in (("Run", step.commands), ("Gate", step.gate), ("Verify", step.verify), ("Undo", step.undo)):
        yield from _shell(title, found)
    if step.triggers:
        yield "**Stop if**"
        yield ""
        for each in step.triggers:
            yield f"- {escaped(each.stop_if)}"
            yield ""
            yield from (f"  {row}" for row in _block("promql", (visible(each.query),)))


def _shell(title: str, found: Iterable[str]) -> Iterator[str]:
    rows = [shown(each) for each in found]
    if rows:
        yield f"**{title}**"
        yield ""
        yield from _block("sh", rows)


def _block(language: str, rows: Sequence[str]) -> Iterator[str]:
    """A block of code that nothing in its rows can end."""
    fence = "`" * max(3, 1 + max(_longest(each) for each in rows))
    yield f"{fence}{language}"
    yield from rows
    yield fence
    yield ""


def shown(line: str) -> str:
    """A line as shell: prose becomes a comment."""
    command, said = shell.parts(visible(line))
    if not command:
        return f"# {said.removeprefix('# ')}"
    return f"{command}    # {said}" if said else command


def _longest(row: str) -> int:
    """The longest run of backticks."""
    return max(len(run) for run in "".join(each if each == "`" else " " for each in row).split(" "))


def _held(plan: Plan) -> Iterator[str]:
    if plan.held:
        yield "## Held"
        yield ""
        for each in plan.held:
            yield f"- {code(each.namespace or '(no namespace given)')}{f' of {escaped(each.mesh)}' if each.mesh else ''}"
            yield from (f"  - {escaped(reason)}" for reason in each.because)
        yield ""
