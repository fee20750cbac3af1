"""Snapshots of clusters: what they keep and what not, that they come back the same, and what is said of others."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from ambimigrate import catalogue
from ambimigrate.decode import Reading
from ambimigrate.kinds import Deployment
from ambimigrate.sinks.snapshots import save
from ambimigrate.sinks.tree import Unwritable
from ambimigrate.snapshot import NoSnapshot, record
from ambimigrate.sources.snapshots import is_snapshot, read_snapshots
from tests.clusters import ISTIOD, ROUTE, SERVICES, SHOP, TARGET, reading
from tests.fakecluster import FakeCluster, always, forbidden, manifest, serving

ENV = [
    {"name": "PASSWORD", "value": "hunter2"},
    {"name": "URL", "value": "postgres://svc-1.shop.svc.cluster.local:5432/db?password=hunter2"},
    {"name": "STOP", "value": "curl localhost:15020/quitquitquit; rm hunter2"},
    {"name": "FAR", "value": "https://hunter2.example.com"},
    {"name": "PILOT_ENABLE_AMBIENT", "value": "true"},
]
ANNOTATIONS = {"sidecar.istio.io/inject": "true", "vault.example.com/token": "hunter2", "argocd.argoproj.io/sync-wave": "3"}
WORKLOAD = manifest(
    "Deployment",
    "app",
    "shop",
    "apps",
    metadata={"annotations": ANNOTATIONS},
    spec={"template": {"spec": {"containers": [{"name": "app", "env": ENV}]}}},
)


@pytest.fixture
def found(tmp_path: Path) -> Iterator[Reading]:
    with serving(FakeCluster([SHOP, *SERVICES, ROUTE, ISTIOD, WORKLOAD])) as cluster:
        cluster.tricks["jobs.batch"] = always(forbidden("jobs"))
        yield reading(cluster, tmp_path)


def test_values_of_variables_are_forgotten_but_for_names_of_services(found: Reading) -> None:
    app = next(each for each in found.meshes[0].of(Deployment) if each.name == "app")
    assert app.body.spec.template
    values = {each.name: each.value for each in app.body.spec.template.spec.containers[0].env}
    assert values == {
        "PASSWORD": None,
        "URL": "://svc-1.shop.svc",
        "STOP": "localhost:15020/quitquitquit",
        "FAR": None,
        "PILOT_ENABLE_AMBIENT": "true",
    }


def test_a_record_fits_its_schema_and_holds_nothing_private(found: Reading) -> None:
    text = record(found)
    schema: Any = json.loads((catalogue.folder() / "schemas" / "snapshot.json").read_text())
    jsonschema.validate(json.loads(text), schema)
    assert b"hunter2" not in text
    assert b"vault.example.com" not in text
    assert b"sync-wave" in text


def test_what_comes_back_is_what_was_read(found: Reading, tmp_path: Path) -> None:
    file = tmp_path / "snapshot"
    save(record(found), str(file))
    assert is_snapshot(str(file))
    again = read_snapshots([str(file)], TARGET)
    old, new = found.meshes[0], again.meshes[0]
    bodies = {each.ref: each.body for each in old.resources if each.name != "app"}
    assert bodies == {each.ref: each.body for each in new.resources if each.name != "app"}
    assert (new.name, new.source, new.target, new.problems) == (old.name, "cluster", old.target, old.problems)
    assert (again.counts.objects, again.counts.skipped) == (found.counts.objects, found.counts.skipped)
    assert record(again) == record(found)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"\x1f\x8bbroken", "cannot be read"),
        (gzip.compress(b"{}", mtime=0), "is no snapshot: Object missing required field `schema`"),
        (gzip.compress(b"[1", mtime=0), "is no snapshot"),
        (
            gzip.compress(b'{"schema":"ambimigrate.snapshot/v9","tool":{},"clusters":[],"counts":{}}', mtime=0),
            "of another version",
        ),
    ],
)
def test_files_that_are_no_snapshots(tmp_path: Path, content: bytes, message: str) -> None:
    file = tmp_path / "file"
    file.write_bytes(content)
    with pytest.raises(NoSnapshot, match=message):
        read_snapshots([str(file)], TARGET)


def test_a_place_that_cannot_be_written(tmp_path: Path) -> None:
    with pytest.raises(Unwritable, match="cannot be written"):
        save(b"{}", str(tmp_path / "none" / "file"))
