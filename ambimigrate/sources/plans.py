"""The recorded plan of a tree: found at its root, checked against its schema, and which namespaces its waves name."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import msgspec

from ambimigrate import catalogue
from ambimigrate.plan.recorded import PlanError, RecordedPlan

SCHEMA = "ambimigrate.plan/v1"
_MOST = 3  # faults that are named


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


__all__ = ["PlanError", "RecordedPlan", "load"]
