"""Which namespace calls which, as far as the configuration shows it, and what says so. A caller not seen may still exist."""

from __future__ import annotations

import re
from collections.abc import Iterator

from msgspec import Struct

from ambimigrate.kinds import AuthorizationPolicy, NetworkPolicy, Sidecar, VirtualService
from ambimigrate.kinds.core import NetworkPolicyPeer
from ambimigrate.model import Mesh, Ref, Resource
from ambimigrate.topology import hosts, injection
from ambimigrate.topology.virtualservices import is_of_mesh
from ambimigrate.topology.workloads import Workload, workloads

NAME_LABEL = "kubernetes.io/metadata.name"
_PRINCIPAL = re.compile(r"(?:^|/)ns/([a-z0-9-]+)/sa/")
_URL = re.compile(r"://([a-z0-9-]+)\.([a-z0-9-]+)(?=[:/]|$)")
_SERVICE_NAME = re.compile(r"\b([a-z0-9-]+)\.([a-z0-9-]+)\.svc\b")


class Call(Struct, frozen=True):
    """The namespace `caller` calls the namespace `callee`, as `ref` shows; `guessed` if only a text names the host."""

    caller: str
    callee: str
    ref: Ref
    guessed: bool = False


def calls(mesh: Mesh) -> tuple[Call, ...]:
    """Every call between two different namespaces that something shows, each with one witness."""
    return mesh.index(_calls)


def _calls(mesh: Mesh) -> tuple[Call, ...]:
    known = injection.namespaces(mesh)
    found: dict[tuple[str, str], Call] = {}
    for call in sorted(_all(mesh), key=lambda each: each.guessed):
        if call.caller != call.callee and call.caller in known and call.callee in known:
            found.setdefault((call.caller, call.callee), call)
    return tuple(sorted(found.values(), key=lambda call: (call.caller, call.callee)))


def _all(mesh: Mesh) -> Iterator[Call]:
    for vs in mesh.of(VirtualService):
        if is_of_mesh(vs.body):
            yield from _routes(mesh, vs)
    for policy in mesh.of(AuthorizationPolicy):
        yield from (Call(caller, policy.namespace, policy.ref) for caller in _admitted(policy.body))
    for sidecar in mesh.of(Sidecar):
        yield from (Call(sidecar.namespace, callee, sidecar.ref) for callee in _imported(sidecar.body))
    for network in mesh.of(NetworkPolicy):
        yield from _network(network)
    yield from _guesses(mesh)


def _guesses(mesh: Mesh) -> Iterator[Call]:
    for workload in workloads(mesh):
        for callee in _named(mesh, workload):
            yield Call(workload.namespace, callee, workload.resource.ref, guessed=True)


def _routes(mesh: Mesh, vs: Resource[VirtualService]) -> Iterator[Call]:
    """Who writes routes for another namespace's Service calls it, and a routed Service's callers reach the destination."""
    named = [each for host in vs.body.spec.hosts for each in hosts.services(mesh, host, vs.namespace, vs.file)]
    yield from (Call(vs.namespace, service.namespace, vs.ref) for service in named)
    sources = {vs.namespace, *(service.namespace for service in named)}
    for destination in (route.destination for rule in vs.body.spec.http for route in rule.route):
        target = hosts.service(mesh, destination.host, vs.namespace, vs.file)
        if target is not None:
            yield from (Call(source, target.namespace, vs.ref) for source in sources)


def _admitted(policy: AuthorizationPolicy) -> Iterator[str]:
    """The namespaces that an ALLOW (or CUSTOM) admits by name: who is admitted is taken for a caller."""
    if policy.spec.action == "DENY":
        return
    for source in (origin.source for rule in policy.spec.rules or () for origin in rule.from_):
        if source is not None:
            yield from (each for each in source.namespaces if "*" not in each)
            yield from (found for principal in source.principals for found in _PRINCIPAL.findall(principal))
            yield from (each.partition("/")[0] for each in source.service_accounts if "/" in each)


def _imported(sidecar: Sidecar) -> Iterator[str]:
    for host in (host for listener in sidecar.spec.egress for host in listener.hosts):
        namespace = host.partition("/")[0]
        if namespace not in {"*", ".", "~"}:
            yield namespace


def _network(policy: Resource[NetworkPolicy]) -> Iterator[Call]:
    for peer in (peer for rule in policy.body.spec.ingress for peer in rule.from_):
        if name := _namespace(peer):
            yield Call(name, policy.namespace, policy.ref)
    for peer in (peer for rule in policy.body.spec.egress for peer in rule.to):
        if name := _namespace(peer):
            yield Call(policy.namespace, name, policy.ref)


def _namespace(peer: NetworkPolicyPeer) -> str | None:
    return peer.namespace_selector.match_labels.get(NAME_LABEL) if peer.namespace_selector else None


def _named(mesh: Mesh, workload: Workload) -> Iterator[str]:
    """The namespaces of Services whose names stand in environment variables and arguments."""
    for text in _texts(workload):
        yield from (namespace for _, namespace in _SERVICE_NAME.findall(text))
        for name, namespace in _URL.findall(text):
            if hosts.service(mesh, f"{name}.{namespace}.{hosts.DOMAIN}", namespace):
                yield namespace


def _texts(workload: Workload) -> Iterator[str]:
    for container in (*workload.pod.init_containers, *workload.pod.containers):
        yield from (each.value for each in container.env if each.value)
        yield from container.args
        yield from container.command
