"""What holds namespaces is looked for until nothing follows any more, whatever else is held."""

from __future__ import annotations

from pathlib import Path

from ambimigrate.convert import convert
from ambimigrate.kinds import Deployment
from ambimigrate.model import Finding, Hit, Mesh, Severity, Target
from ambimigrate.sources.read import read_files
from ambimigrate.versions import NEWEST, NEWEST_GATEWAY_API

POLICY = """\
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: in, namespace: shop}
spec:
  podSelector: {matchLabels: {app: shop}}
  policyTypes: [Ingress]
  ingress: [{from: [{podSelector: {}}], ports: [{port: 8080}]}]
"""
NAMESPACE = """\
---
apiVersion: v1
kind: Namespace
metadata: {name: NAME, labels: {MODE}}
---
apiVersion: v1
kind: Service
metadata: {name: NAME, namespace: NAME}
spec: {selector: {app: NAME}, ports: [{name: http, port: 80, targetPort: 8080}]}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: NAME, namespace: NAME}
spec:
  selector: {matchLabels: {app: NAME}}
  template:
    metadata: {labels: {app: NAME}}
    spec: {serviceAccountName: NAME, containers: [{name: app, image: registry.example.com/app:1}]}
"""


def bad_for_pay(meshes: tuple[Mesh, ...]) -> tuple[Finding, ...]:
    """A blocker about a workload, which is there before and afterwards."""
    found = (mesh.find(Deployment, "pay", "pay") for mesh in meshes if mesh.name == "x")
    hits = ((each.ref, Hit(each.at("spec"), "its connections are reset", "sandbox")) for each in found if each)
    return tuple(
        Finding("WL010", Severity.blocker, fails_open=False, ref=ref, hit=hit, fix="", meshes=("x",)) for ref, hit in hits
    )


def test_a_text_that_is_held_with_its_namespace_does_not_end_the_search(tmp_path: Path) -> None:
    """The edit of a shared text is neutral, so it is there to be complained of in every round."""
    for name, mode in (("x", "istio-injection: enabled"), ("y", "")):
        (tmp_path / "clusters" / name).mkdir(parents=True)
        text = "".join(NAMESPACE.replace("NAME", each).replace("MODE", mode) for each in ("shop", "pay"))
        (tmp_path / "clusters" / name / "all.yaml").write_text(text)
    (tmp_path / "common.yaml").write_text(POLICY)
    meshes = read_files([str(tmp_path)], Target(NEWEST, NEWEST_GATEWAY_API)).meshes
    found = convert(meshes, bad_for_pay(meshes), check=bad_for_pay)
    assert {(each.namespace, each.ref.kind) for each in found.held if "NS908" not in each.because} == {
        ("shop", "NetworkPolicy"),
        ("pay", "Deployment"),
    }
    assert not found.changes
