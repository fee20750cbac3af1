"""SE001: an entry without addresses, which ztunnel does not recognise where none are allocated."""

from __future__ import annotations

from collections.abc import Iterator

from ambimigrate import support
from ambimigrate.checks import rule
from ambimigrate.checks.serviceentry.entries import concerns, is_bound, wildcards
from ambimigrate.kinds import ServiceEntry
from ambimigrate.model import Hit, Mesh, Resource
from ambimigrate.topology import flags


@rule("SE001", ServiceEntry)
def check(entry: Resource[ServiceEntry], mesh: Mesh) -> Iterator[Hit]:
    spec = entry.body.spec
    if spec.addresses or wildcards(entry.body) or spec.resolution in {"NONE", "DYNAMIC_DNS"} or not concerns(mesh, entry):
        return
    why = _why(mesh)
    if not why:
        return
    if is_bound(mesh, entry):
        yield Hit(
            entry.at("spec"),
            f"fails open: {why}, so ztunnel does not recognise {spec.hosts[0] if spec.hosts else entry.name} and passes its"
            " waypoint and policies by",
            case="bound",
        )
    elif spec.location == "MESH_INTERNAL":
        message = f"{why}, so {', '.join(spec.hosts)} has no address and ambient clients do not find it by that name"
        yield Hit(entry.at("spec"), message, case="internal")
    elif any(each.protocol.upper() in {"TCP", "MONGO", "MYSQL", "REDIS"} for each in spec.ports):
        message = (
            f"{why}: TCP for {', '.join(spec.hosts)} is told from that for other entries by nothing, and lets no policy hold"
        )
        yield Hit(entry.at("spec"), message, case="tcp")
    else:
        message = f"{why}: ztunnel does not recognise {', '.join(spec.hosts)} and lets it pass as unknown traffic"
        yield Hit(entry.at("spec"), message, case="plain")


def _why(mesh: Mesh) -> str:
    """Why an entry without addresses gets none; "" if it does (allocation and DNS capture: default on since 1.25.0)."""
    default = support.status("dns-proxying", "ztunnel", mesh.target.istio) == "stable"
    allocation = flags.pilot_env(mesh, "PILOT_ENABLE_IP_AUTOALLOCATE")
    capture = flags.dns_capture(mesh)
    if not (default if allocation is None else allocation):
        return "no address is allocated (PILOT_ENABLE_IP_AUTOALLOCATE is off)"
    if not (default if capture is None else capture):
        return "DNS capture is off (cni.ambient.dnsCapture)"
    return ""
