"""Secrets in files: their labels are read, and not a byte of their data is kept or shown."""

from __future__ import annotations

import io
import pickle
from pathlib import Path

import pytest

from ambimigrate.changes import Change, Set, Stage
from ambimigrate.editable import based
from ambimigrate.kinds import Namespace, RemoteSecret
from ambimigrate.model import Target
from ambimigrate.render import FORMATS, renderer
from ambimigrate.report import report
from ambimigrate.sinks import texts, tree
from ambimigrate.sources.read import read_files
from ambimigrate.versions import NEWEST, NEWEST_GATEWAY_API
from ambimigrate.yamlio import Document
from ambimigrate.yamlio.outline import outline

TARGET = Target(NEWEST, NEWEST_GATEWAY_API)
HIDDEN = "cGFzc3dvcmQtb2YtYS1jbHVzdGVy"
REMOTE = f"""\
---
# of cluster west
apiVersion: v1
data:
  west: {HIDDEN}
kind: Secret
metadata:
  annotations:
    networking.istio.io/cluster: west
    kubectl.kubernetes.io/last-applied-configuration: |
      {{"data": {{"west": "{HIDDEN}"}}}}
  labels:
    istio/multiCluster: "true"
  managedFields:
  - fieldsV1: {{f:data: {HIDDEN}}}
  name: istio-remote-secret-west
  namespace: istio-system
stringData:
  text: |
    kind: Service
    {HIDDEN}
type: Opaque
"""
NAMESPACE = "---\napiVersion: v1\nkind: Namespace\nmetadata: {name: shop, labels: {istio-injection: enabled}}\n"


def test_a_secret_of_a_remote_cluster_is_known_by_its_label(tmp_path: Path) -> None:
    (tmp_path / "all.yaml").write_text(REMOTE + NAMESPACE)
    reading = read_files([str(tmp_path)], TARGET)
    (secret,) = reading.meshes[0].of(RemoteSecret)
    assert (secret.namespace, secret.name) == ("istio-system", "istio-remote-secret-west")
    assert secret.at("metadata", "labels", "istio/multiCluster").line == REMOTE[: REMOTE.index("istio/multi")].count("\n") + 1
    assert reading.counts.objects == {"Secret": 1, "Namespace": 1}


@pytest.mark.parametrize("name", FORMATS)
def test_no_data_of_a_secret_reaches_a_resource_or_the_report(tmp_path: Path, name: str) -> None:
    (tmp_path / "secret.yaml").write_text(REMOTE)
    (tmp_path / "namespace.yaml").write_text(NAMESPACE)
    reading = read_files([str(tmp_path)], TARGET)
    assert HIDDEN.encode() not in pickle.dumps([(each.ref, each.body, each.origin) for each in reading.meshes[0].resources])
    out = io.StringIO()
    renderer(name)(report(reading, objects=True), out)
    assert "istio-remote-secret-west" in out.getvalue()
    assert HIDDEN not in out.getvalue()


@pytest.mark.parametrize(
    "text",
    [
        f'{{"kind": "Secret", "metadata": {{"labels": {{"istio/multiCluster": "true"}}}}, "data": "{HIDDEN}"}}',
        f'kind: Secret\nmetadata: {{labels: {{istio/multiCluster: "true"}}, annotations: {{x: {HIDDEN}}}}}\n',
        f'"kind": Secret\nmetadata:\n  labels:\n    istio/multiCluster: "true"\ndata: {HIDDEN}\n',
        f"kind: Secret\nmetadata:\n  {HIDDEN}:\n   deeper: {HIDDEN}\n",
        f"kind: Secret\ndata: |\n{HIDDEN}\n",
    ],
)
def test_an_outline_holds_no_data_or_is_not_made(text: str) -> None:
    found = outline(Document("secret.yaml", 0, 1, text))
    assert found is None or HIDDEN not in found.text


def test_a_secret_without_the_label_is_passed_over_unparsed(tmp_path: Path) -> None:
    (tmp_path / "secret.yaml").write_text("kind: Secret\napiVersion: v1\nstringData: {broken: [\n kind: Service}\n" + NAMESPACE)
    reading = read_files([str(tmp_path)], TARGET)
    assert not reading.problems
    assert reading.counts.skipped == {"other kinds": 1}


LIST = f"""\
apiVersion: v1
kind: List
items:
- apiVersion: v1
  data:
    # {HIDDEN}
    west: {HIDDEN}
    more: |
      {HIDDEN}

  kind: Secret
  metadata:
    annotations: {{x: {HIDDEN}}}
    name: password
- apiVersion: v1
  kind: Namespace
  metadata: {{name: shop, labels: {{istio-injection: enabled}}}}
- {{apiVersion: v1, kind: Secret, metadata: {{name: other}}, stringData: {{a: {HIDDEN}}}}}
# ambimigrate: ignore[NS001] because it is known
"""


def test_a_secret_in_a_list_leaves_no_data_in_the_text_of_the_list(tmp_path: Path) -> None:
    (tmp_path / "list.yaml").write_text(LIST)
    reading = read_files([str(tmp_path)], TARGET)
    assert not reading.problems
    kept = [(each.ref, each.body, each.origin) for each in reading.meshes[0].resources]
    assert len(kept) == 1
    assert HIDDEN.encode() not in pickle.dumps((kept, reading.marked))


def test_what_stands_beside_a_secret_in_a_list_keeps_its_line_and_is_edited_in_place(tmp_path: Path) -> None:
    (tmp_path / "list.yaml").write_text(LIST)
    (mesh,) = read_files([str(tmp_path)], TARGET).meshes
    (namespace,) = mesh.of(Namespace)
    assert namespace.at("metadata", "name").line == LIST[: LIST.index("{name: shop")].count("\n") + 1
    change = Change(Stage.enroll, "shop", "", namespace.ref, (Set(("metadata", "labels", "a"), "b"),), namespace)
    files = tree.files(str(tmp_path))
    texts.rewrite([change], based, files)
    ((_, _, after),) = files.changed
    assert after == LIST.replace("istio-injection: enabled", "istio-injection: enabled, a: b")


def test_a_secret_that_shares_its_data_is_a_problem(tmp_path: Path) -> None:
    items = "- {kind: Secret, apiVersion: v1, data: &a {x: y}}\n- {kind: ConfigMap, apiVersion: v1, data: *a}\n"
    text = f"kind: List\napiVersion: v1\nitems:\n{items}"
    (tmp_path / "list.yaml").write_text(text)
    (problem,) = read_files([str(tmp_path)], TARGET).problems
    assert "its data cannot be left out" in problem.message
