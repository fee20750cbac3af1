"""PF006: Calico's eBPF data plane, and its load balancing at connect time."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from ambimigrate.checks import rule
from ambimigrate.checks.platform.cilium import matters
from ambimigrate.kinds import DaemonSet, FelixConfiguration, StoredFelixConfiguration
from ambimigrate.model import Hit, Mesh, Resource

_TAG = re.compile(r"/node:v?(\d+)\.(\d+)")
_FIXED = (3, 29)  # Calico 3.29 bears ambient mode on its eBPF data plane (istio#52765)


@rule("PF006", FelixConfiguration, StoredFelixConfiguration)
def check(felix: Resource[Any], mesh: Mesh) -> Iterator[Hit]:
    spec = felix.body.spec
    if not spec.bpf_enabled or not matters(mesh):
        return
    if spec.bpf_connect_time_load_balancing != "Disabled":
        said = spec.bpf_connect_time_load_balancing or "TCP"
        yield Hit(
            felix.at("spec", "bpfConnectTimeLoadBalancing"),
            f"fails open: eBPF load balancing at connect time ({said}) turns addresses of Services into those of pods before "
            "ztunnel sees them: waypoints and their policies are skipped",
            "connect-time",
        )
    version = _version(mesh)
    if version is not None and version < _FIXED:
        said = ".".join(map(str, version))
        yield Hit(
            felix.at("spec", "bpfEnabled"),
            f"the eBPF data plane of Calico {said} breaks probes and capture of enrolled pods",
            "old",
        )


def _version(mesh: Mesh) -> tuple[int, int] | None:
    images = (
        one.image for each in mesh.of(DaemonSet) if each.body.spec.template for one in each.body.spec.template.spec.containers
    )
    found = next((match for image in images if (match := _TAG.search(image))), None)
    return (int(found[1]), int(found[2])) if found else None
