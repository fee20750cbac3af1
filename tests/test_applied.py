"""Argo CD and Flux say to which cluster and into which namespace a folder goes."""

from __future__ import annotations

from pathlib import Path

from ambimigrate.decode import Reading
from ambimigrate.model import Target
from ambimigrate.sources.read import read_files
from ambimigrate.versions import NEWEST, NEWEST_GATEWAY_API
from tests.test_rendering import tree

TARGET = Target(NEWEST, NEWEST_GATEWAY_API)
SERVICE = "apiVersion: v1\nkind: Service\nmetadata: {name: a}\nspec: {ports: [{port: 80}]}\n"
OTHER = SERVICE.replace("{name: a}", "{name: b, namespace: own}")


def application(name: str, path: str, destination: str) -> str:
    return f"""\
apiVersion: argoproj.io/v1alpha1
kind: Application
metadata: {{name: {name}, namespace: argocd}}
spec:
  destination: {{{destination}}}
  source: {{repoURL: "https://git.example/x", path: {path}}}
"""


def read(root: Path) -> Reading:
    return read_files([str(root)], TARGET)


def services(reading: Reading) -> set[tuple[str, str, str]]:
    return {
        (mesh.name, each.namespace, each.name) for mesh in reading.meshes for each in mesh.resources if each.kind == "Service"
    }


def test_destinations_name_meshes_and_namespaces(tmp_path: Path) -> None:
    files = {
        "apps/east.yaml": application("e", "deploy/e", "name: east, namespace: shop"),
        "apps/west.yaml": application("w", "./deploy/w/", "server: 'https://west.example:6443', namespace: store"),
        "deploy/e/a.yaml": SERVICE,
        "deploy/w/a.yaml": SERVICE,
        "deploy/w/b.yaml": OTHER,
        "common/b.yaml": OTHER,
    }
    reading = read(tree(tmp_path, files))
    assert services(reading) == {
        ("east", "shop", "a"),
        ("west.example", "store", "a"),
        ("west.example", "own", "b"),
        ("east", "own", "b"),
    }
    assert any("by what Argo CD and Flux apply" in note for note in reading.notes)


def test_one_cluster_leaves_the_names_of_folders(tmp_path: Path) -> None:
    files = {
        "apps/all.yaml": "---\n".join(application(name, f"overlays/{name}", "namespace: shop") for name in ("prod", "staging")),
        "base/a.yaml": SERVICE,
        "base/kustomization.yaml": "resources: [a.yaml]\n",
        "overlays/prod/kustomization.yaml": "resources: [../../base]\n",
        "overlays/staging/kustomization.yaml": "resources: [../../base]\nnamespace: early\n",
    }
    assert services(read(tree(tmp_path, files))) == {("prod", "shop", "a"), ("staging", "early", "a")}


def test_flux_clusters_apply_folders(tmp_path: Path) -> None:
    flux = """\
apiVersion: kustomize.toolkit.fluxcd.io/v1
kind: Kustomization
metadata: {name: apps, namespace: flux-system}
spec: {path: ./apps/%s, prune: true, targetNamespace: %s}
"""
    files = {
        "clusters/east/apps.yaml": flux % ("one", "shop"),
        "clusters/west/apps.yaml": flux % ("two", "store"),
        "apps/one/a.yaml": SERVICE,
        "apps/two/b.yaml": OTHER,
    }
    assert services(read(tree(tmp_path, files))) == {("east", "shop", "a"), ("west", "store", "b")}


def test_an_application_set_of_folders(tmp_path: Path) -> None:
    made = """\
apiVersion: argoproj.io/v1alpha1
kind: ApplicationSet
metadata: {name: all, namespace: argocd}
spec:
  goTemplate: true
  generators: [{git: {directories: [{path: "teams/*"}, {path: teams/none, exclude: true}]}}]
  template:
    metadata: {name: "{{ .path.basename }}"}
    spec:
      destination: {namespace: "{{ .path.basename }}", server: "https://kubernetes.default.svc"}
      source: {path: "{{ .path.path }}"}
"""
    files = {"set.yaml": made, "teams/red/a.yaml": SERVICE, "teams/none/a.yaml": SERVICE}
    assert services(read(tree(tmp_path, files))) == {("", "red", "a"), ("", "", "a")}
