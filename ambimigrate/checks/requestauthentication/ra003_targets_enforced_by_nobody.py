"""RA003: targetRefs of a RequestAuthentication that no waypoint and no gateway reads."""

from __future__ import annotations

from collections.abc import Iterator

from ambimigrate.checks import rule
from ambimigrate.kinds import RequestAuthentication, Service
from ambimigrate.model import Hit, Mesh, Resource
from ambimigrate.topology import attachment, policies


@rule("RA003", RequestAuthentication)
def check(request: Resource[RequestAuthentication], mesh: Mesh) -> Iterator[Hit]:
    for route, ref in policies.targets(request):
        found = attachment.fault(mesh, request, ref)
        if found and found.case == "unseen":
            message = f"{found.words}; tokens are validated only where a working waypoint serves that Service"
            yield Hit(request.at(*route), message, "unseen")
        elif found:
            case = found.case if found.case in {"version", "foreign"} else "nobody"
            service = mesh.find(Service, request.namespace, ref.name, request.file) if found.case == "unbound" else None
            services = policies.needing([service]) if service else ()
            yield Hit(request.at(*route), f"fails open: {found.words}, so nobody validates these tokens", case, services)
