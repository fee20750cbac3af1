"""Whether a NetworkPolicy alone keeps a caller out: no policy of Istio answers such a call, so it tells nothing about one."""

from __future__ import annotations

from ambimigrate.kinds import Service
from ambimigrate.model import Mesh, Resource
from ambimigrate.topology.workloads import behind, target_port
from ambimigrate.verify import callers, wires
from ambimigrate.verify.values import Caller, Place


def is_cut(mesh: Mesh, caller: Caller, service: Resource[Service], place: Place) -> bool:
    """Whether a connection to any pod behind the port of the Service is dropped on the way."""
    port = next((each for each in service.body.spec.ports if each.port == place.port), None)
    if port is None:
        return False
    mode = callers.mode(mesh, caller, place)
    ends = ((each, target_port(port, each)) for each in behind(mesh, service))
    return any(wires.is_cut(mesh, wires.Way(caller, mode, None, each, inner)) for each, inner in ends if inner)
