"""Istio's retry policies: the mesh's default, and the conditions as objects write them."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any

from msgspec.structs import replace

from ambimigrate.model import Mesh
from ambimigrate.semantics.decision import Retries
from ambimigrate.semantics.durations import seconds
from ambimigrate.topology import meshconfig

CONDITIONS = frozenset({"connect-failure", "refused-stream", "unavailable", "cancelled"})
STATUS_CODES = "retriable-status-codes"
BUILT_IN = Retries(2, CONDITIONS)


def mesh_default(mesh: Mesh) -> Retries | None:
    """What holds where nothing is said: `defaultHttpRetryPolicy`, else two attempts; None if it is switched off."""
    return mesh.index(_default)


def _default(mesh: Mesh) -> Retries | None:
    found = (each.value for each in meshconfig.settings(mesh, "defaultHttpRetryPolicy"))
    policy = next((value for value in found if isinstance(value, dict)), None)
    return BUILT_IN if policy is None else _from_mesh_config(policy)


def _from_mesh_config(policy: dict[str, Any]) -> Retries | None:
    attempts = int(policy.get("attempts", 0))
    if attempts <= 0:
        return None
    made = with_conditions(BUILT_IN, str(policy.get("retryOn") or ""))
    return replace(
        made, attempts=attempts, per_try=seconds(policy.get("perTryTimeout")), backoff=seconds(policy.get("backoff"))
    )


def with_conditions(base: Retries, retry_on: str) -> Retries:
    """`retryOn` in place of the conditions of `base`; a number is a status code only if it has a reason phrase."""
    parts = [part.strip() for part in retry_on.split(",") if part.strip()]
    if not parts:
        return base
    codes = tuple(int(part) for part in parts if _is_code(part))
    conditions = {part for part in parts if not _is_code(part)} - {STATUS_CODES}
    return replace(base, conditions=frozenset(conditions | ({STATUS_CODES} if codes else set())), codes=codes)


def _is_code(part: str) -> bool:
    return part.isdigit() and int(part) in _CODES


_CODES = frozenset(each.value for each in HTTPStatus)  # the same ones as in Go's http.StatusText
