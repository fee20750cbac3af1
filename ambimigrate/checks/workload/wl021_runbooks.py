"""WL021: scripts that look into sidecars."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from ambimigrate.checks import rule
from ambimigrate.checks.pods import at, texts
from ambimigrate.kinds import ConfigMap
from ambimigrate.model import Hit, Mesh, Resource
from ambimigrate.topology import injection
from ambimigrate.topology.workloads import KINDS, of_resource

_CALL = re.compile(r"-c[ =]istio-proxy\b|\bpilot-agent request\b|\bistioctl (?:proxy-status|proxy-config|ps|pc)\b")
_SIGNS = ("istio-proxy", "pilot-agent", "istioctl")


@rule("WL021", *KINDS, ConfigMap)
def check(resource: Resource[Any], mesh: Mesh) -> Iterator[Hit]:
    if injection.is_system(mesh, resource.namespace):
        return
    if isinstance(resource.body, ConfigMap):
        for key, text in resource.body.data.items():
            if found := _search(text):
                yield Hit(resource.at("data", key), f"{key} runs {found!r}, which finds no sidecar in pods of ambient mode")
        return
    workload = of_resource(mesh, resource)
    for route, text in texts(workload) if workload else ():
        if workload and (found := _search(text)):
            yield Hit(at(workload, *route), f"{workload} runs {found!r}, which finds no sidecar in pods of ambient mode")


def _search(text: str) -> str | None:
    if not any(sign in text for sign in _SIGNS):
        return None
    found = _CALL.search(text)
    return found[0] if found else None
