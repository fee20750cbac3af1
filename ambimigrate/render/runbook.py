"""The plan as files: a Markdown page for each wave, and beside it a script for each step: apply, finish, gate, verify, undo."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator, Mapping

from ambimigrate.plan import Plan, Wave
from ambimigrate.plan import lines as shell
from ambimigrate.plan.values import Step
from ambimigrate.render import plan_markdown
from ambimigrate.render.markdown import code
from ambimigrate.render.style import visible

_EXACT = re.compile(r"prints (?P<value>[^,:]+)(: .*)?")
_LATER = "once the gate holds"
_PARTS = ("apply", "finish", "gate", "verify", "undo")
_HELPERS = {
    "nothing": (
        "nothing() { # runs a command that has to print nothing",
        "  local found",
        '  found="$("$@")"',
        '  if [[ -n "$found" ]]; then',
        '    printf \'%s\\n\' "not so far: $*" "$found" >&2',
        "    return 1",
        "  fi",
        "}",
    ),
    "prints": (
        "prints() { # runs a command that has to print its first argument",
        '  local wanted="$1" found',
        "  shift",
        '  found="$("$@")"',
        '  if [[ "$found" != "$wanted" ]]; then',
        '    printf \'%s\\n\' "not so far: $*" "wanted: $wanted" "found: $found" >&2',
        "    return 1",
        "  fi",
        "}",
    ),
    "look": (
        "look() { # runs a command whose output a person compares with the first argument",
        "  printf '%s\\n' \"-- $1:\"",
        "  shift",
        '  "$@"',
        "}",
    ),
    "say": (
        "say() { # what a person looks at",
        "  printf '%s\\n' \"-- $1\"",
        "}",
    ),
    "person": (
        "person() { # what a person does before it goes on",
        "  printf '%s\\n' \"-- $1\"",
        "  read -r -p 'Enter goes on, Ctrl-C stops: '",
        "}",
    ),
}


def files(plan: Plan) -> Mapping[str, str]:
    """The texts by their place below the folder."""
    places = folders(plan)
    found = {"README.md": f"{plan_markdown.text(plan)}\n{_intro(plan, places)}"}
    for wave in plan.waves:
        place = places[wave.mesh, wave.number]
        names = {step.id: _name(step) for step in wave.steps}
        found[f"{place}/README.md"] = _page(wave, names)
        found |= {f"{place}/{names[step.id]}": script(step, names[step.id]) for step in wave.steps}
    return found


def folders(plan: Plan) -> Mapping[tuple[str, int], str]:
    """The folder of each wave, by mesh and number; several meshes have one each."""
    meshes = list(dict.fromkeys(wave.mesh for wave in plan.waves))
    taken: dict[str, str] = {}
    for mesh in meshes:
        own = slug(mesh) or "mesh"
        taken[mesh] = own if own not in taken.values() else f"{own}-{len(taken)}"
    base = {mesh: f"{taken[mesh]}/" if len(meshes) > 1 else "" for mesh in meshes}
    return {(wave.mesh, wave.number): f"{base[wave.mesh]}wave-{wave.number:02}" for wave in plan.waves}


def slug(text: str) -> str:
    """A name for a file: nothing but letters, digits, dots and dashes, and no dots in front."""
    return re.sub(r"[^A-Za-z0-9.-]+", "-", text).strip(".-")


def _name(step: Step) -> str:
    """The name of a step's script."""
    return f"{step.id}-{'enroll' if step.enrolls else step.stage.name if step.stage else 'install'}.sh"


def _intro(plan: Plan, places: Mapping[tuple[str, int], str]) -> str:
    """How the scripts are used, with one of them as the example."""
    first = next(((wave, step) for wave in plan.waves for step in wave.steps), None)
    if first is None:
        return ""
    wave, step = first
    own = f"bash {places[wave.mesh, wave.number]}/{_name(step)}"
    rows = [
        "## The scripts",
        "",
        "Each wave has a folder with a page, and a script for each step. Run the scripts from the folder in which the plan was",
        "made, in the order of their numbers. `apply`, `finish` and `undo` wait where a person has to commit something.",
        "",
        f"    {own} apply",
        f"    {own} gate      # ends with 0 once everything that a command can show is true",
        "",
        "`finish`, where there is one, deletes by hand once the gate holds. Then `verify`; `undo` only if a trigger says so.",
    ]
    return "\n".join(rows) + "\n"


def _page(wave: Wave, names: Mapping[str, str]) -> str:
    rows = [*plan_markdown.wave_lines(wave), "### Scripts", "", *(f"- {code(name)}" for name in names.values())]
    return "\n".join(rows) + "\n"


def script(step: Step, name: str) -> str:
    """The script of a step, which ends at the first command that fails."""
    later = tuple(each for each in step.commands if shell.parts(each)[1].startswith(_LATER))
    now = tuple(each for each in step.commands if each not in later)
    bodies = {
        "apply": [_done(each) for each in now],
        "finish": [_done(each) for each in later],
        "gate": [_looked(each) for each in step.gate],
        "verify": [_looked(each) for each in step.verify],
        "undo": [_done(each) for each in step.undo],
    }
    return "\n".join(_script(step, name, {key: bodies[key] for key in _PARTS if bodies[key]})) + "\n"


def _script(step: Step, name: str, bodies: Mapping[str, list[str]]) -> Iterator[str]:
    yield "#!/usr/bin/env bash"
    yield f"# {step.id} {visible(step.title)}"
    yield f"# bash {name} {'|'.join(bodies)}"
    yield "# shellcheck disable=SC2016  # what stands in single quotes is meant to stay as it is"
    yield "set -euo pipefail"
    yield ""
    used = {row.split(" ", 1)[0] for body in bodies.values() for row in body}
    for helper, rows in _HELPERS.items():
        if helper in used:
            yield from (*rows, "")
    for part, body in bodies.items():
        yield f"{part}() {{"
        yield from (f"  {row}" for row in body)
        yield "}"
        yield ""
    yield 'case "${1:-}" in'
    yield from (f"  {part}) {part} ;;" for part in bodies)
    yield "  *)"
    yield f"    printf '%s\\n' {shlex.quote('usage: ' + name + ' ' + '|'.join(bodies))} >&2"
    yield "    exit 2"
    yield "    ;;"
    yield "esac"


def _done(line: str) -> str:
    """A line that changes something: prose is for a person, who says when to go on."""
    command, said = shell.parts(visible(line))
    if not command:
        return f"person {shlex.quote(said.removeprefix('# '))}"
    if said == shell.NOTHING or said.startswith((f"{shell.NOTHING}:", f"{shell.NOTHING},")):
        return f"nothing {command}"
    return f"{command} # {said}" if said else command


def _looked(line: str) -> str:
    """A line that only looks: what it has to print is compared where that can be done."""
    command, said = shell.parts(visible(line))
    if not command:
        return f"say {shlex.quote(said.removeprefix('# '))}"
    if said == shell.NOTHING or said.startswith((f"{shell.NOTHING}:", f"{shell.NOTHING},")):
        return f"nothing {command}"
    exact = _EXACT.fullmatch(said)
    if exact:
        return f"prints {shlex.quote(exact['value'])} {command}"
    return f"look {shlex.quote(said)} {command}" if said else command
