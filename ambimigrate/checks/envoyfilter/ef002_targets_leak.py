"""EF002: targetRefs of an EnvoyFilter, which istiod ignored before 1.27."""

from __future__ import annotations

from collections.abc import Iterator

from ambimigrate.checks import rule
from ambimigrate.kinds import EnvoyFilter
from ambimigrate.model import Hit, Mesh, Resource
from ambimigrate.topology import policies


@rule("EF002", EnvoyFilter)
def check(envoy: Resource[EnvoyFilter], mesh: Mesh) -> Iterator[Hit]:
    if policies.targets(envoy):
        where = "the mesh" if policies.is_root(mesh, envoy) else f"namespace {envoy.namespace}"
        yield Hit(
            envoy.at("spec", "targetRefs"),
            f"Istio {mesh.target.istio} ignores targetRefs (1.27 honours them): the filter patches every proxy of {where}",
        )
