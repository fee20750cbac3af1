"""OB004: monitors and jobs of Prometheus that scrape sidecars."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from ambimigrate.checks import rule
from ambimigrate.checks.observability.jobs import jobs
from ambimigrate.checks.pods import strings
from ambimigrate.kinds import ConfigMap, HelmValues, PodMonitor, ServiceMonitor
from ambimigrate.model import Hit, Mesh, Resource, Route
from ambimigrate.topology.reach import has_members

_PORTS = frozenset({"http-envoy-prom", "15020", "15090"})
_PATH = "/stats/prometheus"


@rule("OB004", ServiceMonitor, PodMonitor, ConfigMap, HelmValues)
def check(monitor: Resource[Any], mesh: Mesh) -> Iterator[Hit]:
    for route, name, what in _scraping(monitor):
        if has_members(mesh):
            yield Hit(
                monitor.at(*route),
                f"{name} scrapes sidecars ({what}); ambient pods have none, so only gateways and waypoints are left to it",
            )


def _scraping(monitor: Resource[Any]) -> Iterator[tuple[Route, str, str]]:
    if isinstance(monitor.body, ConfigMap | HelmValues):
        for route, job in jobs(monitor.body):
            if what := _of_job(job):
                yield route, f"job {job['job_name']} of {monitor.name}", what
        return
    field = "endpoints" if isinstance(monitor.body, ServiceMonitor) else "podMetricsEndpoints"
    spec = monitor.body.spec
    found = spec.endpoints if isinstance(monitor.body, ServiceMonitor) else spec.pod_metrics_endpoints
    for i, each in enumerate(found):
        if what := _scrapes(each):
            yield ("spec", field, i), monitor.name, what


def _scrapes(endpoint: Mapping[str, Any]) -> str | None:
    if endpoint.get("path") == _PATH:
        return _PATH
    ports = (str(endpoint.get(key, "")) for key in ("port", "targetPort", "portNumber"))
    return next((each for each in ports if each in _PORTS), None)


def _of_job(job: Mapping[str, Any]) -> str | None:
    """Istio's own job (samples/addons/prometheus.yaml, envoy-stats) keeps the ports whose name ends in envoy-prom."""
    if job.get("metrics_path") == _PATH:
        return _PATH
    kept = (text for route, text in strings(job.get("relabel_configs")) if route[-1:] == ("regex",))
    return next((each for each in kept if "envoy-prom" in each), None)
