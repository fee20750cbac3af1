"""What the random meshes have shown and convert does not yet hold or name; each becomes a claim once it is settled."""

from __future__ import annotations

import pytest

from ambimigrate.changes import Stage
from ambimigrate.convert import Choice, Conversion, convert
from tests.oracle import letting, worlds
from tests.oracle.test_policies_claims import CLOSED, NO_ADMIN, OPEN, policy, settled, world
from tests.oracle.worlds import Tree, namespace, service

REVIEWS = "selector: {matchLabels: {app: reviews}}"
DATABASE = service("reviews", selector={"app": "reviews"}, ports=[{"name": "tcp-db", "port": 5432}])
BOUND = [
    namespace(worlds.SHOP, **{"istio-injection": "enabled", "istio.io/use-waypoint": "gate"}),
    worlds.thing("Gateway", "gate", worlds.WAYPOINT),
]
OBJECTS: dict[str, list[Tree]] = {
    # narrower: from swap to enroll the guard refuses sidecars on a TCP port, where the authorizer was asked
    "an authorizer that is asked on a TCP port": [
        DATABASE,
        policy(f"{{{REVIEWS}, action: CUSTOM, provider: {{name: asked}}, rules: [{{}}]}}"),
    ],
}


@pytest.mark.xfail(reason="neither held nor named yet", strict=False)
@pytest.mark.parametrize("name", OBJECTS)
def test_nobody_is_judged_otherwise_without_a_word(name: str) -> None:
    for settings in (OPEN, CLOSED):
        settled(world(*OBJECTS[name]), settings)


@pytest.mark.parametrize("admitted", ["shop", "web"])
def test_callers_move_before_a_namespace_whose_waypoint_is_bound_already(admitted: str) -> None:
    """They cross a waypoint without a copy, and the sidecar behind it judges the waypoint: wider, or narrower."""
    allow = policy(f"{{{REVIEWS}, rules: [{{from: [{{source: {{namespaces: [{admitted}]}}}}]}}]}}")
    mesh = world(*BOUND, allow)

    def converts(stage: Stage) -> Conversion:
        return convert((mesh,), (), Choice(("web",), stage), check=worlds.nothing)

    assert next(letting.unnamed(mesh, converts), None) is None


def test_the_same_without_what_is_open() -> None:
    assert settled(world(policy(NO_ADMIN)), CLOSED) is not None
