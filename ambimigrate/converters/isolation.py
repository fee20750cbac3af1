"""What a Sidecar object keeps its pods from or does for them, and which of it would be lost when it goes."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator

from ambimigrate.converters.outcome import Refused
from ambimigrate.kinds import Service, ServiceEntry, Sidecar
from ambimigrate.kinds.core import NetworkPolicyPeer
from ambimigrate.model import Mesh, Resource, Route
from ambimigrate.topology import egress, hosts, ingress, injection, meshconfig, mtls, reach
from ambimigrate.topology.workloads import behind, matches

REGISTRY_ONLY = "REGISTRY_ONLY"
UNNAMED = "its namespace"  # of objects whose namespace is given elsewhere


def governing(mesh: Mesh, namespace: str) -> tuple[Resource[Sidecar], ...]:
    """The Sidecars that configure pods of the namespace: its own, and the root's where it has none for all its pods."""
    root = meshconfig.root_namespace(mesh)
    own = [each for each in mesh.within(Sidecar, namespace) if not is_of_gateways(mesh, each)]
    if namespace == root or any(not _labels(each) for each in own):
        return tuple(own)
    return (*own, *(each for each in mesh.within(Sidecar, root) if not is_of_gateways(mesh, each)))


def is_of_gateways(mesh: Mesh, sidecar: Resource[Sidecar]) -> bool:
    """Whether it is for pods of gateways, which keep it."""
    labels = _labels(sidecar)
    return bool(labels) and ingress.is_selected(mesh, sidecar.namespace, labels)


def _labels(sidecar: Resource[Sidecar]) -> dict[str, str]:
    selector = sidecar.body.spec.workload_selector
    return selector.labels if selector else {}


def losses(mesh: Mesh, sidecar: Resource[Sidecar], namespace: str) -> Iterator[Refused]:
    """What pods of the namespace lose with it, one by one; nothing if it only trims configuration."""
    yield from _listeners(sidecar)
    yield from _outside(mesh, sidecar, namespace)
    yield from _inside(mesh, sidecar, namespace)


def remedy(mesh: Mesh, sidecar: Resource[Sidecar], namespace: str, refused: Refused) -> str | None:
    """What a person does about unknown destinations, with the names of this mesh; None for other losses."""
    if refused.case != "registry" or not namespace:
        return None
    written = [host for listener in sidecar.body.spec.egress for host in listener.hosts]
    spaces = sorted({namespace, *(each.partition("/")[0] for each in written if "/" in each)} - {".", "~", "*"})
    to = "pods of every namespace" if not written or any(each.startswith("*") for each in written) else reach.listed(spaces, 8)
    policy = f"a NetworkPolicy in {namespace} with podSelector {{}}, policyTypes [Egress] and egress to {to} and to DNS only"
    accept = f"--accept SC901:{sidecar.namespace}/{sidecar.name}"
    if outside := _called_outside(mesh, namespace):
        far = f"and, as long as its pods call them themselves, to the addresses of {outside}"
        return f"Write {policy}, {far}; then accept what these addresses leave open: {accept}."
    return f"Write {policy}, then convert again. Or accept it: {accept}."


def _called_outside(mesh: Mesh, namespace: str) -> str:
    """The hosts outside of the mesh that entries of the namespace let its pods call."""
    own = (each.body.spec for each in mesh.within(ServiceEntry, namespace) if each.body.spec.location == "MESH_EXTERNAL")
    return reach.listed(host for spec in own for host in spec.hosts)


def _listeners(sidecar: Resource[Sidecar]) -> Iterator[Refused]:
    """Ports that the sidecar opens for its application, or passes on to it, and limits on the way in."""
    spec = sidecar.body.spec
    for number, inbound in enumerate(spec.ingress):
        port = inbound.port.number if inbound.port else 0
        if inbound.tls or inbound.default_endpoint not in {"", f"0.0.0.0:{port}", f"[::]:{port}"}:
            what = "ends TLS" if inbound.tls else f"passes connections on to {inbound.default_endpoint}"
            reason = f"the sidecar {what} at port {port}; ztunnel delivers them to port {port} of the pod as they are"
            yield Refused("listener", ("spec", "ingress", number), reason, f"a connection to port {port}: not answered then")
    for number, outbound in enumerate(spec.egress):
        if outbound.bind or outbound.capture_mode == "NONE" or (outbound.port and outbound.port.number):
            where = outbound.bind or "localhost"
            at = f":{outbound.port.number}" if outbound.port and outbound.port.number else ""
            reason = f"the sidecar listens on {where}{at} for its application; nothing does in ambient mode"
            yield Refused("listener", ("spec", "egress", number), reason, f"a call to {where}{at}: refused then")
    pools: list[Route] = [
        ("spec", "ingress", n, "connectionPool") for n, each in enumerate(spec.ingress) if each.connection_pool
    ]
    pools += [("spec", "inboundConnectionPool")] if spec.inbound_connection_pool else []
    for route in pools:
        reason = "the sidecar limits connections on their way in; ztunnel has no such limit"
        yield Refused("limits", route, reason, "more connections than the limit at once: admitted then")


def _outside(mesh: Mesh, sidecar: Resource[Sidecar], namespace: str) -> Iterator[Refused]:
    """Destinations that no object of the mesh names."""
    policy, place = sidecar.body.spec.outbound_traffic_policy, namespace or UNNAMED
    if policy and policy.egress_proxy:
        proxy = policy.egress_proxy.host
        reason = f"what {place} calls outside the mesh goes through {proxy}; ztunnel sends it straight out"
        witness = f"a call from {place} to an unknown destination: past {proxy} then"
        yield Refused("egress-proxy", ("spec", "outboundTrafficPolicy", "egressProxy"), reason, witness)
    if is_registry_only(mesh, sidecar) and not _is_closed(mesh, namespace):
        reason = f"REGISTRY_ONLY keeps pods of {place} from unknown destinations; ztunnel lets them pass"
        witness = f"https://203.0.113.1/ from a pod of {place}: refused today, let out then"
        yield Refused("registry", ("spec", "outboundTrafficPolicy"), reason, witness)


def is_registry_only(mesh: Mesh, sidecar: Resource[Sidecar]) -> bool:
    """Whether pods reach known hosts only: by the Sidecar, else by the mesh."""
    policy = sidecar.body.spec.outbound_traffic_policy
    if policy is not None:
        return policy.mode == REGISTRY_ONLY
    return any(each.value == REGISTRY_ONLY for each in meshconfig.settings(mesh, "outboundTrafficPolicy", "mode"))


def _is_closed(mesh: Mesh, namespace: str) -> bool:
    """Whether NetworkPolicies keep all pods of the namespace from every address outside the cluster's private ranges."""
    if egress.closing(mesh, namespace) is None:
        return False
    blocks = (each.ip_block.cidr for each in _admitted(mesh, namespace) if each.ip_block)
    return all(_is_private(each) for each in blocks)


def _admitted(mesh: Mesh, namespace: str) -> Iterator[NetworkPolicyPeer]:
    for policy in egress.of_workloads(mesh, namespace):
        yield from (peer for rule in policy.body.spec.egress for peer in rule.to)


def _is_private(cidr: str) -> bool:
    try:
        return ipaddress.ip_network(cidr, strict=False).is_private
    except ValueError:
        return False


def _inside(mesh: Mesh, sidecar: Resource[Sidecar], namespace: str) -> Iterator[Refused]:
    """Services of the mesh that it does not import, and that refuse its pods' plaintext today."""
    imported = [host for listener in sidecar.body.spec.egress for host in listener.hosts]
    if not sidecar.body.spec.egress or "*/*" in imported or "*" in imported:
        return
    strictly, place = is_registry_only(mesh, sidecar), namespace or UNNAMED
    closed = egress.closing(mesh, namespace) is not None
    for service in mesh.of(Service) if strictly else mesh.index(_refusing):
        if _is_imported(imported, hosts.host_of(service), service.namespace, namespace):
            continue
        if closed and not any(_is_open_to(mesh, peer, service.namespace, namespace) for peer in _admitted(mesh, namespace)):
            continue
        number = next(n for n, each in enumerate(sidecar.body.spec.egress) if each.hosts)
        name = f"{service.name}.{service.namespace}"
        why = "REGISTRY_ONLY" if strictly else "it demands mTLS, and calls to it leave the sidecar in plaintext"
        reason = f"its hosts keep pods of {place} from {reach.listed([name])}, among others; ztunnel lets them call it"
        witness = f"a call from {place} to {name}: refused today ({why}), answered then"
        yield Refused("hosts", ("spec", "egress", number, "hosts"), reason, witness)
        return


def _is_imported(imported: list[str], host: str, home: str, asking: str) -> bool:
    """Whether a host of namespace `home` is among the imports `NAMESPACE/HOST` (Istio, pilot/pkg/model/sidecar.go)."""
    for each in imported:
        space, _, pattern = each.rpartition("/")
        if (space in {"*", "", home} or (space == "." and home == asking)) and hosts.covers(pattern, host):
            return True
    return False


def _refusing(mesh: Mesh) -> tuple[Resource[Service], ...]:
    """The Services whose own sidecars turn a pod away that does not import them."""
    return tuple(each for each in mesh.of(Service) if _refuses(mesh, each))


def _refuses(mesh: Mesh, service: Resource[Service]) -> bool:
    if not injection.is_meshed(mesh, service.namespace) or ingress.is_gateway(mesh, service):
        return False
    return any(mtls.of_workload(mesh, each) == mtls.STRICT for each in behind(mesh, service))


def _is_open_to(mesh: Mesh, peer: NetworkPolicyPeer, to: str, own: str) -> bool:
    """Whether an egress peer may mean pods of the namespace."""
    if peer.ip_block:
        return True
    if peer.namespace_selector is None:
        return to == own
    known = {"kubernetes.io/metadata.name": to, **injection.labels(mesh, to)}
    return bool(peer.namespace_selector.match_expressions) or matches(peer.namespace_selector.match_labels, known)
