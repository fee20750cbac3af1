"""VS015: a VirtualService for a Service that no waypoint can serve: headless, or only a name for something else."""

from __future__ import annotations

from collections.abc import Iterator

from ambimigrate.checks import rule
from ambimigrate.checks.virtualservice.vs001_needs_waypoint import losses
from ambimigrate.kinds import Service, VirtualService
from ambimigrate.model import Hit, Mesh, Resource
from ambimigrate.topology import hosts, reach
from ambimigrate.topology.virtualservices import is_of_mesh


@rule("VS015", VirtualService)
def check(vs: Resource[VirtualService], mesh: Mesh) -> Iterator[Hit]:
    if not is_of_mesh(vs.body):
        return
    for number, host in enumerate(vs.body.spec.hosts):
        for target in () if host.startswith("*") else reach.called(mesh, host, vs):
            lost = losses(vs, [target])
            if not isinstance(target.body, Service) or not lost:
                continue
            if hosts.is_headless(target):
                message = f"{target.name} is headless: clients dial pod addresses, past every waypoint; {lost} end"
                yield Hit(vs.at("spec", "hosts", number), message, case="headless")
            elif target.body.spec.type == "ExternalName":
                message = f"{target.name} is an ExternalName, which ambient does not model: {lost} end"
                yield Hit(vs.at("spec", "hosts", number), message, case="external-name")
