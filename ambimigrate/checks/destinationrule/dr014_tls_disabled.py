"""DR014: mTLS switched off by the client, which means something else towards ambient pods."""

from __future__ import annotations

from collections.abc import Iterator

from ambimigrate.checks import rule
from ambimigrate.checks.destinationrule.policies import named, parts, subjects
from ambimigrate.kinds import DestinationRule, PeerAuthentication, Service
from ambimigrate.model import Hit, Mesh, Resource
from ambimigrate.topology import meshconfig


@rule("DR014", DestinationRule)
def check(dr: Resource[DestinationRule], mesh: Mesh) -> Iterator[Hit]:
    found = [each for each in subjects(mesh, dr) if isinstance(each.body, Service)]
    strict = [each for each in found if _is_strict(mesh, each.namespace)]
    for route, policy in parts(dr.body):
        if not found or policy.tls is None or policy.tls.mode != "DISABLE":
            continue
        place = dr.at(*route, "tls", "mode")
        if strict:
            message = f"sidecars and gateways call {named(strict)} in plaintext, which its ambient pods refuse under STRICT"
            yield Hit(place, message, case="strict")
        else:
            message = f"ambient callers use HBONE to {named(found)} all the same; sidecars and gateways stay in plaintext"
            yield Hit(place, message, case="plain")


def _modes(mesh: Mesh) -> dict[str, str]:
    """The mode that a PeerAuthentication without a selector says, by namespace."""
    bodies = ((each.namespace, each.body.spec) for each in mesh.of(PeerAuthentication))
    return {namespace: spec.mtls.mode for namespace, spec in bodies if not spec.selector and spec.mtls}


def _is_strict(mesh: Mesh, namespace: str) -> bool:
    """Whether a PeerAuthentication of the namespace, else of the mesh, says STRICT."""
    modes = mesh.index(_modes)
    return modes.get(namespace, modes.get(meshconfig.root_namespace(mesh), "")) == "STRICT"
