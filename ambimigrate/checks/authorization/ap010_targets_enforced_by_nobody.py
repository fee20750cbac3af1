"""AP010: targetRefs that no waypoint and no gateway enforces."""

from __future__ import annotations

from collections.abc import Iterator

from ambimigrate.checks import rule
from ambimigrate.kinds import AuthorizationPolicy, Service
from ambimigrate.model import Hit, Mesh, Resource
from ambimigrate.topology import attachment, injection, policies


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
        open_ = "" if case == "prepared" else "fails open: " if policy.body.spec.action != "AUDIT" else ""
        who = "so it waits for that waypoint" if case == "prepared" else "so nobody enforces this policy"
        services = policies.needing([service]) if service and case in {"unbound", "prepared"} else ()
        yield Hit(policy.at(*route), f"{open_}{found.words}, {who}", case, services)


def _is_prepared(mesh: Mesh, policy: Resource[AuthorizationPolicy], service: Resource[Service]) -> bool:
    """Whether sidecars still enforce a policy of the same action for the Service: this one is its copy for later."""
    action = policy.body.spec.action or "ALLOW"
    originals = policies.by_service(mesh).get(id(service), ())
    is_sidecar = injection.mode(mesh, service.namespace) == injection.SIDECAR
    return is_sidecar and any((each.body.spec.action or "ALLOW") == action for each in originals)
