"""Which namespace calls which, as far as the configuration shows it, and what says so. A caller not seen may still exist."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from msgspec import Struct

from ambimigrate.kinds import (
    AuthorizationPolicy,
    ConfigMap,
    DestinationRule,
    NetworkPolicy,
    Service,
    ServiceEntry,
    Sidecar,
    VirtualService,
)
from ambimigrate.kinds.core import NetworkPolicyPeer
from ambimigrate.model import Mesh, Ref, Resource
from ambimigrate.topology import hosts, injection, reach
from ambimigrate.topology.virtualservices import destinations, is_of_mesh
from ambimigrate.topology.workloads import Workload, workloads

NAME_LABEL = "kubernetes.io/metadata.name"
EXPORT_TO = "networking.istio.io/exportTo"  # of a Service: namespaces, separated by commas
_PRINCIPAL = re.compile(r"(?:^|/)ns/([a-z0-9-]+)/sa/")
_URL = re.compile(r"://([a-z0-9-]+)\.([a-z0-9-]+)(?=[:/]|$)")
_SERVICE_NAME = re.compile(r"\b([a-z0-9-]+)\.([a-z0-9-]+)\.svc\b")
_NOT_NAMED = frozenset({"", "*", ".", "~"})  # what exportTo and hosts of a Sidecar say in place of a namespace


class Call(Struct, frozen=True):
    """The namespace `caller` calls the namespace `callee`, as `ref` shows; `guessed` if only a text names the host."""

    caller: str
    callee: str
    ref: Ref
    guessed: bool = False


class Witness(Struct, frozen=True, eq=False):
    """An object that shows a call, and how: `what` follows its name in a sentence."""

    caller: str
    callee: str
    resource: Resource[Any]
    what: str
    guessed: bool = False


def calls(mesh: Mesh) -> tuple[Call, ...]:
    """Every call between two different namespaces that something shows, each with one witness.

    What rules, converters and holds go by: ConfigMaps and `exportTo` are left to `witnesses`.
    """
    return mesh.index(_calls)


def _calls(mesh: Mesh) -> tuple[Call, ...]:
    found: dict[tuple[str, str], Call] = {}
    for each in sorted(_known(mesh, _all(mesh)), key=lambda each: each.guessed):
        found.setdefault((each.caller, each.callee), Call(each.caller, each.callee, each.resource.ref, each.guessed))
    return tuple(sorted(found.values(), key=lambda call: (call.caller, call.callee)))


def witnesses(mesh: Mesh) -> tuple[Witness, ...]:
    """Everything that shows a call between two different namespaces, each object once for each call and way."""
    every = (*_known(mesh, _all(mesh)), *_known(mesh, _more(mesh)))
    return tuple({(each.caller, each.callee, each.resource.ref, each.what): each for each in every}.values())


def _known(mesh: Mesh, found: Iterator[Witness]) -> Iterator[Witness]:
    known = injection.namespaces(mesh)
    return (each for each in found if each.caller != each.callee and each.caller in known and each.callee in known)


def _all(mesh: Mesh) -> Iterator[Witness]:
    for vs in mesh.of(VirtualService):
        if is_of_mesh(vs.body):
            yield from _routes(mesh, vs)
    for policy in mesh.of(AuthorizationPolicy):
        yield from (Witness(caller, policy.namespace, policy, "admits it") for caller in _admitted(policy.body))
    for sidecar in mesh.of(Sidecar):
        yield from (Witness(sidecar.namespace, callee, sidecar, "lists its hosts") for callee in _imported(sidecar.body))
    for network in mesh.of(NetworkPolicy):
        yield from _network(network)
    for workload in workloads(mesh):
        for callee in _named(mesh, workload):
            yield Witness(workload.namespace, callee, workload.resource, "names a Service of it", guessed=True)


def _more(mesh: Mesh) -> Iterator[Witness]:
    """Who may see what, and ConfigMaps."""
    for service in mesh.of(Service):
        for caller in service.body.metadata.annotations.get(EXPORT_TO, "").split(","):
            yield Witness(caller.strip(), service.namespace, service, "is exported to it")
    for entry in mesh.of(ServiceEntry):
        yield from (Witness(each, entry.namespace, entry, "is exported to it") for each in entry.body.spec.export_to)
    for vs in mesh.of(VirtualService):
        yield from _exported(mesh, vs, vs.body.spec.hosts if is_of_mesh(vs.body) else ())
    for rule in mesh.of(DestinationRule):
        yield from _exported(mesh, rule, (rule.body.spec.host,))
    for config in mesh.of(ConfigMap):
        for callee in {each for text in config.body.data.values() for each in _in_text(mesh, text)}:
            yield Witness(config.namespace, callee, config, "names a Service of it", guessed=True)


def _exported(mesh: Mesh, resource: Resource[Any], named: tuple[str, ...]) -> Iterator[Witness]:
    """A rule for the calls of the namespaces that it is exported to."""
    callers = [each for each in resource.body.spec.export_to if each not in _NOT_NAMED]
    for host in named if callers else ():
        for target in reach.targets(mesh, host, resource.namespace, resource.file):
            yield from (Witness(each, target.namespace, resource, "is exported to it") for each in callers)


def _routes(mesh: Mesh, vs: Resource[VirtualService]) -> Iterator[Witness]:
    """Who writes routes for another namespace's Service calls it, and a routed Service's callers reach the destination."""
    named = [each for host in vs.body.spec.hosts for each in hosts.services(mesh, host, vs.namespace, vs.file)]
    yield from (Witness(vs.namespace, service.namespace, vs, "routes to it") for service in named)
    sources = {vs.namespace, *(service.namespace for service in named)}
    for destination in destinations(vs.body):
        target = hosts.service(mesh, destination.host, vs.namespace, vs.file)
        if target is not None:
            yield from (Witness(source, target.namespace, vs, "routes to it") for source in sorted(sources))


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
        if namespace not in _NOT_NAMED:
            yield namespace


def _network(policy: Resource[NetworkPolicy]) -> Iterator[Witness]:
    for peer in (peer for rule in policy.body.spec.ingress for peer in rule.from_):
        yield from (Witness(each, policy.namespace, policy, "lets it in") for each in _peers(peer))
    for peer in (peer for rule in policy.body.spec.egress for peer in rule.to):
        yield from (Witness(policy.namespace, each, policy, "lets calls to it out") for each in _peers(peer))


def _peers(peer: NetworkPolicyPeer) -> Iterator[str]:
    chosen = peer.namespace_selector
    if chosen is None:
        return
    if name := chosen.match_labels.get(NAME_LABEL):
        yield name
    for each in chosen.match_expressions:
        if each.key == NAME_LABEL and each.operator == "In":
            yield from each.values


def _named(mesh: Mesh, workload: Workload) -> Iterator[str]:
    """The namespaces of Services whose names stand in environment variables and arguments."""
    for text in _texts(workload):
        yield from _in_text(mesh, text)


def _in_text(mesh: Mesh, text: str) -> Iterator[str]:
    if ".svc" in text:
        yield from (namespace for _, namespace in _SERVICE_NAME.findall(text))
    for name, namespace in _URL.findall(text) if "://" in text else ():
        if hosts.service(mesh, f"{name}.{namespace}.{hosts.DOMAIN}", namespace):
            yield namespace


def _texts(workload: Workload) -> Iterator[str]:
    for container in (*workload.pod.init_containers, *workload.pod.containers):
        yield from (each.value for each in container.env if each.value)
        yield from container.args
        yield from container.command
