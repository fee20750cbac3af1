"""What a mesh reserves before and after: CPU, memory and money of sidecars, ztunnels, istio-cni and waypoints."""

from __future__ import annotations

from collections.abc import Mapping

from msgspec import Struct

from ambimigrate.estimate.amounts import Amount, Prices, Range

L4_ONLY, NEEDED, EACH = "l4-only", "needed-waypoints", "waypoint-per-namespace"


class Assumption(Struct, frozen=True):
    """A figure that was taken, and where it comes from."""

    what: str
    source: str


class Figures(Struct, frozen=True):
    """What the estimate is made of; None is unknown.

    `sidecars` is what all of them reserve together; `pods` how many there are; `waypoints` how many are really needed;
    `cni_before` says whether istio-cni runs beside the sidecars already.
    """

    pods: int
    sidecars: Amount
    nodes: int | None
    namespaces: int
    waypoints: int | None
    replicas: int
    ztunnel: Amount
    cni: Amount
    waypoint: Amount
    cni_before: bool = False
    assumptions: tuple[Assumption, ...] = ()


class Total(Struct, frozen=True):
    """What is reserved, and its price for a year."""

    amount: Amount
    money: Range | None


class Restarts(Struct, frozen=True):
    """Pods that restart with each upgrade of the mesh; None is unknown."""

    before: int
    after: int | None


class Estimate(Struct, frozen=True):
    """Before, after in three scenarios, while both run, and what is freed in each scenario."""

    before: Total
    after: Mapping[str, Total]
    peak: Total
    savings: Mapping[str, Total]
    restarts: Restarts
    figures: Figures


def estimate(figures: Figures, prices: Prices) -> Estimate:
    """The arithmetic: reservations are sums of requests, whatever is used of them."""
    node = figures.cni if figures.cni_before else Amount()
    before = figures.sidecars + node.times(figures.nodes)
    shared = (figures.ztunnel + figures.cni).times(figures.nodes)
    counts = {L4_ONLY: 0, NEEDED: figures.waypoints, EACH: figures.namespaces}
    after = {name: shared + figures.waypoint.times(_pods(count, figures.replicas)) for name, count in counts.items()}
    peak = figures.sidecars + after[NEEDED]
    upgrade = None if figures.nodes is None or figures.waypoints is None else figures.waypoints * figures.replicas
    return Estimate(
        _total(before, prices),
        {name: _total(amount, prices) for name, amount in after.items()},
        _total(peak, prices),
        {name: _saving(before, amount, prices) for name, amount in after.items()},
        Restarts(figures.pods, upgrade),
        figures,
    )


def _pods(count: int | None, replicas: int) -> int | None:
    return None if count is None else count * replicas


def _total(amount: Amount, prices: Prices) -> Total:
    return Total(amount, prices.year(amount))


def _saving(before: Amount, after: Amount, prices: Prices) -> Total:
    """What is freed; negative where ambient mode reserves more."""
    old, new = prices.year(before), prices.year(after)
    money = old.reduced_by(new) if old is not None and new is not None else None
    return Total(Amount(_less(before.cpu, after.cpu), _less(before.memory, after.memory)), money)


def _less(before: Range | None, after: Range | None) -> Range | None:
    return None if before is None or after is None else before.reduced_by(after)
