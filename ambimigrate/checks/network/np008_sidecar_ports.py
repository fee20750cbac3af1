"""NP008: a NetworkPolicy names ports that only sidecars use."""

from __future__ import annotations

from collections.abc import Iterator

from ambimigrate.checks import rule
from ambimigrate.checks.pods import listed, named
from ambimigrate.kinds import NetworkPolicy
from ambimigrate.kinds.core import NetworkPolicyPort
from ambimigrate.model import Hit, Mesh, Position, Resource
from ambimigrate.topology import networks as reach
from ambimigrate.topology import waypoints
from ambimigrate.topology.captured import captured
from ambimigrate.topology.waypoint_pods import copied_labels
from ambimigrate.topology.workloads import Workload, container_ports, in_namespace

# Istio, docs "Application Requirements", ports used by Istio: of the sidecar, and of istiod for proxies
_INGRESS, _EGRESS = frozenset({15020, 15021, 15090}), frozenset({15012})


@rule("NP008", NetworkPolicy)
def check(policy: Resource[NetworkPolicy], mesh: Mesh) -> Iterator[Hit]:
    found = list(_named(policy))
    pods = _selected(mesh, policy) if found else ()
    used = {number for each in pods for number in container_ports(each)}
    dead = [(number, where) for number, where in found if number not in used]
    if pods and dead:
        ports = listed(str(number) for number, _ in dead)
        yield Hit(
            dead[0][1],
            f"{policy.name} names port {ports} for {named(pods)}: only sidecars use it, it is dead once the pods are ambient",
            related=tuple(where for _, where in dead[1:]),
        )


def _named(policy: Resource[NetworkPolicy]) -> Iterator[tuple[int, Position]]:
    for field, known in (("ingress", _INGRESS), ("egress", _EGRESS)):
        for i, each in enumerate(getattr(policy.body.spec, field)):
            numbers = ((j, port.port) for j, port in enumerate(each.ports) if _is_one(port) and isinstance(port.port, int))
            yield from ((number, policy.at("spec", field, i, "ports", j)) for j, number in numbers if number in known)


def _is_one(port: NetworkPolicyPort) -> bool:
    return port.protocol == "TCP" and port.end_port in {None, port.port}


def _selected(mesh: Mesh, policy: Resource[NetworkPolicy]) -> tuple[Workload, ...]:
    """The workloads that a policy selects if all of them are or will be ambient; none beside gateways and waypoints."""
    selector = policy.body.spec.pod_selector
    own = tuple(each for each in in_namespace(mesh, policy.namespace) if reach.selects(selector, each.labels))
    for gateway in waypoints.waypoints(mesh):
        made = reach.waypoint_pods(gateway.namespace, gateway.name, copied_labels(gateway.body))
        if gateway.namespace == policy.namespace and reach.selects(selector, made.labels):
            return ()
    return own if all(captured(mesh, each) for each in own) else ()
