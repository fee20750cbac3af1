"""The recorded plan of a tree: found at its root, checked against its schema, and which namespaces its waves name."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import msgspec
from msgspec import Struct

from ambimigrate import catalogue
from ambimigrate.changes import Stage

SCHEMA = "ambimigrate.plan/v1"
_MOST = 3  # faults that are named


class PlanError(Exception):
    """There is no plan, or it cannot be used; the message says what to do."""


class RecordedStep(Struct, frozen=True):
    """A step: the stage of its changes, and the namespaces that its commands choose."""

    id: str
    stage: str | None
    title: str = ""
    commands: tuple[str, ...] = ()
    namespaces: tuple[str, ...] = ()

    @property
    def is_of_all_meshes(self) -> bool:
        """Whether its commands change what several meshes share, for all of them at once."""
        return not any(" --mesh " in each for each in self.commands)


class RecordedWave(Struct, frozen=True):
    """A wave: which namespaces move in it, and its steps."""

    number: int
    mesh: str
    namespaces: tuple[str, ...]
    steps: tuple[RecordedStep, ...]

    def of(self, stage: Stage | None) -> tuple[RecordedStep, ...]:
        """The steps of a stage, all that change files for a preview."""
        return tuple(each for each in self.steps if each.stage and (stage is None or each.stage == stage.name))

    def chosen(self, stage: Stage | None) -> tuple[str, ...]:
        """The namespaces that `convert` takes for a stage: those of its step, else all that move; for a preview every one."""
        named = tuple(dict.fromkeys(name for each in self.of(stage) for name in each.namespaces))
        return named or self.namespaces

    def meant(self, stage: Stage | None) -> str:
        """The mesh that `convert` takes; all (empty) where that is what the commands of the stage do."""
        found = self.of(stage) if stage else ()
        return "" if found and all(each.is_of_all_meshes for each in found) else self.mesh


class RecordedHold(Struct, frozen=True):
    """A namespace that stays."""

    namespace: str
    because: tuple[str, ...]
    mesh: str = ""


class RecordedPlan(Struct, frozen=True):
    """A plan as it was kept."""

    waves: tuple[RecordedWave, ...]
    held: tuple[RecordedHold, ...] = ()
    cycles: tuple[tuple[str, ...], ...] = ()

    def wave(self, number: int, mesh: str) -> RecordedWave:
        """The wave of that number, in the mesh of that name if there are several."""
        found = [each for each in self.waves if each.number == number and (not mesh or each.mesh == mesh)]
        if len(found) == 1:
            return found[0]
        if found:
            names = ", ".join(each.mesh for each in found)
            raise PlanError(f"the recorded plan has a wave {number} in each of {names}; choose one with --mesh")
        of = f" of mesh {mesh}" if mesh else ""
        last = max((each.number for each in self.waves if not mesh or each.mesh == mesh), default=0)
        raise PlanError(
            f"the recorded plan has no wave {number}{of}; " + (f"its last one is {last}" if last else "it has none")
        )


def load(path: Path) -> RecordedPlan:
    """The plan in the file. Raises PlanError."""
    again = "record it anew with `ambimigrate plan --record`"
    try:
        tree = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise PlanError(f"{path}: there is no recorded plan; `ambimigrate plan --record` keeps one") from None
    except OSError as error:
        raise PlanError(f"{path}: cannot be read: {error.strerror}") from None
    except UnicodeDecodeError:
        raise PlanError(f"{path}: is not UTF-8; {again}") from None
    except (json.JSONDecodeError, RecursionError) as error:
        line = getattr(error, "lineno", 1)
        raise PlanError(f"{path}:{line}: is no JSON: {getattr(error, 'msg', 'too deep')}; {again}") from None
    said = tree.get("schema") if isinstance(tree, dict) else None
    if said != SCHEMA:
        raise PlanError(f"{path}: is no plan of this version: its schema is {said!r}, not {SCHEMA!r}; {again}")
    if faults := _faults(tree):
        raise PlanError(f"{path}: is no plan: {faults}; {again}")
    return msgspec.convert(tree, RecordedPlan)


def _faults(tree: Any) -> str:
    import jsonschema

    schema = json.loads((catalogue.folder() / "schemas" / "plan.json").read_text(encoding="utf-8"))
    found = sorted(
        jsonschema.Draft202012Validator(schema).iter_errors(tree), key=lambda each: list(map(str, each.absolute_path))
    )
    said = [f"{'.'.join(map(str, each.absolute_path)) or 'the file'}: {each.message[:120]}" for each in found[:_MOST]]
    return "; ".join((*said, *((f"{len(found) - _MOST} more",) if len(found) > _MOST else ())))
