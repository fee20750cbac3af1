"""Which callers count: those that only traffic shows, too; of those that are held only whom a policy can mean."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from ambimigrate.analyse import analyse
from ambimigrate.cli import _app
from ambimigrate.convert import Choice, after, convert
from ambimigrate.converters.settings import Settings
from ambimigrate.traffic import Flow, Traffic
from tests.test_policies_openings import DENY, QUIET, SHOP, WEB, converted, direct, mesh_with
from tests.test_policies_parts import CALLER


def seen(source: str, service: str = "web") -> dict[str, Any]:
    return {"traffic": Traffic((Flow(source, "front", "", "shop", service, 1.0),))}


def test_callers_that_only_traffic_shows_count(tmp_path: Path) -> None:
    mesh = mesh_with(tmp_path, DENY, QUIET)
    assert not any(each.because == ("AP906",) for each in converted(mesh, SHOP).held)
    (held,) = (each for each in converted(mesh, SHOP, **seen("web")).held if each.because == ("AP906",))
    assert "the sidecars of namespace web (traffic of front to web)" in held.reason
    assert not any(each.because == ("AP906",) for each in converted(mesh, SHOP, **seen("web", "other")).held)
    assert not any(each.because == ("AP906",) for each in converted(mesh, None, **seen("web")).held)
    end = after(mesh, converted(mesh, SHOP, "AP906", **seen("web")).changes)
    assert direct(end, WEB) == "allow"


def test_callers_without_a_name_in_the_traffic_are_listed_before_anybody_agrees(tmp_path: Path) -> None:
    mesh = mesh_with(tmp_path, DENY, QUIET)
    found = convert((mesh,), analyse((mesh,)), Choice(settings=Settings(**seen(""))))
    (held,) = (each for each in found.held if each.because == ("AP905",))
    assert "somebody whom the traffic to web does not name" in held.reason


NOT_IN_MESH = "---\napiVersion: v1\nkind: Namespace\nmetadata: {name: old, labels: {team: old}}\n"


def test_callers_outside_the_mesh_that_only_traffic_shows_are_listed(tmp_path: Path) -> None:
    mesh = mesh_with(tmp_path, DENY, QUIET + NOT_IN_MESH)
    found = convert((mesh,), analyse((mesh,)), Choice(settings=Settings(**seen("old"))))
    (held,) = (each for each in found.held if each.because == ("AP905",))
    assert "namespace old, which is not in the mesh (traffic of front to web)" in held.reason


def test_ports_stay_open_to_callers_outside_the_mesh_if_that_is_agreed_to(tmp_path: Path) -> None:
    mesh = mesh_with(tmp_path, DENY, QUIET + NOT_IN_MESH)
    for accepted, verdict in (((), "deny"), (("AP910",), "allow")):
        end = after(mesh, converted(mesh, SHOP, *accepted, **seen("old")).changes)
        assert [direct(end, None), direct(end, WEB)] == [verdict, "deny"]


ANSWER = {
    "status": "success",
    "data": {
        "resultType": "vector",
        "result": [
            {
                "metric": {
                    "source_workload_namespace": "web",
                    "source_workload": "front",
                    "destination_service_namespace": "shop",
                    "destination_service_name": "web",
                },
                "value": [1700000000, "1"],
            }
        ],
    },
}


def test_the_traffic_is_an_option_of_convert(tmp_path: Path) -> None:
    (tmp_path / "repo").mkdir()
    mesh_with(tmp_path / "repo", DENY, QUIET)
    file = tmp_path / "traffic.json"
    command = ["convert", str(tmp_path / "repo"), "--only", "shop", "--close-direct-access", "--traffic", str(file)]
    missing = CliRunner().invoke(_app(["convert"]), command)
    assert missing.exit_code == 2
    file.write_text(json.dumps(ANSWER), encoding="utf-8")
    found = CliRunner().invoke(_app(["convert"]), command)
    assert found.exit_code == 1
    assert "AP906" in found.stderr
    assert "traffic of front to web" in " ".join(found.stderr.split())


HELD = """\
---
apiVersion: networking.istio.io/v1alpha3
kind: EnvoyFilter
metadata: {name: own, namespace: web}
spec: {configPatches: [{applyTo: NETWORK_FILTER, patch: {operation: ADD}}]}
"""


@pytest.mark.parametrize(
    ("spec", "is_held"), [(DENY, True), (DENY.replace("[{to", "[{from: [{source: {namespaces: [x]}}], to"), False)]
)
def test_callers_that_are_held_hold_only_policies_that_can_mean_them(tmp_path: Path, spec: str, *, is_held: bool) -> None:
    mesh = mesh_with(tmp_path, spec, CALLER + HELD)
    found = converted(mesh, None).held
    assert any(each.namespace == "web" for each in found)
    assert any(each.namespace == "shop" and "AP906" in each.because for each in found) is is_held
