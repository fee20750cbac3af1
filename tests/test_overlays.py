"""One base under several overlays: each environment is converted in its own overlay, and the others stay as they are."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
import yaml
from deepdiff import DeepDiff

from ambimigrate.changes import Change, Set, Stage
from ambimigrate.convert import Choice, Conversion, after, based, convert
from ambimigrate.model import Mesh, Target
from ambimigrate.sinks import texts, tree
from ambimigrate.sources import renderers
from ambimigrate.sources.read import read_files
from ambimigrate.versions import NEWEST, NEWEST_GATEWAY_API
from ambimigrate.yamlio.edit import CannotEdit
from tests.conftest import FIXTURES
from tests.test_convert import contents, nothing, objects

pytestmark = pytest.mark.skipif(renderers.find() is None, reason="neither kustomize nor kubectl is on PATH")
TARGET = Target(NEWEST, NEWEST_GATEWAY_API)
PLAIN = FIXTURES / "convert" / "overlays" / "input"


def prefixed(root: Path) -> Path:
    """The fixture with names and labels that base and overlays change on the way, one level deeper."""
    shutil.copytree(PLAIN, root)
    base = root / "base" / "kustomization.yaml"
    base.write_text(f"namePrefix: b-\ncommonAnnotations: {{team: web}}\n{base.read_text()}")
    for mesh in ("staging", "prod"):
        overlay = root / "overlays" / mesh / "kustomization.yaml"
        overlay.write_text(f"{overlay.read_text().rstrip()}\nnameSuffix: -{mesh}\n")
        top = root / "clusters" / mesh
        top.mkdir(parents=True)
        (top / "kustomization.yaml").write_text(f"resources: [../../overlays/{mesh}]\ncommonLabels: {{env: {mesh}}}\n")
    text = (root / "base" / "vs.yaml").read_text().replace("web.shop.svc", "b-web-prod.shop.svc")
    (root / "base" / "vs.yaml").write_text(text)
    return root


def write(root: Path, out: Path, mesh: str = "", stage: Stage | None = None) -> Conversion:
    return written(read(root), root, out, Choice(None, stage, mesh))


def read(root: Path) -> tuple[Mesh, ...]:
    return read_files([str(root)], TARGET, render="always").meshes


def written(meshes: tuple[Mesh, ...], root: Path, out: Path, choice: Choice) -> Conversion:
    conversion = convert(meshes, (), choice, check=nothing)
    files = tree.files(str(root))
    texts.rewrite(conversion.changes, based, files)
    tree.copy(str(root), str(out), files.changed)
    return conversion


def built(folder: Path) -> dict[tuple[str, str], Any]:
    found = renderers.find()
    assert found is not None
    made = found.build(folder)
    assert isinstance(made, renderers.Built), made
    trees = [each for each in yaml.safe_load_all(made.text) if each]
    for each in trees:
        each["metadata"].get("annotations", {}).pop("config.kubernetes.io/origin", None)
    return {(each["kind"], each["metadata"]["name"]): each for each in trees}


def test_one_environment_moves_and_the_other_stays(tmp_path: Path) -> None:
    conversion = write(PLAIN, tmp_path / "out", "staging")
    assert not conversion.held
    assert {each.stage for each in conversion.changes if each.alone} >= {
        Stage.waypoints,
        Stage.bind,
        Stage.enroll,
        Stage.retire,
    }
    assert contents(tmp_path / "out" / "base") == contents(PLAIN / "base")
    assert built(tmp_path / "out/overlays/prod") == built(PLAIN / "overlays/prod")
    before, after = built(PLAIN / "overlays/staging"), built(tmp_path / "out/overlays/staging")
    assert after["Namespace", "shop"]["metadata"]["labels"] == {
        "istio.io/dataplane-mode": "ambient",
        "istio.io/use-waypoint": "waypoint",
    }
    named = {(each.ref.kind, each.ref.name) for each in conversion.changes}
    differing = {key for key in before.keys() | after.keys() if DeepDiff(before.get(key), after.get(key))}
    assert differing == named
    assert ("VirtualService", "web") not in after


@pytest.mark.parametrize("root", [PLAIN, None], ids=["plain", "prefixed"])
def test_the_written_overlays_read_as_the_meshes_that_were_meant(tmp_path: Path, root: Path | None) -> None:
    root = root or prefixed(tmp_path / "in")
    old = read(root)
    conversion = written(old, root, tmp_path / "out", Choice())
    assert any(each.alone for each in conversion.changes)
    for before, got in zip(old, read(tmp_path / "out"), strict=True):
        assert objects(got) == objects(after(before, conversion.changes))


@pytest.mark.parametrize("mesh", ["", "prod"])
def test_stages_compose_in_overlays(tmp_path: Path, mesh: str) -> None:
    previous = PLAIN
    for stage in Stage:
        at_once, step = tmp_path / f"{stage.name}-at-once", tmp_path / stage.name
        write(PLAIN, at_once, mesh, stage)
        write(previous, step, mesh, stage)
        assert contents(step) == contents(at_once)
        previous = step
    assert not write(previous, tmp_path / "again", mesh).changes


def test_one_environment_after_the_other_is_the_same_as_both_at_once(tmp_path: Path) -> None:
    write(PLAIN, tmp_path / "first", "staging")
    write(tmp_path / "first", tmp_path / "second", "prod")
    write(PLAIN, tmp_path / "both")
    assert contents(tmp_path / "second") == contents(tmp_path / "both")


def with_deny(root: Path) -> Path:
    shutil.copytree(PLAIN, root)
    (root / "base" / "deny.yaml").write_text(DENY)
    listed = root / "base" / "kustomization.yaml"
    listed.write_text(f"{listed.read_text().rstrip()}\n  - deny.yaml\n")
    return root


def test_what_stands_in_a_list_is_patched_item_by_item(tmp_path: Path) -> None:
    root, out = with_deny(tmp_path / "in"), tmp_path / "out"
    conversion = write(root, out, "prod", Stage.policies)
    assert not conversion.held
    assert contents(out / "base") == contents(root / "base")
    assert built(out / "overlays/staging") == built(root / "overlays/staging")
    key = ("AuthorizationPolicy", "deny")
    difference = DeepDiff(built(root / "overlays/prod")[key], built(out / "overlays/prod")[key])
    place = "root['spec']['rules'][0]['from'][0]['source']['notPrincipals'][1]"
    assert difference == {"iterable_item_added": {place: "cluster.local/ns/shop/sa/waypoint"}}
    listed = yaml.safe_load((out / "overlays/prod/kustomization.yaml").read_text())["patches"]
    file = "ambient-authorizationpolicy-deny-json6902.yaml"
    assert file in [each["path"] for each in listed]
    assert (out / "overlays/prod" / file).read_text() == PATCH


def test_stages_compose_where_lists_are_patched(tmp_path: Path) -> None:
    root = previous = with_deny(tmp_path / "in")
    for stage in Stage:
        at_once, step = tmp_path / f"{stage.name}-at-once", tmp_path / stage.name
        write(root, at_once, "prod", stage)
        write(previous, step, "prod", stage)
        assert contents(step) == contents(at_once)
        built(step / "overlays/prod")
        previous = step
    assert not write(previous, tmp_path / "again", "prod").changes


def test_a_base_that_moves_the_items_stops_the_build(tmp_path: Path) -> None:
    root, out = with_deny(tmp_path / "in"), tmp_path / "out"
    write(root, out, "prod", Stage.policies)
    text = (out / "base" / "deny.yaml").read_text()
    (out / "base" / "deny.yaml").write_text(text.replace("[cluster", "[cluster.local/ns/other/sa/two, cluster"))
    found = renderers.find()
    assert found is not None
    made = found.build(out / "overlays/prod")
    assert isinstance(made, renderers.Failed)
    assert "test failed" in made.reason


def test_a_list_that_another_patch_changes_is_held_with_its_line(tmp_path: Path) -> None:
    root = with_deny(tmp_path / "in")
    overlay = root / "overlays" / "prod" / "kustomization.yaml"
    place = "/spec/rules/0/from/0/source/notPrincipals/-"
    patch = json.dumps([{"op": "add", "path": place, "value": "cluster.local/ns/shop/sa/three"}])
    field = f"patches:\n- target: {{kind: AuthorizationPolicy, name: deny}}\n  patch: '{patch}'\n"
    overlay.write_text(f"{overlay.read_text().rstrip()}\n{field}")
    meshes = read(root)
    (mesh,) = [each for each in meshes if each.name == "prod"]
    (policy,) = [each for each in mesh.resources if each.name == "deny"]
    edit = Set(("spec", "rules", 0, "from", 0, "source", "notPrincipals", 2), "cluster.local/ns/shop/sa/waypoint")
    change = Change(Stage.policies, "shop", "prod", policy.ref, (edit,), policy, alone=True)
    with pytest.raises(CannotEdit) as caught:
        texts.rewrite([change], based, tree.files(str(root)))
    assert caught.value.reason == f"{overlay}:4 patches its spec.rules"


NAMED = {
    "a merge patch without effect": """\
patches:
  - patch: '{apiVersion: networking.istio.io/v1, kind: VirtualService, metadata: {name: web}}'
""",
    "a JSON patch": """\
patches:
  - target: {kind: VirtualService, name: w.*}
    patch: '[{"op": "test", "path": "/kind", "value": "VirtualService"}]'
""",
    "a replacement": """\
replacements:
  - source: {kind: VirtualService, name: web, fieldPath: metadata.name}
    targets: [{select: {kind: Namespace, name: shop}, fieldPaths: [metadata.annotations.web], options: {create: true}}]
""",
}


@pytest.mark.parametrize("field", NAMED.values(), ids=NAMED)
def test_an_object_that_an_overlay_names_is_not_deleted_below_it(tmp_path: Path, field: str) -> None:
    root = tmp_path / "in"
    shutil.copytree(PLAIN, root)
    shutil.rmtree(root / "overlays" / "staging")
    overlay = root / "overlays" / "prod" / "kustomization.yaml"
    overlay.write_text(f"{overlay.read_text().rstrip()}\n{field}\n")
    conversion = write(root, tmp_path / "out")
    (held,) = [each for each in conversion.held if each.because == ("NS907",)]
    key = field.partition(":")[0]
    assert held.reason == f"{overlay}:{line(overlay, key)} names it, in `{key}`, and would name nothing any more"
    assert built(tmp_path / "out/overlays/prod")["VirtualService", "web"]


def line(file: Path, key: str) -> int:
    """The line of the first entry of a field."""
    lines = file.read_text().splitlines()
    number = next(i for i, each in enumerate(lines, 1) if each.startswith(f"{key}:"))
    return number if "[" in lines[number - 1] else number + 1


PATCH = """\
- op: test
  path: /spec/rules/0/from/0/source/notPrincipals/0
  value: cluster.local/ns/shop/sa/one
- op: add
  path: /spec/rules/0/from/0/source/notPrincipals/-
  value: cluster.local/ns/shop/sa/waypoint
"""
DENY = """\
apiVersion: security.istio.io/v1
kind: AuthorizationPolicy
metadata:
  name: deny
spec:
  selector:
    matchLabels:
      app: web
  action: DENY
  rules:
    - from:
        - source:
            notPrincipals: [cluster.local/ns/shop/sa/one]
"""
