"""AP010: targetRefs that no waypoint and no gateway enforces."""

from __future__ import annotations

from collections.abc import Iterator

from ambimigrate.checks import rule
from ambimigrate.kinds import AuthorizationPolicy, Service
from ambimigrate.model import Hit, Mesh, Resource
from ambimigrate.topology import attachment, injection, policies

OPEN = "fails open: {}, so nobody enforces this policy"
ENDS = {
    "prepared": "{}: sidecars go on with the policy that selects its pods, and this one waits for the waypoint",
    "unseen": "{}; the policy is enforced only where a working waypoint serves that Service",
}


@rule("AP010", AuthorizationPolicy)
def check(policy: Resource[AuthorizationPolicy], mesh: Mesh) -> Iterator[Hit]:
    for route, ref in policies.targets(policy):
        found = attachment.fault(mesh, policy, ref)
        if found is None:
            continue
        service = mesh.find(Service, policy.namespace, ref.name, policy.file) if ref.kind == "Service" else None
        case = found.case
        if case == "unbound" and service and _is_prepared(mesh, policy, service):
            case = "prepared"
        services = policies.needing([service]) if service and case in {"unbound", "prepared"} else ()
        yield Hit(policy.at(*route), ENDS.get(case, OPEN).format(found.words), case, services)


def _is_prepared(mesh: Mesh, policy: Resource[AuthorizationPolicy], service: Resource[Service]) -> bool:
    """Whether sidecars still enforce a policy of the same action for the Service: this one is its copy for later."""
    action = policy.body.spec.action or "ALLOW"
    originals = policies.by_service(mesh).get(id(service), ())
    is_sidecar = injection.mode(mesh, service.namespace) == injection.SIDECAR
    return is_sidecar and any((each.body.spec.action or "ALLOW") == action for each in originals)
