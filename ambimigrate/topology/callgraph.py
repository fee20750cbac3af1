"""Which namespace calls which, as far as the configuration shows it, and what says so. A caller not seen may still exist."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from ambimigrate.kinds import AuthorizationPolicy, NetworkPolicy, Sidecar, VirtualService
from ambimigrate.model import Mesh, Ref, Resource
from ambimigrate.topology import hosts, injection
from ambimigrate.topology.virtualservices import is_of_mesh
from ambimigrate.topology.workloads import Workload, workloads

NAME_LABEL = "kubernetes.io/metadata.name"
_PRINCIPAL = re.compile(r"(?:^|/)ns/([a-z0-9-]+)/sa/")
_SERVICE_NAME = re.compile(r"\b([a-z0-9-]+)\.([a-z0-9-]+)\.svc\b")


@dataclass(frozen=True, slots=True)
class Call:
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
        yield from _routes(mesh, vs)
    for policy in mesh.of(AuthorizationPolicy):
        for caller in _callers(policy.body):
            yield Call(caller, policy.namespace, policy.ref)
    for sidecar in mesh.of(Sidecar):
        for listener in sidecar.body.spec.egress:
            for host in listener.hosts:
                namespace = host.partition("/")[0]
                if namespace not in {"*", ".", "~"}:
                    yield Call(sidecar.namespace, namespace, sidecar.ref)
    for network in mesh.of(NetworkPolicy):
        yield from _network(network)
    for workload in workloads(mesh):
        yield from _environment(mesh, workload)


def _routes(mesh: Mesh, vs: Resource[VirtualService]) -> Iterator[Call]:
    """Who writes routes for another namespace's Service calls it, and a routed Service's callers reach the destination."""
    if not is_of_mesh(vs.body):
        return
    sources = {vs.namespace}
    for host in vs.body.spec.hosts:
        for service in hosts.services(mesh, host, vs.namespace, vs.file):
            yield Call(vs.namespace, service.namespace, vs.ref)
            sources.add(service.namespace)
    for rule in vs.body.spec.http:
        for route in rule.route:
            target = hosts.service(mesh, route.destination.host, vs.namespace, vs.file)
            if target is not None:
                for source in sources:
                    yield Call(source, target.namespace, vs.ref)


def _callers(policy: AuthorizationPolicy) -> Iterator[str]:
    """The namespaces that an ALLOW (or CUSTOM) admits by name: who is admitted is taken for a caller."""
    if policy.spec.action == "DENY":
        return
    for rule in policy.spec.rules or ():
        for origin in rule.from_:
            if origin.source is not None:
                yield from (each for each in origin.source.namespaces if "*" not in each)
                for principal in origin.source.principals:
                    yield from _PRINCIPAL.findall(principal)
                for account in origin.source.service_accounts:
                    if "/" in account:
                        yield account.partition("/")[0]


def _network(policy: Resource[NetworkPolicy]) -> Iterator[Call]:
    for rule in policy.body.spec.ingress:
        for peer in rule.from_:
            if peer.namespace_selector and (name := peer.namespace_selector.match_labels.get(NAME_LABEL)):
                yield Call(name, policy.namespace, policy.ref)
    for out in policy.body.spec.egress:
        for peer in out.to:
            if peer.namespace_selector and (name := peer.namespace_selector.match_labels.get(NAME_LABEL)):
                yield Call(policy.namespace, name, policy.ref)


def _environment(mesh: Mesh, workload: Workload) -> Iterator[Call]:
    for text in _texts(workload):
        for _, namespace in _SERVICE_NAME.findall(text):
            yield Call(workload.namespace, namespace, workload.resource.ref, guessed=True)
        if "." in text:
            for host in re.findall(r"://([a-z0-9-]+\.[a-z0-9-]+)(?=[:/]|$)", text):
                name, _, namespace = host.partition(".")
                if hosts.service(mesh, f"{name}.{namespace}.{hosts.DOMAIN}", namespace):
                    yield Call(workload.namespace, namespace, workload.resource.ref, guessed=True)


def _texts(workload: Workload) -> Iterator[str]:
    for container in (*workload.pod.init_containers, *workload.pod.containers):
        yield from (each.value for each in container.env if each.value)
        yield from container.args
        yield from container.command


def groups(names: Iterable[str], edges: Iterable[tuple[str, str]]) -> tuple[tuple[str, ...], ...]:
    """The names in groups that reach each other in a circle, each group after those that it has edges to (Tarjan).

    Deterministic: names and edges are taken in sorted order.
    """
    following: dict[str, list[str]] = {name: [] for name in sorted(names)}
    for start, end in sorted(set(edges)):
        if start in following and end in following:
            following[start].append(end)
    return tuple(_Tarjan(following).run())


class _Tarjan:
    """Strongly connected components without recursion, since chains of namespaces may be long."""

    def __init__(self, following: dict[str, list[str]]) -> None:
        self.following = following
        self.order: dict[str, int] = {}
        self.low: dict[str, int] = {}
        self.stack: list[str] = []
        self.on_stack: set[str] = set()

    def run(self) -> Iterator[tuple[str, ...]]:
        for name in self.following:
            if name not in self.order:
                yield from self._from(name)

    def _enter(self, name: str) -> tuple[str, Iterator[str]]:
        self.order[name] = self.low[name] = len(self.order)
        self.stack.append(name)
        self.on_stack.add(name)
        return name, iter(self.following[name])

    def _from(self, root: str) -> Iterator[tuple[str, ...]]:
        work = [self._enter(root)]
        while work:
            name, left = work[-1]
            following = next(left, None)
            if following is None:
                work.pop()
                if work:
                    above = work[-1][0]
                    self.low[above] = min(self.low[above], self.low[name])
                if self.low[name] == self.order[name]:
                    yield self._component(name)
            elif following not in self.order:
                work.append(self._enter(following))
            elif following in self.on_stack:
                self.low[name] = min(self.low[name], self.order[following])

    def _component(self, name: str) -> tuple[str, ...]:
        members = []
        while True:
            member = self.stack.pop()
            self.on_stack.discard(member)
            members.append(member)
            if member == name:
                return tuple(sorted(members))
