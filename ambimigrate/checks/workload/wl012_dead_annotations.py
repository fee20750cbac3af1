"""WL012: annotations for the sidecar in pod templates, dead and, some of them, missed."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ambimigrate.checks import rule
from ambimigrate.checks.pods import at, listed, subject
from ambimigrate.model import Hit, Mesh, Resource
from ambimigrate.topology.workloads import KINDS, Workload

CONFIG = "proxy.istio.io/config"
_PREFIXES = ("sidecar.istio.io/", "proxy.istio.io/", "readiness.status.sidecar.istio.io/", "status.sidecar.istio.io/")
_ELSEWHERE = frozenset({"sidecar.istio.io/inject", "sidecar.istio.io/status", "sidecar.istio.io/interceptionMode"})
_FILES = ("sidecar.istio.io/userVolume", "sidecar.istio.io/userVolumeMount")
_DRAINING = ("EXIT_ON_ZERO_ACTIVE_CONNECTIONS", "terminationDrainDuration")


@rule("WL012", *KINDS)
def check(resource: Resource[Any], mesh: Mesh) -> Iterator[Hit]:
    workload = subject(mesh, resource)
    if workload is None:
        return
    found = [key for key in workload.annotations if key.startswith(_PREFIXES) and key not in _ELSEWHERE]
    if not found:
        return
    config = workload.annotations.get(CONFIG, "")
    for key in found:
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
    yield Hit(at(workload, "metadata", "annotations", found[0]), _words(workload, found), "dead")


def _words(workload: Workload, found: list[str]) -> str:
    held = (
        " (ztunnel is ready before the containers start)" if "holdApplication" in workload.annotations.get(CONFIG, "") else ""
    )
    return (
        f"without a sidecar {listed(found)} of {workload} have no effect{held}"
        if len(found) > 1
        else (f"without a sidecar {found[0]} of {workload} has no effect{held}")
    )
