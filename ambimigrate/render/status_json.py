"""A status as versioned JSON: the contract for other programs."""

from __future__ import annotations

from typing import Any

from ambimigrate.status import Next, Status
from ambimigrate.status.values import Drift, Progress, Standing

SCHEMA = "ambimigrate.status/v1"


def record(found: Status, head: dict[str, Any], plan: str) -> dict[str, Any]:
    """The status as plain values behind the head of every output; `plan` is the file of the recorded one, if any."""
    return {
        **head,
        "plan": plan or None,
        "namespaces": [_standing(each) for each in found.namespaces],
        "drift": [_drift(each) for each in found.drift],
        "steps": [_progress(each) for each in found.steps],
        "next": _next(found.next),
        "why": found.why or None,
        "out_of_order": found.is_out_of_order,
    }


def _standing(found: Standing) -> dict[str, Any]:
    return {
        "name": found.name,
        "mesh": found.mesh,
        "stage": found.stage,
        "done": found.done,
        "half_done": list(found.half_done),
        "drift": [_drift(each) for each in found.drift],
        "next": _next(found.next),
        "why": found.why or None,
    }


def _drift(found: Drift) -> dict[str, Any]:
    return {
        "kind": found.kind,
        "message": found.message,
        "mesh": found.mesh,
        "namespace": found.namespace,
        "step": found.step or None,
    }


def _progress(found: Progress) -> dict[str, Any]:
    return {
        "id": found.id,
        "mesh": found.mesh,
        "title": found.title,
        "stage": found.stage,
        "namespaces": list(found.namespaces),
        "state": found.state,
    }


def _next(found: Next | None) -> dict[str, Any] | None:
    if found is None:
        return None
    return {
        "id": found.id or None,
        "title": found.title,
        "mesh": found.mesh,
        "stage": found.stage,
        "namespaces": list(found.namespaces),
        "before": list(found.before),
        "commands": list(found.commands),
        "gate": list(found.gate),
    }
