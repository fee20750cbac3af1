"""DR008: connect timeouts and keepalives, which a waypoint does not apply to the connection to the pod."""

from __future__ import annotations

from collections.abc import Iterator

from ambimigrate.checks import rule
from ambimigrate.checks.destinationrule.policies import named, parts, subjects
from ambimigrate.kinds import DestinationRule, Service
from ambimigrate.model import Hit, Mesh, Resource


@rule("DR008", DestinationRule)
def check(dr: Resource[DestinationRule], mesh: Mesh) -> Iterator[Hit]:
    found = [each for each in subjects(mesh, dr) if isinstance(each.body, Service)]
    if not found:
        return
    for route, policy in parts(dr.body):
        tcp = policy.connection_pool.tcp if policy.connection_pool else None
        fields = {"connectTimeout": tcp.connect_timeout, "tcpKeepalive": tcp.tcp_keepalive} if tcp else {}
        for field, value in fields.items():
            if value is not None:
                yield Hit(
                    dr.at(*route, "connectionPool", "tcp", field),
                    f"{field} is set on the waypoint's inner hop: its connections to the pods of {named(found)} follow"
                    " meshConfig instead",
                )
