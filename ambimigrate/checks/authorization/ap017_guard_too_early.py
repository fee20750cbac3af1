"""AP017: pods that admit nobody but their waypoint while some callers do not come through it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from ambimigrate.checks import rule
from ambimigrate.checks.authorization.ap016_waypoint_admits_all import names_others
from ambimigrate.checks.pods import texts
from ambimigrate.kinds import AuthorizationPolicy
from ambimigrate.kinds.security import Rule
from ambimigrate.model import Hit, Mesh, Resource, grouped
from ambimigrate.topology import attachment, callgraph, fronts, ingress, injection, policies, ztunnel
from ambimigrate.topology.fronts import Front
from ambimigrate.topology.workloads import workloads

_HOST = re.compile(r"(?<![\w.-])([a-z0-9-]+)\.([a-z0-9-]+)(?![\w-])")


@rule("AP017", AuthorizationPolicy)
def check(policy: Resource[AuthorizationPolicy], mesh: Mesh) -> Iterator[Hit]:
    scope = policies.scope(mesh, policy)
    if not scope.concerns or not ztunnel.is_sent(policy.body, mesh.target.istio):
        return
    for front in fronts.fronts(mesh, scope.services):
        if front.is_bound and _is_guard(policy, front, mesh):
            yield from _hits(policy, mesh, front)


def _is_guard(policy: Resource[AuthorizationPolicy], front: Front, mesh: Mesh) -> bool:
    """Whether only the waypoint passes: an ALLOW of it alone, or a DENY of everybody else."""
    rules = policy.body.spec.rules or ()
    if policy.body.spec.action == "DENY":
        own = front.principals(mesh)
        return any(_excepts_only(each, own) for each in rules)
    return mesh.once(_admits_alone, front, front.service)


def _admits_alone(mesh: Mesh, front: Front) -> bool:
    """Whether the ALLOW policies of the pods admit the waypoint and nobody else."""
    allows = [each for each in policies.by_service(mesh).get(id(front.service), ()) if each.body.spec.action in {"", "ALLOW"}]
    found = [each for one in allows for each in one.body.spec.rules or ()]
    admitting = (
        fronts.identity(each) and fronts.meets(each, front, mesh) and not names_others(each, front, mesh) for each in found
    )
    return bool(found) and all(admitting)


def _excepts_only(found: Rule, own: tuple[str, ...]) -> bool:
    sources = [each.source for each in found.from_ if each.source]
    return bool(sources) and all(each.not_principals and set(each.not_principals) <= set(own) for each in sources)


def _hits(policy: Resource[AuthorizationPolicy], mesh: Mesh, front: Front) -> Iterator[Hit]:
    service = front.service
    gateways = ingress.to(mesh, service)
    if gateways and not fronts.takes_ingress(mesh, service):
        routes = policies.listed(str(each.ref) for each in gateways)
        message = f"gateways go straight to the pods of {service.name} ({routes}) and are refused"
        yield Hit(policy.at("spec", "rules"), message, "ingress")
    callers = [each for each in sidecar_callers(mesh, front) if not _excepted(policy.body, each)]
    if callers:
        names = policies.listed(callers)
        message = f"sidecars of {names} call {service.name} past the waypoint and are refused"
        yield Hit(policy.at("spec", "rules"), message, "sidecars")


def sidecar_callers(mesh: Mesh, front: Front) -> tuple[str, ...]:
    """The namespaces with sidecars that call the Service, as the policies of its waypoint or their own workloads say."""
    calling = mesh.index(_sidecars).get(front.service.namespace, ())
    applied = {each.ref for each in attachment.applied(mesh).get(id(front.service), ())}
    named = (each.caller for each in calling if each.ref in applied)
    told = mesh.index(_told).get((front.service.name, front.service.namespace), ())
    return tuple(dict.fromkeys((*named, *told)))


def _told(mesh: Mesh) -> Mapping[tuple[str, str], tuple[str, ...]]:
    """By name and namespace of a Service the namespaces of workloads with sidecars that are told its host."""
    sidecars = (each for each in workloads(mesh) if injection.workload_mode(mesh, each) == injection.SIDECAR)
    named = ((each.namespace, text) for each in sidecars for _, text in texts(each))
    return grouped(((name, space), caller) for caller, text in named for name, space in _HOST.findall(text))


def _sidecars(mesh: Mesh) -> Mapping[str, tuple[callgraph.Call, ...]]:
    """The calls of namespaces with sidecars, by the namespace that they go to."""
    return grouped(
        (each.callee, each) for each in callgraph.calls(mesh) if injection.mode(mesh, each.caller) == injection.SIDECAR
    )


def _excepted(policy: AuthorizationPolicy, namespace: str) -> bool:
    """Whether a DENY of everybody else leaves out identities of the namespace."""
    sources = [each.source for found in policy.spec.rules or () for each in found.from_ if each.source]
    named = (name for each in sources for name in each.not_principals)
    return any(f"/ns/{namespace}/" in name for name in named) or any(namespace in each.not_namespaces for each in sources)
