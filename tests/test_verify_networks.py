"""NetworkPolicies in `verify`: a connection that they cut is refused, through the Service and through its waypoint alike."""

from __future__ import annotations

from typing import Any

import pytest

from ambimigrate.model import Mesh
from ambimigrate.verify import Difference, Settings, verify
from tests.oracle import worlds
from tests.oracle.policies import pods
from tests.oracle.worlds import Tree, namespace, service


def network(name: str, spec: Tree) -> Tree:
    return worlds.thing("NetworkPolicy", name, spec)


def mesh(*objects: Tree, ambient: bool = False, bound: bool = False) -> Mesh:
    labels = {"istio.io/dataplane-mode": "ambient"} if ambient else {"istio-injection": "enabled"}
    own = {**labels, "istio.io/use-waypoint": "waypoint"} if bound else labels
    spaces = [namespace(worlds.SHOP, **own), namespace("web", **labels)]
    gateway = [worlds.thing("Gateway", "waypoint", worlds.WAYPOINT)] if bound else []
    ports = [{"name": "http", "port": 80, "targetPort": 8080}]
    server = [service("reviews", selector={"app": "reviews"}, ports=ports), pods("reviews")]
    return worlds.read([*spaces, *server, pods("front", "web", "front"), *gateway, *objects])


def entry(*ports: int, **peer: Any) -> Tree:
    rule = {"from": [peer or {"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "web"}}}]}
    return network(
        "in", {"podSelector": {"matchLabels": {"app": "reviews"}}, "ingress": [rule | {"ports": [{"port": p} for p in ports]}]}
    )


def weighty(before: Mesh, after: Mesh) -> dict[str, list[Difference]]:
    found = [each for each in verify((before,), (after,), Settings(requests=20)).differences if not each.minor]
    return {kind: [each for each in found if each.kind == kind] for kind in {each.kind for each in found}}


def test_the_tunnels_port_has_to_be_open() -> None:
    found = weighty(mesh(entry(8080)), mesh(entry(8080), ambient=True))
    assert set(found) == {"narrower"}
    assert all("NetworkPolicy" in each.after.text for each in found["narrower"])
    assert any("web/front" in each.callers for each in found["narrower"])


def test_nothing_differs_where_it_is_open_to_the_same() -> None:
    assert not weighty(mesh(entry(8080, 15008)), mesh(entry(8080, 15008), ambient=True))


def test_a_tunnel_for_everybody_lets_more_in() -> None:
    wide = network("in", {"podSelector": {}, "ingress": [{"ports": [{"port": 15008}, {"port": 8080}]}]})
    found = weighty(mesh(entry(8080)), mesh(wide, ambient=True))
    assert set(found) == {"wider"}


@pytest.mark.parametrize(
    ("peer", "kinds"), [({"podSelector": {}}, set()), ({}, {"narrower"})], ids=["own pods", "callers only"]
)
def test_pods_see_the_waypoint(peer: Tree, kinds: set[str]) -> None:
    """Behind a waypoint the peer is its pod, of the Service's own namespace."""
    objects = [
        network("in", {"podSelector": {"matchLabels": {"app": "reviews"}}, "ingress": [{"from": [peer]}] if peer else []})
    ]
    found = weighty(mesh(), mesh(*objects, ambient=True, bound=True))
    through = {kind for kind, each in found.items() if any(not one.ask.direct and "web/front" in one.callers for one in each)}
    assert through == kinds
