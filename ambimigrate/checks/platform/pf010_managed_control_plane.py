"""PF010: a control plane that a cloud runs, without ambient mode."""

from __future__ import annotations

from collections.abc import Iterator

from ambimigrate.checks import rule
from ambimigrate.kinds import Namespace
from ambimigrate.model import Hit, Mesh, Resource
from ambimigrate.topology import injection

_AKS, _GOOGLE = "asm-1-", "asm-managed"  # revision labels of the AKS add-on and of managed Cloud Service Mesh


@rule("PF010", Namespace)
def check(namespace: Resource[Namespace], mesh: Mesh) -> Iterator[Hit]:
    revision = namespace.body.metadata.labels.get(injection.REVISION, "")
    if not revision.startswith((_AKS, _GOOGLE)):
        return
    who = "the Istio add-on of AKS" if revision.startswith(_AKS) else "managed Cloud Service Mesh"
    yield Hit(
        namespace.at("metadata", "labels", injection.REVISION),
        f"revision {revision}: {namespace.name} is served by {who}, which cannot be switched to ambient mode",
    )
