"""AP806: a policy by selector that is changed in place into one with targetRefs, which sidecars skip at once."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ambimigrate.gate.back.compare import Found, Pair, same
from ambimigrate.kinds import AuthorizationPolicy, RequestAuthentication, WasmPlugin
from ambimigrate.model import Mesh, Resource
from ambimigrate.topology import injection, policies

CASES: dict[type[Any], str] = {AuthorizationPolicy: "authorization", RequestAuthentication: "tokens", WasmPlugin: "extension"}


def may_be(mesh: Mesh) -> bool:
    """Whether the mesh has any policy with targetRefs."""
    return any(policies.targets(policy) for kind in CASES for policy in mesh.of(kind))


def check(pair: Pair) -> Iterator[Found]:
    """In every namespace: it matters most where pods with sidecars are left."""
    if pair.before is None:
        return
    for kind, case in CASES.items():
        for policy in pair.after.of(kind):
            was = same(pair.before, policy) if policies.targets(policy) else None
            if was is None or policies.targets(was) or not _has_sidecars(pair.before, was):
                continue
            words = policies.scope(pair.before, was).words
            message = f"fails open: sidecars skip policies with targetRefs, so it no longer holds for {words}"
            yield Found(policy, policies.targets(policy)[0][0], message, case)


def _has_sidecars(mesh: Mesh, policy: Resource[Any]) -> bool:
    """Whether any pod that it means has a sidecar; where no pods are in the input, whether they would get one."""
    found = policies.scope(mesh, policy)
    if not found.concerns:
        return False
    if found.workloads:
        return any(injection.workload_mode(mesh, each) == injection.SIDECAR for each in found.workloads)
    return any(injection.injects(mesh, each) for each in policies.namespaces(mesh, policy))
