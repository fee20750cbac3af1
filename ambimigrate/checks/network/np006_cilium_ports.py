"""NP006: a Cilium policy that admits the mesh by port, but not on port 15008, or that reads HTTP inside of it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from ambimigrate.checks import rule
from ambimigrate.checks.network import cilium
from ambimigrate.checks.pods import listed
from ambimigrate.kinds import CiliumClusterwideNetworkPolicy, CiliumNetworkPolicy
from ambimigrate.kinds.cni import CiliumPolicy
from ambimigrate.model import Hit, Mesh, Resource, Route
from ambimigrate.topology import networks as reach


@rule("NP006", CiliumNetworkPolicy, CiliumClusterwideNetworkPolicy)
def check(policy: Resource[Any], mesh: Mesh) -> Iterator[Hit]:
    pods = cilium.selected(mesh, policy)
    if not pods:
        return
    whom = listed(each.name for each in pods)
    for direction in ("ingress", "egress"):
        if cilium.restricts(policy.body, direction):
            is_open = _opens(mesh, policy, direction)
            for route, item in _by_port(policy.body, direction):
                yield from _judged(policy, route, item, whom, is_open)


def _by_port(policy: CiliumPolicy, direction: str) -> Iterator[tuple[Route, Mapping[str, Any]]]:
    """The items that admit pods by port."""
    for route, each in cilium.rules(policy):
        for i, item in cilium.items(each, direction):
            if cilium.ports(item) and cilium.is_for_mesh(item, direction):
                yield (*route, direction, i, "toPorts"), item


def _judged(policy: Resource[Any], route: Route, item: Mapping[str, Any], whom: str, is_open: bool) -> Iterator[Hit]:
    found = cilium.ports(item) or []
    if _reads_http(item):
        yield Hit(
            policy.at(*route),
            f"HTTP rules on port {listed(found)} of {whom}: mesh traffic comes encrypted on {reach.HBONE}, unread by Cilium",
            "http",
        )
    if is_open or cilium.opens(found) or found == ["53"]:
        return
    if "ingress" in route:
        said = f"mesh traffic reaches {whom} on port {reach.HBONE}, but this rule admits only {listed(found)}: it is dropped"
    else:
        said = f"calls of {whom} to the mesh go to port {reach.HBONE}, but this rule lets out only to {listed(found)}"
    yield Hit(policy.at(*route), said, "ingress" if "ingress" in route else "egress")


def _opens(mesh: Mesh, policy: Resource[Any], direction: str) -> bool:
    """Whether another rule, here or in a policy that selects the same pods, admits 15008 for pods of the mesh."""
    pods = set(cilium.selected(mesh, policy))
    spaces = {each.namespace for each in pods}
    near = mesh.within(CiliumNetworkPolicy, *spaces) if len(spaces) == 1 else ()
    for other in (policy, *near, *mesh.of(CiliumClusterwideNetworkPolicy)):
        if other is policy or pods <= set(cilium.selected(mesh, other)):
            items = (item for _, each in cilium.rules(other.body) for _, item in cilium.items(each, direction))
            if any(_lets(item, direction) for item in items):
                return True
    return False


def _lets(item: Mapping[str, Any], direction: str) -> bool:
    return cilium.is_for_mesh(item, direction) and bool(item) and cilium.opens(cilium.ports(item))


def _reads_http(item: Mapping[str, Any]) -> bool:
    groups = item.get("toPorts")
    groups = groups if isinstance(groups, list) else []
    return any(isinstance(each, dict) and isinstance(each.get("rules"), dict) and each["rules"].get("http") for each in groups)
