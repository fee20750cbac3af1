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
from ambimigrate.topology import meshconfig, scraping
from ambimigrate.topology.captured import captured
from ambimigrate.topology.workloads import KINDS, Workload, matches


@rule("OB006", *KINDS)
def check(resource: Resource[Any], mesh: Mesh) -> Iterator[Hit]:
    workload = subject(mesh, resource)
    if workload is None or not scraping.is_merged(mesh, workload):
        return
    port = scraping.port(workload)
    place = at(workload, "metadata", "annotations", scraping.SCRAPE)
    before = f"Prometheus scraped port 15020 of the sidecar of {workload}; without it port {port} itself"
    scraper = scraping.scrapers(mesh)
    if demands_identity(mesh, workload, port) and not any(captured(mesh, each) for each in scraper):
        yield Hit(place, f"{before}, where STRICT refuses a Prometheus outside of the mesh", "strict")
    elif (policy := _refusing(mesh, workload, port, scraper)) is not None:
        yield Hit(place, f"{before}, where {policy.ref} does not admit it", "policy")
    else:
        yield Hit(place, f"{before}: the metrics of the sidecar end", "merged")


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
