"""Istio Gateways in plan, status and verify: the configuration says so once, and what a plan prints is what convert does."""

from __future__ import annotations

import shlex
import shutil
from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest
from msgspec.structs import replace
from typer.testing import CliRunner

from ambimigrate.analyse import analyse
from ambimigrate.changes import Create, Stage
from ambimigrate.cli import _app
from ambimigrate.convert import Choice
from ambimigrate.converters.settings import Accepted, Settings
from ambimigrate.kinds import VirtualService
from ambimigrate.model import Ref, Resource, Target
from ambimigrate.plan import Plan, Wanted, gateways, plans
from ambimigrate.plan.gateways import TITLE
from ambimigrate.plan.staged import staged
from ambimigrate.sources.read import read_files
from ambimigrate.versions import NEWEST, NEWEST_GATEWAY_API
from tests.conftest import FIXTURES

TARGET = Target(NEWEST, NEWEST_GATEWAY_API, "standard")
BOTH = FIXTURES / "convert" / "gateways-and-mesh" / "input"
ALONE = FIXTURES / "convert" / "gateways" / "input"
CONFIGURATION = "gateways: true\naccept: [{id: VS916, namespace: shop, name: public, because: nobody in the mesh calls it}]\n"


def planned(root: Path, accepted: Iterable[Accepted] = ()) -> Plan:
    meshes = read_files([str(root)], TARGET).meshes
    choice = Choice(settings=Settings(tuple(accepted), gateways=True))
    return plans(meshes, staged(meshes, analyse(meshes), choice), Wanted(("",), str(root)))


def run(*words: str) -> tuple[int, str]:
    result = CliRunner().invoke(_app([words[0]]), [*words])
    return result.exit_code, result.output


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    shutil.copytree(BOTH, tmp_path / "tree")
    (tmp_path / "tree" / ".ambimigrate.yaml").write_text(CONFIGURATION, encoding="utf-8")
    return tmp_path / "tree"


def conversions(plan: Plan) -> Iterator[list[str]]:
    lines = (line for wave in plan.waves for step in wave.steps for line in step.commands)
    return (shlex.split(line) for line in lines if line.startswith("ambimigrate convert"))


def test_what_hangs_together_changes_by_one_command_after_all_its_namespaces() -> None:
    found = planned(BOTH, (Accepted("VS916", "shop", "public"),))
    *_, moving, last = found.waves
    assert (moving.namespaces, last.title, last.namespaces) == (("shop",), TITLE, ())
    assert [(each.stage, each.namespaces) for each in last.steps] == [
        (Stage.retire, ("edge", "shop")),
        (Stage.tighten, ("edge", "shop")),
    ]
    assert any("--for=condition=Programmed gateway.gateway" in line for line in last.steps[0].gate)
    assert not any(each.ref.kind == "VirtualService" for each in last.steps[0].changes)


def test_a_gateway_changes_with_its_group_whatever_it_is_written_beside() -> None:
    """Beside a cluster that has the Service of its pods it is written beside another file's object."""
    meshes = read_files([str(BOTH)], TARGET).meshes
    choice = Choice(settings=Settings((Accepted("VS916", "shop", "public"),), gateways=True))
    every = staged(meshes, analyse(meshes), choice).changes
    made = next(each for each in every if each.ref.kind == "Gateway" and each.stage is Stage.retire and each.verb == "create")
    assert isinstance(made.action, Create)
    other = Resource(Ref("VirtualService", "networking.istio.io", "edge", "other"), VirtualService(), made.action.beside.origin)
    moved = replace(made, action=replace(made.action, beside=other))
    found = gateways.late(meshes[0], [moved if each is made else each for each in every], [("shop",)])
    assert moved in found
    assert len(found) == len(gateways.late(meshes[0], every, [("shop",)]))


def test_grants_come_before_anybody_moves() -> None:
    found = planned(ALONE, (Accepted("GW903", "edge", "agreed"),))
    first = found.waves[0].steps[0]
    assert first.stage is Stage.prepare
    assert {each.ref.kind for each in first.changes} == {"ReferenceGrant", "Service", "DestinationRule"}
    made = [each for each in found.waves[-1].steps[0].changes if isinstance(each.action, Create)]
    assert {each.ref.kind for each in made} == {"Gateway", "HTTPRoute", "TLSRoute", "TCPRoute"}


def test_the_commands_of_a_plan_lead_to_what_convert_makes_at_once(tree: Path, tmp_path: Path) -> None:
    run("convert", str(tree), "-q", "--out", str(tmp_path / "once"))
    for words in conversions(planned(tree, (Accepted("VS916", "shop", "public"),))):
        assert run(*words[1:], "-q", "--force")[0] == 0, words
    assert documents(tree) == documents(tmp_path / "once")


def documents(root: Path) -> list[str]:
    """The documents of a tree; where a new one stands depends on what is there already."""
    files = (path.read_text(encoding="utf-8") for path in root.glob("*.yaml"))
    return sorted(text.strip() for file in files for text in file.split("---\n"))


def test_status_follows_the_recorded_plan(tree: Path) -> None:
    (tree / ".git").mkdir()
    run("plan", str(tree), "--record")
    for stage in ("prepare", "waypoints", "bind", "enroll", "retire"):
        run("convert", str(tree), "--stage", stage, "--only", "shop", "--write", "--force", "-q")
    said = run("status", str(tree))[1]
    assert "--stage retire --only edge --only shop --write" in " ".join(said.split())


def test_verify_converts_as_the_configuration_says(tree: Path, tmp_path: Path) -> None:
    assert "Gateway edge/gw" in run("verify", str(tree), "--stage", "retire")[1]
    shutil.copytree(BOTH, tmp_path / "without")
    assert "Gateway edge/gw" not in run("verify", str(tmp_path / "without"), "--stage", "retire")[1]


def test_a_namespace_alone_does_nothing_for_a_gateway_of_several(tree: Path) -> None:
    code, said = run("convert", str(tree), "--only", "edge", "--format", "diff")
    assert "waits: choose its namespaces together: edge, shop" in " ".join(said.split())
    assert code == 0
