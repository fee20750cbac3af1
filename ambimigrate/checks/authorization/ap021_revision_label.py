"""AP021: policies of one revision, which other revisions used to send to ztunnel as well."""

from __future__ import annotations

from collections.abc import Iterator

from ambimigrate.checks import rule
from ambimigrate.kinds import AuthorizationPolicy
from ambimigrate.model import Hit, Mesh, Resource
from ambimigrate.topology import injection, policies, ztunnel


@rule("AP021", AuthorizationPolicy)
def check(policy: Resource[AuthorizationPolicy], mesh: Mesh) -> Iterator[Hit]:
    revision = policy.body.metadata.labels.get(injection.REVISION)
    if revision and policies.scope(mesh, policy).concerns and ztunnel.is_sent(policy.body, mesh.target.istio):
        where = policy.at("metadata", "labels", injection.REVISION)
        yield Hit(where, f"Istio {mesh.target.istio} sends it to ztunnel from every revision, not from {revision} alone")
