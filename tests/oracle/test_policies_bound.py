"""Services that have a waypoint before anything is converted: no caller meets it before the policies behind it know it."""

from __future__ import annotations

import pytest

from ambimigrate.changes import Stage
from ambimigrate.convert import Choice, Conversion, convert
from tests.oracle import letting, worlds
from tests.oracle.test_policies_claims import BOUND, policy, world


@pytest.mark.parametrize("admitted", ["shop", "web"])
def test_callers_move_before_a_namespace_whose_waypoint_is_bound_already(admitted: str) -> None:
    """They cross a waypoint without a copy, and the sidecar behind it judges the waypoint: wider, or narrower."""
    rules = f"rules: [{{from: [{{source: {{namespaces: [{admitted}]}}}}]}}]"
    mesh = world(*BOUND, policy(f"{{selector: {{matchLabels: {{app: reviews}}}}, {rules}}}"))

    def converts(stage: Stage) -> Conversion:
        return convert((mesh,), (), Choice(("web",), stage), check=worlds.nothing)

    assert next(letting.unnamed(mesh, converts), None) is None
