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
    assert differing(FOLDER / case / "input", FOLDER / case / "expected") == []


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


@pytest.mark.parametrize("lost", ["", "x-asked", "x-answered"])
def test_headers_that_clients_change_on_the_way_to_the_gateway_are_compared(tmp_path: Path, lost: str) -> None:
    """The gateway gets what the sidecar sends, so that a waypoint has to send and answer the same."""
    before, end = tmp_path / "before", tmp_path / "end"
    before.mkdir()
    rule = "    - match: [{gateways: [mesh], port: 80}]\n"
    text = (FOLDER / "egress-gateway" / "input" / "mesh.yaml").read_text(encoding="utf-8")
    assert rule in text
    changed = rule + "      headers: {request: {set: {x-asked: a}}, response: {set: {x-answered: b}}}\n"
    (before / "mesh.yaml").write_text(text.replace(rule, changed), encoding="utf-8")
    run("convert", str(before), "--out", str(end))
    written = end / "mesh.yaml"
    text = written.read_text(encoding="utf-8")
    assert "name: x-asked" in text
    assert "name: x-answered" in text
    written.write_text(text.replace(f"name: {lost}", "name: x-other") if lost else text, encoding="utf-8")
    assert bool(differing(before, end)) == bool(lost)


@pytest.mark.parametrize("name", ["egress.news", "news/egress", "./egress"])
def test_a_gateway_is_followed_under_each_of_its_names(tmp_path: Path, name: str) -> None:
    """Istio, pkg/model/config.go `resolveGatewayName`: the namespace may stand before a slash or behind a dot."""
    text = (FOLDER / "egress-gateway" / "input" / "mesh.yaml").read_text(encoding="utf-8")
    bound = "gateways: [egress, mesh]"  # the rule says `egress`
    assert bound in text
    (tmp_path / "mesh.yaml").write_text(text.replace(bound, f"gateways: [{name}, mesh]"), encoding="utf-8")
    assert not differing(tmp_path, FOLDER / "egress-gateway" / "expected")
