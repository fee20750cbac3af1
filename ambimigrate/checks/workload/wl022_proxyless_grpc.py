"""WL022: proxyless gRPC clients cannot call ambient pods over HBONE."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ambimigrate.checks import rule
from ambimigrate.checks.pods import at
from ambimigrate.kinds import PeerAuthentication
from ambimigrate.model import Hit, Mesh, Resource
from ambimigrate.topology import injection
from ambimigrate.topology.workloads import KINDS, of_resource


@rule("WL022", *KINDS)
def check(resource: Resource[Any], mesh: Mesh) -> Iterator[Hit]:
    workload = of_resource(mesh, resource)
    if workload is None or "grpc" not in workload.annotations.get(injection.TEMPLATES, ""):
        return
    strict = sorted(str(each.ref) for each in mesh.of(PeerAuthentication) if _is_strict(each.body))
    ends = f"{strict[0]} refuses that" if strict else "nobody demands mTLS of it yet"
    yield Hit(
        at(workload, "metadata", "annotations", injection.TEMPLATES),
        f"{workload} is a gRPC client without proxy, which cannot tunnel: it calls ambient pods in plaintext, and {ends}",
        "refused" if strict else "plaintext",
    )


def _is_strict(policy: PeerAuthentication) -> bool:
    return policy.spec.mtls is not None and policy.spec.mtls.mode == "STRICT"
