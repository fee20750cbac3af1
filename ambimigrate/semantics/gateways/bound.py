"""The VirtualServices that are bound to a Gateway, in the order in which gateway pods look at them.

Istio, pilot/pkg/model/push_context.go `initVirtualServices`, `VirtualServicesForGateway` (1.24 to master of August 2026).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from msgspec import Struct

from ambimigrate.kinds import VirtualService
from ambimigrate.model import Mesh, Resource, grouped
from ambimigrate.semantics.delegates import gateway_name
from ambimigrate.semantics.visibility import age, scope
from ambimigrate.topology import hosts


def bound(mesh: Mesh, namespace: str, gateway: str) -> tuple[Resource[VirtualService], ...]:
    """Those that name the Gateway (namespace/name) and that pods of the namespace see: private ones first, then by age."""
    return mesh.index(_Bound(namespace)).get(gateway, ())


class _Bound(Struct, frozen=True):
    namespace: str

    def __call__(self, mesh: Mesh) -> Mapping[str, tuple[Resource[VirtualService], ...]]:
        seen: list[tuple[Any, Resource[VirtualService]]] = []
        for each in mesh.of(VirtualService):
            place = scope(mesh, each, each.body.spec.export_to, self.namespace)
            if place is not None and each.body.spec.hosts:
                seen.append(((place, age(each), each.name, each.namespace), each))
        ordered = (each for _, each in sorted(seen, key=lambda pair: pair[0]))
        return grouped((name, each) for each in ordered for name in _gateways(each))


def _gateways(vs: Resource[VirtualService]) -> dict[str, None]:
    return dict.fromkeys(gateway_name(each, vs.namespace) for each in vs.body.spec.gateways)


def full_hosts(vs: Resource[VirtualService]) -> tuple[str, ...]:
    return tuple(hosts.full_name(each, vs.namespace) for each in vs.body.spec.hosts)
