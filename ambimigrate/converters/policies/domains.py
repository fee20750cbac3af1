"""Principals of `cluster.local` where the mesh has another trust domain: sidecars read it as the mesh's own, ztunnel does not.

Sidecars and waypoints put the mesh's trust domain and its aliases in place of either name, if the principal has all five
parts (istio, pilot/pkg/security/trustdomain/bundle.go `ReplaceTrustDomainAliases`), so the real name says the same to
them. ztunnel compares literally (istio/ztunnel#1260).
"""

from __future__ import annotations

from collections.abc import Iterator

from ambimigrate.changes import Change, Edit, Set, Stage
from ambimigrate.converters import made
from ambimigrate.converters.policies import trust
from ambimigrate.kinds import AuthorizationPolicy
from ambimigrate.model import Mesh, Resource, Route
from ambimigrate.topology import injection, meshconfig, policies, ztunnel

WRITTEN = "AP909"
_PARTS = 5  # of TRUST-DOMAIN/ns/NAMESPACE/sa/ACCOUNT


def changes(mesh: Mesh, namespace: str) -> Iterator[Change]:
    """The principals of the namespace's policies with the trust domain that ztunnel compares, if a source states it."""
    own = meshconfig.trust_domain(mesh)
    if own in {None, trust.DEFAULT} or trust.domain(mesh).dispute or injection.mode(mesh, namespace) == injection.AMBIENT:
        return
    for policy in mesh.within(AuthorizationPolicy, namespace):
        if _is_read(mesh, policy) and (edits := tuple(_edits(policy.body, str(own)))):
            yield Change(Stage.swap, namespace, mesh.name, policy.ref, edits, policy, (WRITTEN,), (policy.at(),))


def _is_read(mesh: Mesh, policy: Resource[AuthorizationPolicy]) -> bool:
    """Whether ztunnel will be sent the policy of this namespace alone, and does not carry it out today."""
    if made.is_ours(policy) or policies.is_root(mesh, policy) or not ztunnel.is_sent(policy.body, mesh.target.istio):
        return False
    members = policies.scope(mesh, policy).workloads
    return bool(members) and not any(injection.workload_mode(mesh, each) == injection.AMBIENT for each in members)


def _edits(policy: AuthorizationPolicy, own: str) -> Iterator[Edit]:
    for route, values in _written(policy):
        for number, value in enumerate(values):
            parts = value.split("/")
            if len(parts) == _PARTS and parts[0] == trust.DEFAULT and parts[1] == "ns" and parts[3] == "sa":
                yield Set((*route, number), "/".join((own, *parts[1:])))


def _written(policy: AuthorizationPolicy) -> Iterator[tuple[Route, tuple[str, ...]]]:
    for i, rule in enumerate(policy.spec.rules or ()):
        for j, each in enumerate(rule.from_):
            if each.source is not None:
                base: Route = ("spec", "rules", i, "from", j, "source")
                yield (*base, "principals"), each.source.principals
                yield (*base, "notPrincipals"), each.source.not_principals
        for j, condition in enumerate(rule.when):
            if condition.key == "source.principal":
                yield ("spec", "rules", i, "when", j, "values"), condition.values
                yield ("spec", "rules", i, "when", j, "notValues"), condition.not_values
