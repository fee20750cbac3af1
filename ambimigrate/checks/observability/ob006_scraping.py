"""OB006: pods that are scraped through their sidecar."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ambimigrate.checks import rule
from ambimigrate.checks.pods import at, subject
from ambimigrate.kinds import AuthorizationPolicy
from ambimigrate.kinds.security import Operation, Rule, Source
from ambimigrate.model import Hit, Mesh, Resource
from ambimigrate.semantics.strict import demands_identity
from ambimigrate.topology import injection, meshconfig
from ambimigrate.topology.captured import captured
from ambimigrate.topology.workloads import KINDS, Workload, container_ports, matches, workloads

SCRAPE, PORT = "prometheus.io/scrape", "prometheus.io/port"
MERGE = "prometheus.istio.io/merge-metrics"


@rule("OB006", *KINDS)
def check(resource: Resource[Any], mesh: Mesh) -> Iterator[Hit]:
    workload = subject(mesh, resource)
    if workload is None or workload.annotations.get(SCRAPE) != "true" or not _merges(mesh, workload):
        return
    port = _port(workload)
    place = at(workload, "metadata", "annotations", SCRAPE)
    before = f"Prometheus scraped port 15020 of the sidecar of {workload}; without it port {port} itself"
    scraper = mesh.index(_scrapers)
    if demands_identity(mesh, workload, port) and not any(captured(mesh, each) for each in scraper):
        yield Hit(place, f"{before}, where STRICT refuses a Prometheus outside of the mesh", "strict")
    elif (policy := _refusing(mesh, workload, port, scraper)) is not None:
        yield Hit(place, f"{before}, where {policy.ref} does not admit it", "policy")
    else:
        yield Hit(place, f"{before}: the metrics of the sidecar end", "merged")


def _merges(mesh: Mesh, workload: Workload) -> bool:
    """Whether injection turned scraping to the sidecar (Istio, pkg/kube/inject: prometheusMerge)."""
    if injection.workload_mode(mesh, workload) != injection.SIDECAR or workload.annotations.get(MERGE) == "false":
        return False
    return not any(each.value is False for each in meshconfig.settings(mesh, "enablePrometheusMerge"))


def _port(workload: Workload) -> int:
    told = workload.annotations.get(PORT, "")
    return int(told) if told.isdigit() else min(container_ports(workload), default=80)


def _scrapers(mesh: Mesh) -> tuple[Workload, ...]:
    return tuple(each for each in workloads(mesh) if any(_is_prometheus(one.image) for one in each.pod.containers))


def _is_prometheus(image: str) -> bool:
    return image.rpartition("/")[2].partition(":")[0] in {"prometheus", "vmagent", "prometheus-operator"}


def _refusing(
    mesh: Mesh, workload: Workload, port: int, scrapers: tuple[Workload, ...]
) -> Resource[AuthorizationPolicy] | None:
    """An ALLOW policy of these pods, if none of them admits Prometheus on the port at ztunnel."""
    found = list(_allowing(mesh, workload))
    spaces = {each.namespace for each in scrapers if captured(mesh, each)}
    admitted = any(_admits(each, port, spaces) for policy in found for each in policy.body.spec.rules or ())
    return None if admitted or not found else found[0]


def _allowing(mesh: Mesh, workload: Workload) -> Iterator[Resource[AuthorizationPolicy]]:
    homes = {workload.namespace, meshconfig.root_namespace(mesh)}
    for policy in mesh.of(AuthorizationPolicy):
        spec = policy.body.spec
        labels = spec.selector.match_labels if spec.selector else {}
        targets = spec.target_ref or spec.target_refs
        if policy.namespace in homes and not targets and spec.action in {"", "ALLOW"} and matches(labels, workload.labels):
            yield policy


def _admits(rule_: Rule, port: int, spaces: set[str]) -> bool:
    if rule_.when:
        return False
    callers = not rule_.from_ or any(each.source and _is_source(each.source, spaces) for each in rule_.from_)
    return callers and (not rule_.to or any(each.operation and _is_port(each.operation, port) for each in rule_.to))


def _is_source(source: Source, spaces: set[str]) -> bool:
    if not spaces:
        return bool(source.ip_blocks)
    return not spaces.isdisjoint(source.namespaces) or any(
        f"/ns/{space}/" in each for each in source.principals for space in spaces
    )


def _is_port(operation: Operation, port: int) -> bool:
    named = operation.methods or operation.paths or operation.hosts or operation.not_paths or operation.not_methods
    return not named and (not operation.ports or str(port) in operation.ports)
