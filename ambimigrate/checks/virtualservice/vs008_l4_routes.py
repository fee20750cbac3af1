"""VS008: tcp and tls rules that a waypoint ignores, or reads without their conditions."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ambimigrate.checks import rule
from ambimigrate.checks.virtualservice.conditions import in_mesh, l4
from ambimigrate.kinds import VirtualService
from ambimigrate.kinds.routes import TCPMatch, TLSMatch
from ambimigrate.model import Hit, Mesh, Resource
from ambimigrate.topology import reach


@rule("VS008", VirtualService)
def check(vs: Resource[VirtualService], mesh: Mesh) -> Iterator[Hit]:
    found = reach.readers(mesh, vs)
    if not found:
        return
    names = reach.listed(each.name for each in found)
    for kind, rules in (("tcp", vs.body.spec.tcp), ("tls", vs.body.spec.tls)):
        if rules:
            message = f"before Istio 1.26 the waypoint of {names} ignores {kind} rules: connections go to the Service itself"
            yield Hit(vs.at("spec", kind), message, case=kind)
    for route, match, destinations in l4(vs.body):
        if in_mesh(match):
            to = reach.listed(each.destination.host for each in destinations)
            for field, message, case in _faults(match, found):
                yield Hit(vs.at(*route, field), f"{message} at the waypoint of {names} ({to})", case=case)


def _faults(match: TCPMatch | TLSMatch, found: tuple[Resource[Any], ...]) -> Iterator[tuple[str, str, str]]:
    """What the waypoint makes of an entry (Istio 1.26+, listener_waypoint.go `getTCPRouteMatch`, `getTLSRouteMatch`)."""
    if isinstance(match, TLSMatch):
        own = {name for each in found for name in reach.hostnames(each)}
        unknown = any(not each.namespace for each in found)
        if match.sni_hosts and not unknown and not (len(match.sni_hosts) == 1 and match.sni_hosts[0] in own):
            sni = reach.listed(match.sni_hosts)
            yield "sniHosts", f"sniHosts {sni} is not the one full name of the Service, so this rule is never used", "sni"
            return
    if match.source_labels or match.source_namespace:
        field = "sourceLabels" if match.source_labels else "sourceNamespace"
        yield field, f"{field}: a rule with a condition on the client is left out", "source"
    elif match.destination_subnets:
        yield "destinationSubnets", "destinationSubnets is not read: the rule takes every connection", "subnets"
