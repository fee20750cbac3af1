"""PF013: the node agents of ambient mode as they are installed."""

from __future__ import annotations

import re
from collections.abc import Iterator

from ambimigrate.checks import rule
from ambimigrate.checks.platform import install
from ambimigrate.kinds import DaemonSet
from ambimigrate.model import Hit, Mesh, Resource
from ambimigrate.topology.workloads import of_resource

_VERSION = re.compile(r":v?(\d+)\.(\d+)\.\d+")
_ACCOUNT = "ztunnel"  # istiod lets this account alone ask for the certificates of others


@rule("PF013", DaemonSet)
def check(resource: Resource[DaemonSet], mesh: Mesh) -> Iterator[Hit]:
    workload = of_resource(mesh, resource)
    if workload is None or "ztunnel" not in {workload.labels.get("app"), workload.name}:
        return
    if workload.service_account != _ACCOUNT:
        yield Hit(
            resource.at("spec", "template", "spec", "serviceAccountName"),
            f"ztunnel runs as {workload.service_account}; istiod gives certificates of other pods to account {_ACCOUNT} only",
            "account",
        )
    own = _line(*(each.image for each in workload.pod.containers))
    for other in install.istiods(mesh):
        control = _line(*(each.image for each in other.pod.containers))
        if own and control and not control[1] - 1 <= own[1] <= control[1]:
            yield Hit(
                resource.at("spec", "template", "spec", "containers"),
                f"ztunnel {own[0]}.{own[1]} and {other} {control[0]}.{control[1]} do not fit: ztunnel works with istiod of "
                "its own release and of the next",
                "skew",
            )


def _line(*images: str) -> tuple[int, int] | None:
    found = next((match for image in images if (match := _VERSION.search(image))), None)
    return (int(found[1]), int(found[2])) if found else None
