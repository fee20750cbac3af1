"""What proxies use, as opposed to reserve: CPU by the requests that they carry."""

from __future__ import annotations

from collections.abc import Mapping

from msgspec import Struct

from ambimigrate.traffic import REQUESTS, Traffic

# Cores for 1,000 requests a second over the whole path, from Istio's "Performance and Scalability" page for 1.24, the latest
# that gives figures (1 KB payload, 2 worker threads): a sidecar 0.20, a ztunnel 0.06, a waypoint 0.25; both ends pay.
SIDECARS, ZTUNNELS, WAYPOINT = 2 * 0.20, 2 * 0.06, 0.25
SOURCE = "istio.io, Performance and Scalability for 1.24: 1 KB requests, ±50 %"


class Use(Struct, frozen=True):
    """Cores in use for the traffic that was seen; `rate` in requests a second, `l7` of them to Services with a waypoint."""

    rate: float
    l7: float
    before: float
    after: Mapping[str, float]


def use(traffic: Traffic, needing: frozenset[tuple[str, str]], names: tuple[str, str, str]) -> Use:
    """The use in each scenario (by these names: L4 only, needed waypoints, one per namespace); `needing` are Services."""
    seen = [each for each in traffic.flows if each.kind == REQUESTS]
    rate = sum(each.rate for each in seen)
    l7 = sum(each.rate for each in seen if (each.namespace, each.service) in needing)
    l4 = rate / 1000 * ZTUNNELS
    shares = (0.0, l7, rate)
    return Use(
        rate,
        l7,
        rate / 1000 * SIDECARS,
        {name: l4 + share / 1000 * WAYPOINT for name, share in zip(names, shares, strict=True)},
    )
