"""WL012: annotations for the sidecar in pod templates: what they ask for ends, or they may go."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from ambimigrate.checks import rule
from ambimigrate.checks.pods import at, listed, named, subject
from ambimigrate.model import Hit, Mesh, Resource, grouped
from ambimigrate.topology import injection
from ambimigrate.topology.captured import captured
from ambimigrate.topology.workloads import KINDS, Workload, workloads

CONFIG = "proxy.istio.io/config"
_PREFIXES = ("sidecar.istio.io/", "proxy.istio.io/", "readiness.status.sidecar.istio.io/", "status.sidecar.istio.io/")
_ELSEWHERE = frozenset({"sidecar.istio.io/inject", "sidecar.istio.io/status", "sidecar.istio.io/interceptionMode"})
_FILES = ("sidecar.istio.io/userVolume", "sidecar.istio.io/userVolumeMount")
_DRAINING = ("EXIT_ON_ZERO_ACTIVE_CONNECTIONS", "terminationDrainDuration")
# Settings that somebody may miss. All others, such as image, resources, probes and order of start, need no successor.
_MISSED = ("tracing", "proxyStatsMatcher", "extraStatTags", "gatewayTopology", "envoyAccessLogService", "envoyMetricsService")
# Istio's own templates (manifests/charts/istio-control/istio-discovery/files); PF009 tells of those of SPIRE
_TEMPLATES = frozenset({"sidecar", "gateway", "grpc-simple", "grpc-agent", "waypoint", "kube-gateway"})
_STATS = ("sidecar.istio.io/stats", "sidecar.istio.io/extraStatTags", "sidecar.istio.io/bootstrapOverride")


@rule("WL012", *KINDS)
def check(resource: Resource[Any], mesh: Mesh) -> Iterator[Hit]:
    workload = subject(mesh, resource)
    if workload is None:
        return
    yield from _functions(workload, workload.annotations.get(CONFIG, ""))
    idle = mesh.index(_idle).get(workload.namespace, ())
    if idle and idle[0] is workload:
        keys = listed((key for each in idle for key in _remaining(each)), 2)
        yield Hit(
            at(workload, "metadata", "annotations", _remaining(workload)[0]),
            f"without sidecars nothing reads {keys} of {named(idle, 2)}; no successor is needed",
            "idle",
        )


def _functions(workload: Workload, config: str) -> Iterator[Hit]:
    """What annotations ask for and nothing does any more."""
    for key in workload.annotations:
        if key in _FILES or (key == CONFIG and "OUTPUT_CERTS" in config):
            what = "OUTPUT_CERTS" if key == CONFIG else key
            yield Hit(
                at(workload, "metadata", "annotations", key),
                f"{what}: the files that the sidecar of {workload} held (client certificates) are gone with it",
                "files",
            )
    drains = next((each for each in _DRAINING if each in config), None)
    if drains and not any((each.lifecycle or {}).get("preStop") for each in workload.pod.containers):
        yield Hit(
            at(workload, "metadata", "annotations", CONFIG),
            f"{drains}: nothing drains connections for {workload} any more, and it has no preStop hook: rollouts cut calls",
            "drain",
        )
    own = [each for each in _names(workload) if each not in _TEMPLATES and "spire" not in each]
    if own:
        yield Hit(
            at(workload, "metadata", "annotations", injection.TEMPLATES),
            f"injection by template {listed(own)}: what it adds to {workload} beside the sidecar ends with injection",
            "template",
        )
    if lost := _lost(workload, config):
        yield Hit(
            at(workload, "metadata", "annotations", next(iter(lost))),
            f"{listed(lost.values())} of {workload} ends with the sidecar; waypoints do it by Telemetry, ztunnel not at all",
            "dead",
        )


def _names(workload: Workload) -> list[str]:
    """The templates of the injector that the pods ask for."""
    return [each.strip() for each in workload.annotations.get(injection.TEMPLATES, "").split(",") if each.strip()]


def _lost(workload: Workload, config: str) -> dict[str, str]:
    """Annotation -> what it sets that ends."""
    found = {key: key for key in workload.annotations if key.startswith(_STATS)}
    if keys := [each for each in _MISSED if each in config]:
        found[CONFIG] = listed(keys)
    return found


def _idle(mesh: Mesh) -> Mapping[str, tuple[Workload, ...]]:
    """By namespace the workloads with annotations that nobody will miss."""
    found = (each for each in workloads(mesh) if captured(mesh, each) and _remaining(each))
    return grouped((each.namespace, each) for each in sorted(found, key=str))


def _remaining(workload: Workload) -> tuple[str, ...]:
    """The annotations for the sidecar that are no function of theirs."""
    config = workload.annotations.get(CONFIG, "")
    told = {*_ELSEWHERE, *_FILES, *_lost(workload, config)}
    told |= {CONFIG} if any(each in config for each in (*_DRAINING, "OUTPUT_CERTS")) else set()
    return tuple(key for key in workload.annotations if key.startswith(_PREFIXES) and key not in told)
