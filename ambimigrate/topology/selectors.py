"""What label selectors of Kubernetes mean: labels and expressions together."""

from __future__ import annotations

from collections.abc import Mapping

from ambimigrate.kinds import LabelSelector


def selects(selector: LabelSelector | None, labels: Mapping[str, str]) -> bool:
    """Whether a selector means these labels; an empty one means everything."""
    if selector is None:
        return True
    return all(labels.get(key) == value for key, value in selector.match_labels.items()) and all(
        _holds(each.operator, labels.get(each.key), each.values) for each in selector.match_expressions
    )


def _holds(operator: str, value: str | None, values: tuple[str, ...]) -> bool:
    match operator:
        case "In":
            return value in values
        case "NotIn":
            return value not in values
        case "Exists":
            return value is not None
        case "DoesNotExist":
            return value is None
    return False
