"""The objects that take the place of Istio Gateways: Gateways, routes, the redirects of servers, and grants for backends."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from ambimigrate.changes import FROM, Create
from ambimigrate.converters import made
from ambimigrate.converters.gateways import dns
from ambimigrate.converters.gateways.front import Front
from ambimigrate.converters.gateways.listeners import Listener
from ambimigrate.converters.outcome import Refused
from ambimigrate.kinds import KINDS, HTTPRoute, IstioGateway, Service, VirtualService
from ambimigrate.model import Mesh, Ref, Resource
from ambimigrate.topology import hosts, injection

GROUP = HTTPRoute.GROUP
_REDIRECT = {"type": "RequestRedirect", "requestRedirect": {"scheme": "https", "statusCode": 301}}


def origin(gateway: Resource[IstioGateway]) -> str:
    """What a Gateway says that it was made from; its own namespace may be another one."""
    return f"Gateway/{gateway.namespace}/{gateway.name}"


class Place:
    """New objects of one group, each under a name of its own, which is none of those that are `taken`."""

    def __init__(self, mesh: Mesh, taken: Iterable[Ref] = ()) -> None:
        self.mesh, self.used = mesh, set(taken)

    def create(self, what: str, name: str, beside: Resource[Any], spec: dict[str, Any], said: str = "") -> Create:
        """The object of `VERSION/KIND`; under the name that it has already if it was made before.

        `said` is what it is made from, where that is not the object beside it.
        """
        version, _, kind = what.partition("/")
        number = 1
        while True:
            own = name if number == 1 else f"{name}-{number}" if number > 2 else f"{name}-gateway"
            metadata = made.metadata(own, beside)
            metadata["annotations"] = {FROM: said or metadata["annotations"][FROM]} | ({} if said else dns.wishes(beside))
            value = {"apiVersion": f"{GROUP}/{version}", "kind": kind, "metadata": metadata, "spec": spec}
            ref = Ref(kind, GROUP, beside.namespace, made.placed(value, beside)["metadata"]["name"])
            existing = self.mesh.find(KINDS[GROUP, kind], ref.namespace, ref.name, beside.file)
            if ref not in self.used and (existing is None or is_same(existing, metadata)):
                self.used.add(ref)
                return Create(ref, value, beside)
            number += 1

    def is_there(self, create: Create) -> bool:
        """Whether an earlier run made the object."""
        view = KINDS[GROUP, create.ref.kind]
        return self.mesh.find(view, create.ref.namespace, create.ref.name, create.beside.file) is not None


def is_same(existing: Resource[Any], metadata: dict[str, Any]) -> bool:
    """Whether an object was made from the same one, as a child of a Gateway."""
    own: dict[str, str] = existing.body.metadata.annotations
    if own.get(FROM) != metadata["annotations"][FROM]:
        return False
    parents = getattr(existing.body.spec, "parent_refs", ())
    return all(each.kind == "Gateway" for each in parents)


def gateway(place: Place, source: Resource[IstioGateway], front: Front, found: Sequence[Listener]) -> Create:
    """The Gateway beside the Service of its pods."""
    address = {"type": "Hostname", "value": hosts.host_of(front.service)}
    spec = {"gatewayClassName": "istio", "addresses": [address], "listeners": [each.value() for each in found]}
    create = place.create("v1/Gateway", made.written_name(source), front.service, spec, origin(source))
    metadata = dict(create.value["metadata"])
    metadata["annotations"] = {**metadata["annotations"], **dns.wishes(source)}
    if front.revision and injection.labels(place.mesh, front.service.namespace).get(injection.REVISION) != front.revision:
        metadata = {"labels": {injection.REVISION: front.revision}, **metadata}
    return Create(create.ref, {**create.value, "metadata": metadata}, create.beside)


def parents(parent: Create, found: Iterable[Listener]) -> list[dict[str, Any]]:
    """References to listeners of a new Gateway."""
    own = {"group": GROUP, "kind": "Gateway", "name": parent.ref.name, "namespace": parent.ref.namespace}
    return [{**own, "sectionName": each.name} for each in found]


def redirect(place: Place, source: Resource[IstioGateway], beside: Resource[Any], start: dict[str, Any]) -> Create:
    """The route that sends everything at its parents to https."""
    match = {"path": {"type": "PathPrefix", "value": "/"}}
    spec = {**start, "rules": [{"matches": [match], "filters": [_REDIRECT]}]}
    return place.create("v1/HTTPRoute", f"{made.written_name(source)}-https-redirect", beside, spec, origin(source))


def hostnames(vs: Resource[VirtualService]) -> tuple[str, ...]:
    """The hosts of a VirtualService under their full names."""
    return tuple(dict.fromkeys(hosts.full_name(each, vs.namespace).lower() for each in vs.body.spec.hosts))


def grants(place: Place, vs: Resource[VirtualService], routes: Sequence[Create]) -> Iterator[Create]:
    """What a route of a gateway needs for Services of other namespaces (conversion.go `buildDestination`)."""
    wanted: dict[tuple[str, str], set[str]] = {}
    for route in routes:
        for ref in backends(route.value["spec"]["rules"]):
            if ref["namespace"] != vs.namespace:
                wanted.setdefault((route.ref.kind, ref["namespace"]), set()).add(ref["name"])
    for (kind, namespace), names in sorted(wanted.items()):
        known = (place.mesh.find(Service, namespace, each, vs.file) for each in sorted(names))
        beside = next((each for each in known if each), None)
        if beside is None:
            reason = f"its routes need a grant for Service {namespace}/{min(names)}, which is not there yet"
            raise Refused("subset", ("spec",), reason)
        spec = {
            "from": [{"group": GROUP, "kind": kind, "namespace": vs.namespace}],
            "to": [{"group": "", "kind": "Service", "name": each} for each in sorted(names)],
        }
        name = f"{vs.namespace}-{vs.name}-{kind.lower()}"
        said = f"VirtualService/{vs.namespace}/{vs.name}"
        yield place.create("v1beta1/ReferenceGrant", name, beside, spec, said)


def backends(rules: Iterable[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """The references of rules to Services."""
    for rule in rules:
        mirrors = (each["requestMirror"] for each in rule.get("filters", ()) if each["type"] == "RequestMirror")
        every = (*rule.get("backendRefs", ()), *(each["backendRef"] for each in mirrors))
        yield from (each for each in every if each["kind"] == "Service")


__all__ = ["Place", "backends", "gateway", "grants", "hostnames", "origin", "parents", "redirect"]
