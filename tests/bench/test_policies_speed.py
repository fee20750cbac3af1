"""A thousand policies over a thousand workloads convert in at most three times the time of their scan."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

from ambimigrate.analyse import analyse
from ambimigrate.convert import Choice, convert
from ambimigrate.converters.settings import Settings
from ambimigrate.model import Target
from ambimigrate.sources.read import read_files
from ambimigrate.versions import NEWEST, NEWEST_GATEWAY_API
from tests.bench.test_scaling import say as say

COUNT, NAMESPACES = 1000, 10
APP = """\
apiVersion: apps/v1
kind: Deployment
metadata: {{name: app-{n}, namespace: ns-{space}}}
spec:
  selector: {{matchLabels: {{app: app-{n}}}}}
  template:
    metadata: {{labels: {{app: app-{n}, tier: tier-{tier}}}}}
    spec:
      serviceAccountName: app-{n}
      containers: [{{name: app, image: app, ports: [{{containerPort: 8080}}]}}]
---
apiVersion: v1
kind: Service
metadata: {{name: app-{n}, namespace: ns-{space}}}
spec:
  selector: {{app: app-{n}}}
  ports: [{{name: http, port: 80, targetPort: 8080}}]
---
apiVersion: security.istio.io/v1
kind: AuthorizationPolicy
metadata: {{name: policy-{n}, namespace: ns-{space}}}
spec:
  {selector}
  action: {action}
  rules:
    - from: [{{source: {{principals: [cluster.local/ns/ns-{space}/sa/app-{n}]}}}}]
      to: [{{operation: {{ports: ["8080"], methods: [GET], paths: ["/x{n}*"]}}}}]
"""
NAMESPACE = "apiVersion: v1\nkind: Namespace\nmetadata: {{name: ns-{n}, labels: {{istio-injection: enabled}}}}\n"


def selector(number: int) -> str:
    """Mostly one workload, some a tier of the namespace, some all of it."""
    if number % 50 == 0:
        return "{}"
    labels = f"{{tier: tier-{number % 5}}}" if number % 10 == 1 else f"{{app: app-{number}}}"
    return f"selector: {{matchLabels: {labels}}}"


def tree(root: Path) -> Path:
    for space in range(NAMESPACES):
        texts = [NAMESPACE.format(n=space)]
        for n in range(space, COUNT, NAMESPACES):
            action = "DENY" if n % 3 == 0 else "ALLOW"
            chosen = selector(n)
            text = APP.format(n=n, space=space, tier=n % 5, selector=chosen, action=action)
            texts.append(text.replace("  {}\n", ""))
        (root / f"ns-{space}.yaml").write_text("---\n".join(texts), encoding="utf-8")
    return root


def test_1000_policies_convert_in_three_times_their_scan(tmp_path: Path, say: Callable[[str], None]) -> None:
    root = tree(tmp_path)
    scans, conversions = [], []
    for _ in range(3):
        meshes = read_files([str(root)], Target(NEWEST, NEWEST_GATEWAY_API)).meshes
        start = time.perf_counter()
        findings = tuple(analyse(meshes))
        middle = time.perf_counter()
        conversion = convert(meshes, findings, Choice(settings=Settings(close_direct_access=True)))
        end = time.perf_counter()
        scans.append(middle - start)
        conversions.append(end - middle)
    say(f"scan {min(scans):.2f} s, convert {min(conversions):.2f} s: x{min(conversions) / min(scans):.2f}")
    assert not conversion.held
    assert sum(each.ref.kind == "AuthorizationPolicy" and each.verb == "create" for each in conversion.changes) >= COUNT
    assert min(conversions) <= 3 * min(scans)
