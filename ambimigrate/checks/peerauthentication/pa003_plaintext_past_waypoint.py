"""PA003: namespaces whose L7 policies are at a waypoint while ztunnel accepts plaintext past it."""

from __future__ import annotations

from collections.abc import Iterator

from ambimigrate.checks import rule
from ambimigrate.kinds import AuthorizationPolicy, Namespace, Service
from ambimigrate.kinds.security import Rule, Source
from ambimigrate.model import Hit, Mesh, Resource
from ambimigrate.topology import attachment, injection, mtls, policies, workloads, ztunnel


@rule("PA003", Namespace)
def check(namespace: Resource[Namespace], mesh: Mesh) -> Iterator[Hit]:
    if injection.mode(mesh, namespace.name) != injection.AMBIENT:
        return
    open_ = [each for each in _protected(mesh, namespace.name) if not _is_closed(mesh, each)]
    if open_:
        names = policies.listed(each.name for each in open_)
        yield Hit(
            namespace.at("metadata", "name"),
            f"fails open: without STRICT ztunnel accepts plaintext from outside the mesh, past the waypoint of {names} and its "
            "policies",
        )


def _protected(mesh: Mesh, namespace: str) -> Iterator[Resource[Service]]:
    """The Services of the namespace to which a waypoint applies a policy."""
    for service in mesh.within(Service, namespace):
        if attachment.applied(mesh).get(id(service)):
            yield service


def _is_closed(mesh: Mesh, service: Resource[Service]) -> bool:
    """Whether all pods want mutual TLS, or a policy that ztunnel carries out asks for an identity."""
    if any(_asks_identity(each) for each in policies.by_service(mesh).get(id(service), ())):
        return True
    members = workloads.behind(mesh, service)
    if not members:
        return mtls.of_namespace(mesh, service.namespace) == mtls.STRICT
    return all(mtls.of_workload(mesh, each) == mtls.STRICT for each in members)


def _asks_identity(policy: Resource[AuthorizationPolicy]) -> bool:
    if policy.body.spec.action == "DENY":
        return any(_refuses_strangers(each) for each in policy.body.spec.rules or ())
    if policy.body.spec.action not in {"", "ALLOW"}:
        return False
    identities = {"principals", "namespaces", "serviceAccounts", "source.principal", "source.namespace"}
    kept = [each for each in ztunnel.effects(policy.body) if not each.dropped]
    return all(identities & {field for member in each.members for field in member.l4} for each in kept)


def _refuses_strangers(found: Rule) -> bool:
    """Whether a rule of a DENY means everybody but some identities, hence whoever has none (ztunnel, src/rbac.rs)."""
    sources = [each.source for each in found.from_ if each.source]
    return not found.to and not found.when and any(_excepts_only(each) for each in sources)


def _excepts_only(source: Source) -> bool:
    said = {field for field in ztunnel.L4_SOURCE | ztunnel.L7_SOURCE | ztunnel.TRUST_DOMAINS if getattr(source, field)}
    return bool(said) and said <= {"not_principals", "not_namespaces", "not_service_accounts"}
