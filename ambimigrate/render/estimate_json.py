"""An estimate as versioned JSON: the contract for other programs."""

from __future__ import annotations

from typing import Any

from msgspec import Struct

from ambimigrate.estimate import Estimate, Total
from ambimigrate.estimate.amounts import Prices, Range
from ambimigrate.estimate.use import SOURCE, Use
from ambimigrate.model import Target
from ambimigrate.render.heads import bare_head, head
from ambimigrate.report import Report

SCHEMA = "ambimigrate.estimate/v1"


class Result(Struct, frozen=True):
    """All that an estimate shows; no report where nothing was read."""

    estimate: Estimate
    target: Target
    prices: Prices
    use: Use | None
    report: Report | None


def record(result: Result) -> dict[str, Any]:
    """The estimate as plain values: numbers, [low, high] for a range, null for what is unknown."""
    found, figures = result.estimate, result.estimate.figures
    return {
        **(head(SCHEMA, result.report) if result.report else bare_head(SCHEMA, result.target)),
        "before": _total(found.before),
        "after": {name: _total(each) for name, each in found.after.items()},
        "migration_peak": _total(found.peak),
        "savings": {name: _total(each) for name, each in found.savings.items()},
        "restarts_per_upgrade": {"before": found.restarts.before, "after": found.restarts.after},
        "counts": {
            "pods": figures.pods,
            "nodes": figures.nodes,
            "namespaces": figures.namespaces,
            "waypoints": figures.waypoints,
            "waypoint_replicas": figures.replicas,
        },
        "use": _use(result.use),
        "assumptions": [{"what": each.what, "source": each.source} for each in figures.assumptions],
    }


def _total(total: Total) -> dict[str, Any]:
    return {
        "cpu_cores": number(total.amount.cpu),
        "memory_gib": number(total.amount.memory),
        "money_per_year": number(total.money),
    }


def number(value: Range | None) -> float | list[float] | None:
    """A number with at most six decimals, or two."""
    if value is None:
        return None
    low, high = (round(each, 6) for each in (value.low, value.high))
    return low if low == high else [low, high]


def _use(use: Use | None) -> dict[str, Any] | None:
    if use is None:
        return None
    return {
        "requests_per_second": round(use.rate, 3),
        "to_waypoints_per_second": round(use.l7, 3),
        "cpu_cores": {"before": round(use.before, 3), **{name: round(each, 3) for name, each in use.after.items()}},
        "source": SOURCE,
    }
