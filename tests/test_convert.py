"""Conversions on their fixtures, and what holds for every conversion: nothing else changes, and stages compose."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import msgspec
import pytest
from jsonschema import Draft202012Validator
from msgspec.structs import replace
from typer.testing import CliRunner

from ambimigrate import catalogue
from ambimigrate.analyse import analyse
from ambimigrate.changes import FROM, Change, Create, Held, Stage
from ambimigrate.cli import _app
from ambimigrate.convert import EVERYTHING, Choice, Conversion, after, based, convert
from ambimigrate.converters.settings import Accepted, Settings
from ambimigrate.decode import Reading
from ambimigrate.model import Finding, Mesh, Target
from ambimigrate.sinks import texts, tree
from ambimigrate.sources.read import read_files
from ambimigrate.versions import NEWEST, NEWEST_GATEWAY_API, parse
from tests.conftest import FIXTURES

FOLDER = FIXTURES / "convert"
CASES = sorted(path for path in FOLDER.glob("*") if path.is_dir())
DEMO = FIXTURES / "repos" / "shop"
Check = Callable[[tuple[Mesh, ...]], Iterable[Finding]]


def target(case: Path) -> Target:
    """The newest of everything, unless the folder ends in `@VERSION` or `+experimental`."""
    name, _, channel = case.name.partition("+")
    version = name.partition("@")[2]
    return Target(parse(version) if version else NEWEST, NEWEST_GATEWAY_API, channel or "standard")


def nothing(_meshes: tuple[Mesh, ...]) -> tuple[Finding, ...]:
    """No rules: what the converters do by themselves."""
    return ()


def converted(root: Path, to: Target, choice: Choice, check: Check) -> tuple[Reading, Conversion, texts.Files]:
    reading = read_files([str(root)], to)
    conversion = convert(reading.meshes, tuple(check(reading.meshes)), choice, check=check)
    files = tree.files(str(root))
    texts.rewrite(conversion.changes, based, files)
    return reading, conversion, files


def agreed(case: Path) -> Settings:
    """What was agreed to for a case: the lines ID:NAMESPACE/NAME of `accept`; `close-direct-access` closes the direct way,
    `gateways` converts Istio Gateways, `keep` lists Services whose VirtualServices stay, `pilot` and `spread` say what the
    options of these names do."""
    lines, keep = (
        (case / name).read_text(encoding="utf-8").split() if (case / name).exists() else [] for name in ("accept", "keep")
    )
    accepted = tuple(Accepted(id, *rest.split("/")) for id, _, rest in (each.partition(":") for each in lines))
    closes, gateways = ((case / name).exists() for name in ("close-direct-access", "gateways"))
    pilot, spread = (
        each.read_text(encoding="utf-8").strip() if each.exists() else "" for each in (case / "pilot", case / "spread")
    )
    chosen = Settings(accepted, close_direct_access=closes, keep=frozenset(keep), gateways=gateways)
    return replace(chosen, pilot=pilot, spread=spread or chosen.spread)


def written(root: Path, out: Path, to: Target, choice: Choice = EVERYTHING, check: Check = nothing) -> Conversion:
    _, conversion, files = converted(root, to, choice, check)
    tree.copy(str(root), str(out), files.changed)
    return conversion


def contents(root: Path) -> dict[str, bytes]:
    return {str(path.relative_to(root)): path.read_bytes() for path in sorted(root.rglob("*")) if path.is_file()}


def line(held: Held, root: Path) -> str:
    position = held.position
    field = ".".join(str(step) for step in position.route)
    witness = f"\n    {held.witness}" if held.witness else ""
    place = f"{position.file.removeprefix(f'{root}/')}:{position.line}"
    mesh = f" [{held.mesh}]" if held.mesh else ""
    return f"{held.namespace}{mesh}: {','.join(held.because)} {held.ref} at {place} {field}: {held.reason}{witness}\n"


@pytest.mark.parametrize("case", CASES, ids=lambda path: path.name)
def test_case(case: Path, tmp_path: Path, request: pytest.FixtureRequest, golden: Callable[[Path, str], None]) -> None:
    conversion = written(case / "input", tmp_path / "out", target(case), Choice(settings=agreed(case)))
    if request.config.getoption("--update"):
        shutil.rmtree(case / "expected", ignore_errors=True)
        shutil.copytree(tmp_path / "out", case / "expected")
    assert contents(tmp_path / "out") == contents(case / "expected")
    golden(case / "held.txt", "".join(line(each, case / "input") for each in conversion.held))
    assert bool(conversion.held) == case.name.startswith("held")


@pytest.mark.parametrize("case", [*CASES, DEMO], ids=lambda path: path.name)
def test_converting_twice_changes_nothing(case: Path, tmp_path: Path) -> None:
    root, check = (case, analyse) if case == DEMO else (case / "input", nothing)
    written(root, tmp_path / "once", target(case), Choice(settings=agreed(case)), check)
    again = written(tmp_path / "once", tmp_path / "twice", target(case), Choice(settings=agreed(case)), check)
    assert not again.changes
    assert contents(tmp_path / "once") == contents(tmp_path / "twice")


@pytest.mark.parametrize("case", [*CASES, DEMO], ids=lambda path: path.name)
def test_stages_compose(case: Path, tmp_path: Path) -> None:
    root, check = (case, analyse) if case == DEMO else (case / "input", nothing)
    previous = root
    for stage in Stage:
        at_once, step_by_step = tmp_path / f"{stage.name}-at-once", tmp_path / stage.name
        written(root, at_once, target(case), Choice(None, stage, settings=agreed(case)), check)
        written(previous, step_by_step, target(case), Choice(None, stage, settings=agreed(case)), check)
        assert contents(step_by_step) == contents(at_once)
        previous = step_by_step


@pytest.mark.parametrize("case", [*CASES, DEMO], ids=lambda path: path.name)
def test_the_written_tree_reads_as_the_mesh_that_was_meant(case: Path, tmp_path: Path) -> None:
    root = case if case == DEMO else case / "input"
    reading, conversion, files = converted(root, target(case), Choice(settings=agreed(case)), nothing)
    tree.copy(str(root), str(tmp_path / "out"), files.changed)
    read = read_files([str(tmp_path / "out")], target(case))
    for mesh, got in zip(reading.meshes, read.meshes, strict=True):
        assert objects(got) == objects(after(mesh, conversion.changes))


def objects(mesh: Mesh) -> list[tuple[Any, ...]]:
    return sorted((each.ref, repr(plain(each.body))) for each in mesh.resources)


def plain(value: Any) -> Any:
    """A typed view as nested tuples that do not depend on the order of labels."""
    if isinstance(value, msgspec.Struct):
        return tuple(plain(each) for each in msgspec.structs.astuple(value))
    if isinstance(value, dict):
        return tuple(sorted((key, repr(plain(each))) for key, each in value.items()))
    return tuple(plain(each) for each in value) if isinstance(value, list | tuple) else value


@pytest.mark.parametrize("case", [*CASES, DEMO], ids=lambda path: path.name)
def test_untouched_documents_keep_every_byte(case: Path) -> None:
    root = case if case == DEMO else case / "input"
    _, conversion, files = converted(root, target(case), Choice(settings=agreed(case)), nothing)
    touched = {each.subject.origin.text for each in conversion.changes if each.subject}  # type: ignore[attr-defined]
    for name, before, now in files.changed:
        kept = [each.text for each in texts.Parts.of(name, (before or "").removeprefix("\ufeff")).documents]
        if "kustomization" not in name:
            assert all(text in (now or "") for text in kept if text.strip() and text not in touched)


@pytest.mark.parametrize("case", CASES, ids=lambda path: path.name)
def test_every_object_that_we_make_is_marked_and_every_reason_is_in_the_catalogue(case: Path) -> None:
    _, conversion, _ = converted(case / "input", target(case), Choice(settings=agreed(case)), nothing)
    for change in conversion.changes:
        if isinstance(change.action, Create):
            assert FROM in change.action.value["metadata"]["annotations"]
        assert all(catalogue.entry(name).by == "convert" for name in change.because)
    for held in conversion.held:
        assert all(catalogue.entry(name).by == "convert" for name in held.because)
        assert held.alternative


def test_the_demo_moves_what_it_can() -> None:
    reading = read_files([str(DEMO)], target(DEMO))
    conversion = convert(reading.meshes, analyse(reading.meshes))
    found = stages(conversion.changes)
    assert found["recommendation"] == ["waypoints", "bind", "enroll", "retire"]
    assert found["sessions"] == ["enroll"]
    held = {each.namespace for each in conversion.held}
    assert "legacy" in held
    assert not held & {"recommendation", "sessions", "monitoring"}
    assert {stage for namespace in held for stage in found.get(namespace, ())} <= {"prepare"}


def stages(changes: Iterable[Change]) -> dict[str, list[str]]:
    found: dict[str, dict[str, None]] = {}
    for change in changes:
        found.setdefault(change.namespace, {})[change.stage.name] = None
    return {namespace: list(names) for namespace, names in sorted(found.items())}


# --- the command line -----------------------------------------------------------------------------------------------


def run(*arguments: str) -> tuple[int, str, str]:
    result = CliRunner().invoke(_app(["convert"]), ["convert", *arguments])
    return result.exit_code, result.stdout, result.stderr


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    shutil.copytree(FOLDER / "texts" / "input", tmp_path / "repo")
    (tmp_path / "repo" / ".git").mkdir()
    (tmp_path / "repo" / ".git" / "HEAD").write_text("ref")
    (tmp_path / "repo" / "link.md").symlink_to("README.md")
    return tmp_path / "repo"


def test_out_is_a_complete_tree_without_git(shop: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    run(str(shop), "--out", str(out))
    assert (out / "link.md").is_symlink()
    assert (out / "README.md").read_bytes() == (shop / "README.md").read_bytes()
    assert not (out / ".git").exists()
    assert run(str(shop), "--out", str(out))[0] == 2  # not empty
    assert run(str(shop), "--out", str(shop / "below"))[0] == 2


def test_write_demands_a_stage_and_a_choice_and_keeps_the_order(shop: Path) -> None:
    before = contents(shop)
    assert run(str(shop), "--write")[0] == 2
    code, _, errors = run(str(shop), "--write", "--stage", "bind", "-A")
    assert (code, "next safe stage is waypoints" in " ".join(errors.split())) == (2, True)
    assert contents(shop) == before
    (shop / "crlf.yaml").chmod(0o640)
    assert run(str(shop), "--write", "--stage", "waypoints")[0] in {0, 1}
    assert run(str(shop), "--write", "--stage", "bind")[0] == 2  # no choice
    assert run(str(shop), "--write", "--stage", "bind", "--only", "shop")[0] in {0, 1}
    assert b"istio.io/use-waypoint" in (shop / "crlf.yaml").read_bytes()
    assert b"use-waypoint" not in (shop / "list.yaml").read_bytes()
    assert (shop / "crlf.yaml").stat().st_mode & 0o777 == 0o640
    assert not [path for path in shop.iterdir() if path.name.startswith(".") and path.name != ".git"]


def test_json_names_files_stages_and_reasons(shop: Path) -> None:
    code, output, _ = run(str(shop), "--format", "json")
    record = json.loads(output)
    assert record["schema"] == "ambimigrate.convert/v1"
    places = {(each["object"]["kind"], each["object"]["name"], each["action"]): each for each in record["changes"]}
    route = places["HTTPRoute", "solo", "create"]
    assert (route["file"], route["stage"], route["verdict"]) == (f"{shop}/solo-httproute.yaml", "retire", "exact")
    assert places["VirtualService", "solo", "delete"]["file"] == f"{shop}/list.yaml"
    assert code == (1 if record["held"] else 0)


@pytest.mark.parametrize("case", [*CASES, DEMO], ids=lambda path: path.name)
def test_json_follows_its_schema(case: Path) -> None:
    schema = json.loads((catalogue.folder() / "schemas" / "convert.json").read_text(encoding="utf-8"))
    record = json.loads(run(str(case if case == DEMO else case / "input"), "--format", "json", "-q")[1])
    found = Draft202012Validator(schema).iter_errors(record)
    assert [f"{error.json_path}: {error.message}" for error in found] == []


def test_names_that_do_not_exist_are_errors(shop: Path) -> None:
    assert run(str(shop), "--only", "nowhere")[0] == 2
    assert run(str(shop), "--stage", "later")[0] == 2
    assert run(str(shop / "vs.yaml"))[0] == 2
    assert run(str(shop), "--mesh", "nowhere")[0] == 2


def test_the_next_command_repeats_what_was_agreed_to(shop: Path) -> None:
    _, _, errors = run(str(shop), "--accept", "VS901:shop/*", "--close-direct-access", "--keep-virtual-services", "shop/solo")
    shown = " ".join(errors.split())
    assert "--accept 'VS901:shop/*' --keep-virtual-services shop/solo --close-direct-access --stage " in shown
