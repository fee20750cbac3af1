"""Which objects a proxy sees and in which order: `exportTo`, gateways, age, and the `Sidecar` of a client."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from msgspec import Struct

from ambimigrate.kinds import Sidecar, VirtualService
from ambimigrate.kinds.networking import EgressListener
from ambimigrate.model import Mesh, Resource, grouped
from ambimigrate.semantics.decision import Client
from ambimigrate.topology import hosts, meshconfig
from ambimigrate.topology.workloads import matches

MESH = "mesh"
_DEFAULTS = {"VirtualService": "defaultVirtualServiceExportTo", "DestinationRule": "defaultDestinationRuleExportTo"}


def scope(mesh: Mesh, owner: Resource[Any], export_to: tuple[str, ...], namespace: str) -> int | None:
    """0: private to `namespace`, 1: exported to it by name, 2: public, None: out of its sight."""
    listed = export_to or _default(mesh, owner.kind)
    if "*" in listed or not listed:
        return 2
    named = {owner.namespace if each == "." else each for each in listed} - {"~"}
    if namespace not in named:
        return None
    return 0 if named == {owner.namespace} else 1


def _default(mesh: Mesh, kind: str) -> tuple[str, ...]:
    field = _DEFAULTS.get(kind, "defaultServiceExportTo")
    found = (each.value for each in meshconfig.settings(mesh, field))
    return next((tuple(map(str, value)) for value in found if isinstance(value, list)), ())


def age(resource: Resource[Any]) -> tuple[bool, str]:
    """Oldest first; what has no time of creation yet comes last."""
    created = resource.body.metadata.creation_timestamp
    return created is None, created or ""


class Seen(Struct, frozen=True):
    """A VirtualService in sight; the smallest order comes first."""

    order: tuple[Any, ...]
    resource: Resource[VirtualService]


def virtual_services(mesh: Mesh, namespace: str, host: str) -> Mapping[str, tuple[Seen, ...]]:
    """The mesh's own VirtualServices that `namespace` sees, by those of their hosts that cover a full name, each list in order.

    Private ones come first, then those exported by name, then public ones; in each group by age, name and namespace. The second
    place of the order is free for the lists that HTTPRoutes make.
    """
    known = mesh.index(_Hosts(namespace))
    names = [host, *(name for name in known if name.startswith("*") and name != host and hosts.covers(name, host))]
    return {name: known[name] for name in names if name in known}


class _Hosts(Struct, frozen=True):
    namespace: str

    def __call__(self, mesh: Mesh) -> Mapping[str, tuple[Seen, ...]]:
        found: list[Seen] = []
        for each in mesh.of(VirtualService):
            seen = scope(mesh, each, each.body.spec.export_to, self.namespace)
            if seen is not None and each.body.spec.hosts and _is_for_mesh(each.body):
                found.append(Seen((seen, True, age(each), each.name, each.namespace), each))
        ordered = sorted(found, key=lambda each: each.order)
        return grouped((name, each) for each in ordered for name in dict.fromkeys(_full_hosts(each.resource)))


def _full_hosts(resource: Resource[VirtualService]) -> tuple[str, ...]:
    return tuple(hosts.full_name(each, resource.namespace) for each in resource.body.spec.hosts)


def _is_for_mesh(body: VirtualService) -> bool:
    return not body.spec.gateways or MESH in body.spec.gateways


def sidecar_of(mesh: Mesh, client: Client) -> Resource[Sidecar] | None:
    """The `Sidecar` of a client: one that selects its labels, its namespace's own, the root namespace's."""
    labels = dict(client.labels)
    own = sorted((each for each in mesh.of(Sidecar) if each.namespace == client.namespace), key=age)
    for each in own:
        selector = each.body.spec.workload_selector
        if selector and selector.labels and matches(selector.labels, labels):
            return each
    shared = [each for each in mesh.of(Sidecar) if each.namespace == meshconfig.root_namespace(mesh)]
    plain = (each for each in (*own, *sorted(shared, key=age)) if not _selects(each))
    return next(plain, None)


def _selects(sidecar: Resource[Sidecar]) -> bool:
    selector = sidecar.body.spec.workload_selector
    return selector is not None and bool(selector.labels)


def imports(mesh: Mesh, client: Client, port: int, namespace: str, host: str) -> bool:
    """Whether the client's `Sidecar` lets in an object of `namespace` for the host; without one everything comes in."""
    found = sidecar_of(mesh, client)
    if found is None or not found.body.spec.egress:
        return True
    listeners = _listeners(found.body.spec.egress, port)
    return any(_covers(entry, client.namespace, namespace, host) for listener in listeners for entry in listener.hosts)


def _listeners(egress: tuple[EgressListener, ...], port: int) -> Iterable[EgressListener]:
    """The listener of the port, else the one without a port."""
    own = [each for each in egress if each.port and each.port.number == port]
    return own or [each for each in egress if each.port is None]


def _covers(entry: str, own: str, namespace: str, host: str) -> bool:
    place, _, name = entry.partition("/")
    if place == "~" or (place not in {"*", namespace} and not (place == "." and namespace == own)):
        return False
    return hosts.covers(name, host) or (host.startswith("*") and hosts.covers(host, name))
