"""AP018: policies at a waypoint that known callers with sidecars go past."""

from __future__ import annotations

from collections.abc import Iterator

from ambimigrate.checks import rule
from ambimigrate.checks.authorization.ap007_allow_rejects_waypoint import is_allow
from ambimigrate.kinds import AuthorizationPolicy, Service
from ambimigrate.model import Hit, Mesh, Resource
from ambimigrate.topology import attachment, callgraph, injection, policies


@rule("AP018", AuthorizationPolicy)
def check(policy: Resource[AuthorizationPolicy], mesh: Mesh) -> Iterator[Hit]:
    if not policies.targets(policy):
        return
    for target in attachment.reached(mesh, policy):
        if isinstance(target.body, Service) and injection.mode(mesh, target.namespace) == injection.AMBIENT:
            callers = () if _is_guarded(mesh, target) else _callers(mesh, target)
            if callers:
                yield Hit(
                    policy.at("spec"),
                    f"fails open: sidecars of {policies.listed(callers)} go past the waypoint of {target.name}, and ztunnel "
                    "admits them without this policy",
                )


def _is_guarded(mesh: Mesh, service: Resource[Service]) -> bool:
    """Whether ztunnel keeps a list of who may call the pods."""
    return any(is_allow(each, mesh) for each in policies.by_service(mesh).get(id(service), ()))


def _callers(mesh: Mesh, service: Resource[Service]) -> tuple[str, ...]:
    found = (each.caller for each in callgraph.calls(mesh) if each.callee == service.namespace and not each.guessed)
    return tuple(dict.fromkeys(each for each in found if injection.mode(mesh, each) == injection.SIDECAR))
