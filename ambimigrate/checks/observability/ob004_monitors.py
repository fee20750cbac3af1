"""OB004: monitors that scrape sidecars."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from ambimigrate.checks import rule
from ambimigrate.kinds import PodMonitor, ServiceMonitor
from ambimigrate.model import Hit, Mesh, Resource
from ambimigrate.topology.reach import has_members

_PORTS = frozenset({"http-envoy-prom", "15020", "15090"})
_PATH = "/stats/prometheus"


@rule("OB004", ServiceMonitor, PodMonitor)
def check(monitor: Resource[Any], mesh: Mesh) -> Iterator[Hit]:
    field = "endpoints" if isinstance(monitor.body, ServiceMonitor) else "podMetricsEndpoints"
    spec = monitor.body.spec
    found = spec.endpoints if isinstance(monitor.body, ServiceMonitor) else spec.pod_metrics_endpoints
    for i, each in enumerate(found):
        what = _scrapes(each)
        if what and has_members(mesh):
            yield Hit(
                monitor.at("spec", field, i),
                f"{monitor.name} scrapes sidecars ({what}); ambient pods have none, so only gateways and waypoints are left to "
                "it",
            )


def _scrapes(endpoint: Mapping[str, Any]) -> str | None:
    if endpoint.get("path") == _PATH:
        return _PATH
    ports = (str(endpoint.get(key, "")) for key in ("port", "targetPort", "portNumber"))
    return next((each for each in ports if each in _PORTS), None)
