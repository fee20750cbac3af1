"""DNS records that external-dns makes of Istio Gateways and VirtualServices, and that go with them.

external-dns (docs/sources/istio.md, gateway-api.md, docs/annotations): `istio-gateway` and `istio-virtualservice` read these
objects, `gateway-httproute` the routes; where the records lead is said on Gateways, all else on routes.
"""

from __future__ import annotations

from typing import Any

from ambimigrate.converters.outcome import Refused
from ambimigrate.kinds import VirtualService
from ambimigrate.model import Mesh, Resource
from ambimigrate.topology.workloads import Workload, workloads

PREFIX = "external-dns.alpha.kubernetes.io/"
_OLD, _NEW = ("istio-gateway", "istio-virtualservice"), "gateway-httproute"


def check(mesh: Mesh, subject: Resource[Any]) -> None:
    """Raises Refused where records would be gone, or lead elsewhere."""
    for each in workloads(mesh):
        read = _sources(each)
        if _NEW not in read and (old := next((name for name in _OLD if name in read), None)):
            reason = f"{each} makes DNS records of it (source {old}) and none of routes: its names would be gone"
            raise Refused("dns", (), reason)
    for name in wishes(subject):
        is_route = isinstance(subject.body, VirtualService)
        if name == f"{PREFIX}ingress" or (is_route and name == f"{PREFIX}target"):
            raise Refused("dns", ("metadata", "annotations", name), f"external-dns reads no {name} of what replaces it")


def wishes(subject: Resource[Any]) -> dict[str, str]:
    """What tells external-dns about its records, for the objects that replace it."""
    own: dict[str, str] = subject.body.metadata.annotations
    return {name: value for name, value in own.items() if name.startswith(PREFIX)}


def _sources(workload: Workload) -> set[str]:
    found = (each for each in workload.pod.containers if "external-dns" in each.image)
    words = (word for each in found for word in (*each.command, *each.args))
    return {word.removeprefix("--source=") for word in words}
