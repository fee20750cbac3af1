"""What Argo CD and Flux own: labels of namespaces, fields that they leave alone, and deletions that nobody makes."""

from __future__ import annotations

from pathlib import Path

from ambimigrate.analyse import analyse
from ambimigrate.changes import Change, Create, Stage
from ambimigrate.convert import Conversion, based, convert
from ambimigrate.model import Mesh, Target
from ambimigrate.plan import deletions, ordering
from ambimigrate.sinks import texts
from ambimigrate.sinks import tree as trees
from ambimigrate.sources.read import read_files
from ambimigrate.versions import NEWEST, NEWEST_GATEWAY_API
from tests.test_rendering import tree

TARGET = Target(NEWEST, NEWEST_GATEWAY_API)
APPLICATION = """\
apiVersion: argoproj.io/v1alpha1
kind: Application
metadata: {name: shop, namespace: argocd}
spec:
  destination: {namespace: shop, server: https://kubernetes.default.svc}
  source: {repoURL: "https://git.example/x", path: deploy}
  syncPolicy:
    automated: {prune: true}
    syncOptions: [CreateNamespace=true]
    managedNamespaceMetadata:
      labels:
        team: a
        istio-injection: enabled
"""
WORKLOAD = """\
apiVersion: apps/v1
kind: Deployment
metadata: {name: x}
spec: {selector: {matchLabels: {app: x}}, template: {metadata: {labels: {app: x}}, spec: {containers: []}}}
---
apiVersion: v1
kind: Service
metadata: {name: x}
spec: {selector: {app: x}, ports: [{port: 80, name: http}]}
"""
SPACE = "apiVersion: v1\nkind: Namespace\nmetadata: {name: shop, labels: {istio-injection: enabled}}\n"
ROUTE = """\
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: x, namespace: shop, annotations: {argocd.argoproj.io/sync-options: "%s"}, finalizers: [%s]}
spec: {hosts: [x], http: [{timeout: 2s, route: [{destination: {host: x}}]}]}
"""


def converted(root: Path) -> tuple[Mesh, Conversion]:
    meshes = read_files([str(root)], TARGET).meshes
    return meshes[0], convert(meshes, analyse(meshes))


def test_labels_of_a_managed_namespace_go_to_its_application(tmp_path: Path) -> None:
    root = tree(tmp_path, {"app.yaml": APPLICATION, "deploy/all.yaml": WORKLOAD})
    _, conversion = converted(root)
    assert not conversion.held
    assert [(each.stage, each.ref.kind, each.namespace) for each in conversion.changes] == [
        (Stage.enroll, "Application", "shop")
    ]
    files = trees.files(str(root))
    texts.rewrite(conversion.changes, based, files)
    ((_, before, after),) = files.changed
    assert after == (before or "").replace("istio-injection: enabled", "istio.io/dataplane-mode: ambient")
    trees.write(str(root), [(str(root / "app.yaml"), before, after)])
    _, again = converted(root)
    assert (again.changes, again.held) == ((), ())


def test_an_ignored_field_is_held(tmp_path: Path) -> None:
    ignored = """\
  ignoreDifferences:
  - {kind: Namespace, jsonPointers: [/metadata/labels]}
"""
    text = APPLICATION.replace("CreateNamespace=true", "RespectIgnoreDifferences=true") + ignored
    root = tree(tmp_path, {"app.yaml": text, "deploy/ns.yaml": SPACE, "deploy/all.yaml": WORKLOAD})
    _, conversion = converted(root)
    assert any("Application shop ignores metadata.labels" in each.reason for each in conversion.held)
    assert not conversion.changes


def gone(root: Path, route: str, application: str = APPLICATION) -> tuple[list[str], list[str]]:
    files = {"app.yaml": application, "deploy/ns.yaml": SPACE, "deploy/all.yaml": f"{WORKLOAD}---\n{route}"}
    mesh, _ = converted(tree(root, files))
    subject = next(each for each in mesh.resources if each.kind == "VirtualService")
    change = Change(Stage.retire, "shop", mesh.name, subject.ref, None, subject)
    return list(deletions.commands(mesh, (change,))), list(deletions.gates(mesh, (change,)))


def test_what_prunes_needs_no_command(tmp_path: Path) -> None:
    assert gone(tmp_path, ROUTE % ("", "")) == ([], [])


def test_what_nobody_prunes_has_its_command_and_its_gate(tmp_path: Path) -> None:
    command = "kubectl -n shop delete virtualservice.networking.istio.io x    # once the gate holds; "
    by_hand = ["what replaces them is applied and accepted before the deletions are done by hand"]
    kept = gone(tmp_path / "kept", ROUTE % ("Prune=false", ""))
    assert kept == ([command + "its annotation argocd.argoproj.io/sync-options says Prune=false"], by_hand)
    manual = gone(tmp_path / "manual", ROUTE % ("", ""), APPLICATION.replace("{prune: true}", "{}"))
    assert manual == ([command + "Application shop does not prune"], by_hand)


def test_pruned_last_and_finalizers_are_named(tmp_path: Path) -> None:
    commands, gates = gone(tmp_path, ROUTE % ("PruneLast=true", "example.com/own"))
    assert not commands
    assert [("pruned last" in each, "example.com/own" in each) for each in gates] == [(True, False), (False, True)]


def test_new_objects_get_the_wave_of_their_source_and_waves_are_no_gate(tmp_path: Path) -> None:
    route = ROUTE.replace('annotations: {argocd.argoproj.io/sync-options: "%s"}, finalizers: [%s]', "annotations: {%s}")
    wave = 'argocd.argoproj.io/sync-wave: "3"'
    files = {"app.yaml": APPLICATION, "deploy/ns.yaml": SPACE, "deploy/all.yaml": f"{WORKLOAD}---\n{route % wave}"}
    mesh, conversion = converted(tree(tmp_path, files))
    (route_made,) = [each for each in conversion.changes if each.ref.kind == "HTTPRoute"]
    assert isinstance(route_made.action, Create)
    assert route_made.action.value["metadata"]["annotations"]["argocd.argoproj.io/sync-wave"] == "3"
    (said,) = ordering.gates(mesh, (route_made,))
    assert said == (
        "sync wave 3 orders one sync of Argo CD, lowest first: no gate between stages, so the next step is its own commit"
    )


def test_what_is_pruned_first_and_what_flux_waits_for(tmp_path: Path) -> None:
    flux = """\
apiVersion: kustomize.toolkit.fluxcd.io/v1
kind: Kustomization
metadata: {name: shop, namespace: flux-system}
spec: {path: ./deploy, prune: true, dependsOn: [{name: istio}, {name: crds}]}
"""
    one = ROUTE.replace('annotations: {argocd.argoproj.io/sync-options: "%s"}, finalizers: [%s]', "annotations: {%s}")
    wave = 'argocd.argoproj.io/sync-wave: "3"'
    routes = f"{one % wave}---\n{one.replace('name: x', 'name: z', 1) % ''}"
    files = {"flux.yaml": flux, "deploy/ns.yaml": SPACE, "deploy/all.yaml": f"{WORKLOAD}---\n{routes}"}
    mesh, _ = converted(tree(tmp_path, files))
    gone = [each for each in mesh.resources if each.kind == "VirtualService"]
    changes = [Change(Stage.retire, "shop", mesh.name, each.ref, None, each) for each in gone]
    assert list(ordering.gates(mesh, changes)) == [
        "VirtualService shop/x (sync wave 3) is pruned before VirtualService shop/z (0): Argo CD prunes the highest wave first",
        "Flux applies Kustomization shop once istio, crds are ready (dependsOn)",
    ]


def test_an_application_of_several_sources_owns_what_lies_in_one_of_them(tmp_path: Path) -> None:
    source = 'source: {repoURL: "https://git.example/x", path: deploy}'
    several = 'sources: [{repoURL: "https://charts.example", chart: x}, {repoURL: "https://git.example/x", path: deploy}]'
    assert source in APPLICATION
    elsewhere = APPLICATION.replace("{namespace: shop, server", "{namespace: other, server").replace(source, several)
    assert gone(tmp_path, ROUTE % ("", ""), elsewhere) == ([], [])
