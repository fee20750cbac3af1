"""What goes out by an egress gateway today ends up at the same place by an egress waypoint."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from ambimigrate.cli import _app
from tests.conftest import FIXTURES

FOLDER = FIXTURES / "convert"
UNSEEN = "any other service account"  # of a namespace that does not see the subset: 503 today, refused by a policy then


def run(*words: str) -> dict[str, Any]:
    result = CliRunner().invoke(_app([words[0]]), [*words, "--format", "json"])
    assert result.exit_code in {0, 1}, result.output
    return dict(json.loads(result.stdout))


def differing(before: Path, after: Path) -> list[dict[str, Any]]:
    """What differs for callers of the hosts outside."""
    found = run("verify", str(before), str(after))["differences"]
    return [each for each in found if not each["minor"] and each["object"]["kind"] == "ServiceEntry"]


@pytest.mark.parametrize("case", ["egress-gateway", "egress-gateway-moved"])
def test_the_chain_and_the_waypoint_lead_to_the_same_host(case: str) -> None:
    found = differing(FOLDER / case / "input", FOLDER / case / "expected")
    assert {each["request"]["caller"]["name"] for each in found} <= {UNSEEN}
    assert all(each["before"]["outcome"]["status"] == [503] for each in found)


def test_another_host_behind_the_gateway_is_told(tmp_path: Path) -> None:
    """The evaluator follows the gateway's own rule, so that it sees where the chain leads."""
    before = tmp_path / "before"
    shutil.copytree(FOLDER / "egress-gateway-moved" / "input", before)
    mesh = before / "mesh.yaml"
    onward = "route: [{destination: {host: address.example, port: {number: 443}}}]"
    text = mesh.read_text(encoding="utf-8")
    assert onward in text
    other = "route: [{destination: {host: app.address.svc.cluster.local, port: {number: 80}}}]"
    mesh.write_text(text.replace(onward, other), encoding="utf-8")
    (found, *_) = differing(before, FOLDER / "egress-gateway-moved" / "expected")
    assert found["before"]["outcome"]["backends"] == [[100.0, ["address/app:8080"]]]
    assert found["after"]["outcome"]["backends"] == [[100.0, ["address.example:443"]]]


def test_a_gateway_that_sends_elsewhere_is_held(tmp_path: Path) -> None:
    text = (FOLDER / "egress-gateway-moved" / "input" / "mesh.yaml").read_text(encoding="utf-8")
    (tmp_path / "mesh.yaml").write_text(
        text.replace("{host: address.example, port: {number: 443}}", "{host: other.example, port: {number: 443}}")
    )
    held = run("convert", str(tmp_path), "--accept", "GW901:address/partner")["held"]
    assert "another host or port than is called" in next(each["reason"] for each in held if "GW901" in each["because"])
