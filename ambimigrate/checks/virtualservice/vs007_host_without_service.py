"""VS007: a host of the mesh behind which there is no Service and no ServiceEntry."""

from __future__ import annotations

from collections.abc import Iterator

from ambimigrate.checks import rule
from ambimigrate.kinds import Service, VirtualService
from ambimigrate.model import Hit, Mesh, Resource
from ambimigrate.topology import hosts, injection, reach
from ambimigrate.topology.virtualservices import is_of_gateway, is_of_mesh


@rule("VS007", VirtualService)
def check(vs: Resource[VirtualService], mesh: Mesh) -> Iterator[Hit]:
    if not is_of_mesh(vs.body) or not reach.has_members(mesh):
        return
    for number, host in enumerate(vs.body.spec.hosts):
        if host == "*" or reach.targets(mesh, host, vs.namespace, vs.file):
            continue
        full = hosts.full_name(host, vs.namespace)
        place = vs.at("spec", "hosts", number)
        if not full.endswith(f".{hosts.DOMAIN}"):
            yield Hit(
                place,
                f"{host} is no Service and no ServiceEntry of the input: no waypoint can stand for it, and ambient clients"
                " that call it reach whatever DNS says",
                case="gateway" if is_of_gateway(vs.body) else "virtual",
            )
        elif not full.startswith("*") and vs.namespace and _is_seen(mesh, full):
            yield Hit(place, f"there is no Service {full}: a waypoint never uses these routes", case="missing")


def _is_seen(mesh: Mesh, full: str) -> bool:
    """Whether the Services of the namespace were read, so that a name missing among them is missing."""
    namespace = full.partition(".")[2].removesuffix(f".{hosts.DOMAIN}")
    if not injection.is_meshed(mesh, namespace):
        return False
    return mesh.is_whole(Service, namespace) or bool(mesh.within(Service, namespace))
