"""EnvoyFilters that name what has another name behind a Gateway of the Gateway API.

Istio (pilot, core/envoyfilter/rc_patch.go `routeConfigurationMatch`, `routeMatch`): route tables of HTTPS servers carry the
names of Gateway and port, routes those of the rules of VirtualServices. Those of plain HTTP carry the number of the port alone.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ambimigrate.converters.outcome import Refused
from ambimigrate.kinds import EnvoyFilter, IstioGateway
from ambimigrate.model import Mesh, Resource
from ambimigrate.topology import meshconfig
from ambimigrate.topology.workloads import Workload, matches

_CONTEXTS = {None, "", "ANY", "GATEWAY"}


def check(mesh: Mesh, gateway: Resource[IstioGateway], pods: tuple[Workload, ...]) -> None:
    """Raises Refused for a filter that would lose its place."""
    for each in mesh.of(EnvoyFilter):
        named = next(_named(each.body, gateway), None) if _applies(mesh, each, pods) else None
        if named:
            reason = f"EnvoyFilter {each.namespace}/{each.name} matches {named}, which then has another name"
            raise Refused("envoyfilter", (), reason)


def _applies(mesh: Mesh, filter: Resource[EnvoyFilter], pods: tuple[Workload, ...]) -> bool:
    spec = filter.body.spec
    labels = spec.workload_selector.labels if spec.workload_selector else {}
    everywhere = filter.namespace in {"", meshconfig.root_namespace(mesh)}
    return not spec.target_refs and any(
        (everywhere or filter.namespace == pod.namespace) and matches(labels, pod.labels) for pod in pods
    )


def _named(filter: EnvoyFilter, gateway: Resource[IstioGateway]) -> Iterator[str]:
    """What of the Gateway it names."""
    ports = {server.port.name for server in gateway.body.spec.servers if server.port}
    for match in (each.match or {} for each in filter.spec.config_patches):
        table = match.get("routeConfiguration")
        if match.get("context") not in _CONTEXTS or not isinstance(table, dict):
            continue
        if table.get("gateway") == f"{gateway.namespace}/{gateway.name}":
            yield f"Gateway {table['gateway']}"
        if table.get("portName") in ports:
            yield f"port {table['portName']}"
        if str(table.get("name", "")).endswith(f".{gateway.name}.{gateway.namespace}"):
            yield f"route table {table['name']}"
        if route := _route(table):
            yield f"route {route}"


def _route(table: dict[str, Any]) -> str:
    """The name of a route that it asks for."""
    found: Any = table
    for key in ("vhost", "route", "name"):
        found = found.get(key) if isinstance(found, dict) else None
    return str(found or "")
