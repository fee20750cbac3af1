"""The plan as versioned JSON."""

from __future__ import annotations

from typing import Any

from msgspec.structs import asdict

from ambimigrate.changes import Change, Create, Set
from ambimigrate.converters import made
from ambimigrate.plan import Plan, Wave
from ambimigrate.plan.recorded import NOTHING, Agreed
from ambimigrate.plan.values import Edge, Gap, Step
from ambimigrate.render.heads import reference

SCHEMA = "ambimigrate.plan/v1"


def record(plan: Plan, head: dict[str, Any], agreed: Agreed = NOTHING) -> dict[str, Any]:
    """The plan as plain values behind the head of every output, with what was agreed to where it is kept."""
    return {
        **head,
        **({"agreed": asdict(agreed)} if agreed != NOTHING else {}),
        "waves": [_wave(wave) for wave in plan.waves],
        "held": [{"namespace": each.namespace, "mesh": each.mesh, "because": list(each.because)} for each in plan.held],
        "cycles": [list(cycle) for cycle in plan.cycles],
        "calls": [_edge(graph.mesh, edge) for graph in plan.graphs for edge in graph.edges],
        "orders": list(plan.orders),
        "notes": list(plan.notes),
    }


def _edge(mesh: str, edge: Edge) -> dict[str, Any]:
    """Who calls whom; `guessed` where only a text names the Service."""
    return {
        "mesh": mesh,
        "caller": edge.caller,
        "callee": edge.callee,
        "because": edge.because,
        "file": edge.file,
        "line": edge.line,
        "guessed": edge.guessed,
    }


def _wave(wave: Wave) -> dict[str, Any]:
    return {
        "number": wave.number,
        "mesh": wave.mesh,
        "title": wave.title,
        "namespaces": list(wave.namespaces),
        "steps": [_step(step) for step in wave.steps],
        "gaps": [_gap(gap) for gap in wave.gaps],
    }


def _gap(gap: Gap) -> dict[str, Any]:
    return {
        "policy": gap.policy,
        "callers": list(gap.callers),
        "from_step": gap.from_step,
        "to_step": gap.to_step,
        "kind": gap.kind,
        "why": gap.why,
        "witness": gap.witness,
    }


def _step(step: Step) -> dict[str, Any]:
    return {
        "id": step.id,
        "stage": step.stage.name if step.stage else None,
        "title": step.title,
        "files": list(step.files),
        "commands": list(step.commands),
        "gate": list(step.gate),
        "verify": list(step.verify),
        "undo": list(step.undo),
        "triggers": [{"query": each.query, "stop_if": each.stop_if} for each in step.triggers],
        "unenforced": step.unenforced,
        "namespaces": list(step.namespaces),
        "changes": [_change(each) for each in step.changes],
    }


def _change(change: Change) -> dict[str, Any]:
    """What `status` looks for in the mesh; an edit without `set` deletes what is at its route."""
    action = change.action
    found: dict[str, Any] = {"action": change.verb, "object": reference(change.ref), "namespace": change.namespace}
    if isinstance(action, Create):
        found["value"] = made.placed(action.value, action.beside)
    elif action is not None:
        found["edits"] = [
            {"route": list(each.route), **({"set": each.value} if isinstance(each, Set) else {})} for each in action
        ]
    return found
