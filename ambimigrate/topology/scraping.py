"""Who scrapes pods, and at which port: the sidecar's merged metrics, or the application itself."""

from __future__ import annotations

from ambimigrate.model import Mesh
from ambimigrate.topology import injection, meshconfig
from ambimigrate.topology.workloads import Workload, container_ports, workloads

SCRAPE, PORT = "prometheus.io/scrape", "prometheus.io/port"
MERGE = "prometheus.istio.io/merge-metrics"


def is_merged(mesh: Mesh, workload: Workload) -> bool:
    """Whether injection turned scraping to the sidecar (Istio, pkg/kube/inject: prometheusMerge)."""
    if workload.annotations.get(SCRAPE) != "true" or workload.annotations.get(MERGE) == "false":
        return False
    if injection.workload_mode(mesh, workload) != injection.SIDECAR:
        return False
    return not any(each.value is False for each in meshconfig.settings(mesh, "enablePrometheusMerge"))


def port(workload: Workload) -> int:
    """The port of the application that is scraped."""
    told = workload.annotations.get(PORT, "")
    return int(told) if told.isdigit() else min(container_ports(workload), default=80)


def scrapers(mesh: Mesh) -> tuple[Workload, ...]:
    """The workloads that scrape."""
    return mesh.index(_scrapers)


def _scrapers(mesh: Mesh) -> tuple[Workload, ...]:
    return tuple(each for each in workloads(mesh) if any(_is_prometheus(one.image) for one in each.pod.containers))


def _is_prometheus(image: str) -> bool:
    return image.rpartition("/")[2].partition(":")[0] in {"prometheus", "vmagent", "prometheus-operator"}
