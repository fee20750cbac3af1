"""Who calls: one caller for each class that policies, routes or data planes treat differently."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from ipaddress import ip_network
from itertools import chain

from msgspec import Struct

from ambimigrate.kinds import AuthorizationPolicy, DestinationRule, Gateway, Namespace, Sidecar, VirtualService
from ambimigrate.kinds.security import Source as From
from ambimigrate.model import Mesh, grouped
from ambimigrate.topology import callgraph, injection, waypoints
from ambimigrate.topology.workloads import Workload, in_namespace, matches, workloads
from ambimigrate.verify import places
from ambimigrate.verify.values import ANY, GATEWAY, OUTSIDE, UNSEEN, WORKLOAD, Caller, Place

OUTSIDE_IP = "10.9.0.9"
_PRINCIPAL = re.compile(r"/ns/([a-z0-9-]+)/sa/([a-z0-9.-]+)$")
MOST = 40


def callers(before: Mesh, after: Mesh, place: Place) -> tuple[Caller, ...]:
    """As many callers of a place as are tried."""
    return every(before, after, place)[:MOST]


def every(before: Mesh, after: Mesh, place: Place) -> tuple[Caller, ...]:
    """The callers of a place: of its namespace, of those that call it or that policies name, gateways, and others."""
    named = dict.fromkeys(each for mesh in (before, after) for each in _named(mesh, place))
    calling = {name for mesh in (before, after) for name in mesh.index(_calling).get(place.namespace, ())}
    wanted = sorted({place.namespace, *calling, *(namespace for namespace, _ in named)} - {ANY})
    found = [*_of_namespace(before, after, place.namespace), Caller(OUTSIDE, ip=OUTSIDE_IP)]
    found += _one_more(before, after, wanted)
    found += [caller for name in wanted for caller in _of_namespace(before, after, name)]
    seen = {(each.namespace, each.account) for each in found} | before.index(_waypoints) | after.index(_waypoints)
    found += [Caller(UNSEEN, namespace, account) for namespace, account in named if (namespace, account) not in seen]
    found += [*before.index(_gateways), *after.index(_gateways)]
    addresses = dict.fromkeys(ip for mesh in (before, after) for ip in _addresses(mesh, place))
    found += [Caller(OUTSIDE, ip=ip) for ip in addresses]
    return tuple(dict.fromkeys(found))


def _calling(mesh: Mesh) -> Mapping[str, tuple[str, ...]]:
    return grouped((call.callee, call.caller) for call in callgraph.calls(mesh))


def mode(mesh: Mesh, caller: Caller, place: Place) -> str:
    """The data plane of a caller: `sidecar`, `ambient`, `none`, or `gateway`; one not seen shares that of what it calls."""
    known = mesh.index(_modes)
    key = (caller, place.namespace if caller.kind == UNSEEN else "")
    if key not in known:
        known[key] = _mode(mesh, caller, place)
    return known[key]


def _modes(_mesh: Mesh) -> dict[tuple[Caller, str], str]:
    return {}


def _mode(mesh: Mesh, caller: Caller, place: Place) -> str:
    if caller.mode:
        return caller.mode
    match caller.kind:
        case "outside":
            return injection.NONE
        case "gateway":
            return GATEWAY
        case "unseen":
            known = caller.namespace in injection.namespaces(mesh)
            return of_namespace(mesh, caller.namespace if known else place.namespace)
    workload = find(mesh, caller)
    return injection.workload_mode(mesh, workload) if workload else of_namespace(mesh, caller.namespace)


def of_namespace(mesh: Mesh, namespace: str) -> str:
    found = injection.mode(mesh, namespace)
    return injection.SIDECAR if found == injection.MIXED else found


def find(mesh: Mesh, caller: Caller) -> Workload | None:
    return next((each for each in in_namespace(mesh, caller.namespace) if each.name == caller.workload), None)


# --- of namespaces --------------------------------------------------------------------------------------------------


def _of_namespace(before: Mesh, after: Mesh, namespace: str) -> tuple[Caller, ...]:
    return before.index(_Classes(after, namespace))


class _Classes(Struct, frozen=True):
    """The classes of callers in a namespace, made once."""

    after: Mesh
    namespace: str

    def __call__(self, before: Mesh) -> tuple[Caller, ...]:
        return _classes(before, self.after, self.namespace)


def _classes(before: Mesh, after: Mesh, namespace: str) -> tuple[Caller, ...]:
    """One workload for each combination of data planes, of selectors that mean it, and of an account that policies name."""
    classes: dict[object, Caller] = {}
    for workload in (*in_namespace(before, namespace), *in_namespace(after, namespace)):
        if injection.is_gateway(workload):
            continue
        labels = tuple(sorted(workload.labels.items()))
        caller = Caller(WORKLOAD, namespace, workload.service_account, labels, workload.name)
        modes = tuple(mode(mesh, caller, Place("", namespace, 0, is_http=True)) for mesh in (before, after))
        account = workload.service_account if _tells_apart(before, after, workload.service_account) else ANY
        classes.setdefault((modes, _selected(before, workload), _selected(after, workload), account), caller)
    if classes:
        return tuple(classes.values())
    return (Caller(WORKLOAD, namespace, "default"),) if namespace in injection.namespaces(before) else ()


def _one_more(before: Mesh, after: Mesh, wanted: list[str]) -> tuple[Caller, ...]:
    """A namespace of the mesh that nothing names as a caller, and an account that nothing names at all."""
    free = (each for each in injection.namespaces(before) if each not in wanted and injection.is_meshed(before, each))
    name = next(free, None)
    return (*(_of_namespace(before, after, name)[:1] if name else ()), Caller(UNSEEN, ANY, ANY))


def _selected(mesh: Mesh, workload: Workload) -> tuple[int, ...]:
    return tuple(
        number
        for number, (namespace, labels) in enumerate(mesh.index(_selectors))
        if namespace in {"", workload.namespace} and matches(labels, workload.labels)
    )


def _selectors(mesh: Mesh) -> tuple[tuple[str, Mapping[str, str]], ...]:
    return tuple(_every_selector(mesh))


def _every_selector(mesh: Mesh) -> Iterator[tuple[str, Mapping[str, str]]]:
    for vs in mesh.of(VirtualService):
        spec = vs.body.spec
        http = (each.source_labels for rule in spec.http for each in rule.match)
        tcp = (each.source_labels for rule in spec.tcp for each in rule.match)
        tls = (each.source_labels for rule in spec.tls for each in rule.match)
        yield from (("", labels) for labels in chain(http, tcp, tls) if labels)
    for destination in mesh.of(DestinationRule):
        if selector := destination.body.spec.workload_selector:
            yield destination.namespace, selector.match_labels
    for sidecar in mesh.of(Sidecar):
        if chosen := sidecar.body.spec.workload_selector:
            yield sidecar.namespace, chosen.labels


# --- by policies ----------------------------------------------------------------------------------------------------


def _named(mesh: Mesh, place: Place) -> Iterator[tuple[str, str]]:
    """Namespace and account of everybody whom a policy names."""
    for source in _sources(mesh, place):
        for text in (*source.principals, *source.not_principals):
            yield from _PRINCIPAL.findall(text)
        for text in (*source.service_accounts, *source.not_service_accounts):
            namespace, slash, account = text.partition("/")
            yield (namespace, account) if slash else (place.namespace, text)
        yield from ((each, ANY) for each in (*source.namespaces, *source.not_namespaces) if "*" not in each)


def _tells_apart(before: Mesh, after: Mesh, account: str) -> bool:
    """Whether any policy names the account, or accounts by a wildcard."""
    return any(None in names or account in names for names in (before.index(_accounts), after.index(_accounts)))


def _accounts(mesh: Mesh) -> frozenset[str | None]:
    """The last parts of all identities in policies; None if there are wildcards among them."""
    texts = [
        text
        for policy in mesh.of(AuthorizationPolicy)
        for rule in policy.body.spec.rules or ()
        for origin in rule.from_
        if (source := origin.source)
        for text in (*source.principals, *source.not_principals, *source.service_accounts, *source.not_service_accounts)
    ]
    return frozenset(None if "*" in text and text != "*" else text.rpartition("/")[2] for text in texts)


def _addresses(mesh: Mesh, place: Place) -> Iterator[str]:
    for source in _sources(mesh, place):
        for block in (*source.ip_blocks, *source.not_ip_blocks, *source.remote_ip_blocks, *source.not_remote_ip_blocks):
            try:
                network = ip_network(block, strict=False)
            except ValueError:
                continue
            yield str(network[1] if network.num_addresses > 1 else network[0])


def _sources(mesh: Mesh, place: Place) -> Iterator[From]:
    for policy in places.policies(mesh, place):
        if isinstance(policy.body, AuthorizationPolicy):
            for rule in policy.body.spec.rules or ():
                yield from (each.source for each in rule.from_ if each.source is not None)


# --- gateways -------------------------------------------------------------------------------------------------------


def _waypoints(mesh: Mesh) -> set[tuple[str, str]]:
    """The identities that only waypoints have, which call for others."""
    return {(each.namespace, each.name) for each in waypoints.waypoints(mesh)}


def _gateways(mesh: Mesh) -> tuple[Caller, ...]:
    return tuple(_every_gateway(mesh))


def _every_gateway(mesh: Mesh) -> Iterator[Caller]:
    for workload in workloads(mesh):
        if injection.is_gateway(workload):
            yield Caller(GATEWAY, workload.namespace, workload.service_account, (), workload.name)
    for gateway in mesh.of(Gateway):
        if not waypoints.is_waypoint(gateway.body):
            made = f"{gateway.name}-{gateway.body.spec.gateway_class_name}"  # the pods that istiod makes for it
            yield Caller(GATEWAY, gateway.namespace, made, (), gateway.name)


def opted_in(mesh: Mesh, place: Place) -> bool:
    """Whether gateways send the Service's requests through its waypoint (the Namespace's label counts from 1.25 on)."""
    service = places.service(mesh, place)
    if service is None:
        return False
    namespace = next((each for each in mesh.of(Namespace) if each.name == place.namespace), None)
    held = (service, namespace) if namespace and (mesh.target.istio.line >= (1, 25)) else (service,)
    found = (each.body.metadata.labels.get(waypoints.INGRESS_USE) for each in held if each is not None)
    return next((value for value in found if value is not None), None) == "true"
