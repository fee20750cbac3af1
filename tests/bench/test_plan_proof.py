"""The proof of an order of 1,000 namespaces with 10,000 calls takes at most five times the scan of their tree."""

from __future__ import annotations

import gc
import time
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path

from ambimigrate.analyse import analyse
from ambimigrate.changes import Change, Stage
from ambimigrate.convert import Choice
from ambimigrate.converters.settings import Settings
from ambimigrate.model import Target
from ambimigrate.plan.proof import prove
from ambimigrate.plan.staged import staged
from ambimigrate.plan.values import Step, Wave, numbered
from ambimigrate.sources.read import read_files
from ambimigrate.topology.callgraph import calls
from ambimigrate.versions import NEWEST, NEWEST_GATEWAY_API
from tests.bench.test_scaling import say as say

COUNT, CALLERS, LEVELS = 1000, 13, 5  # some callers are the same
NAMESPACE = """\
apiVersion: v1
kind: Namespace
metadata: {{name: ns-{n:04}, labels: {{istio-injection: enabled}}}}
---
apiVersion: apps/v1
kind: Deployment
metadata: {{name: app, namespace: ns-{n:04}}}
spec:
  selector: {{matchLabels: {{app: app}}}}
  template:
    metadata: {{labels: {{app: app}}}}
    spec:
      serviceAccountName: app
      containers: [{{name: app, image: app, ports: [{{containerPort: 8080}}]}}]
---
apiVersion: v1
kind: Service
metadata: {{name: app, namespace: ns-{n:04}}}
spec:
  selector: {{app: app}}
  ports: [{{name: http, port: 80, targetPort: 8080}}]
---
apiVersion: security.istio.io/v1
kind: AuthorizationPolicy
metadata: {{name: callers, namespace: ns-{n:04}}}
spec:
  selector: {{matchLabels: {{app: app}}}}
  rules: [{{from: [{{source: {{namespaces: [{callers}]}}}}]}}]
"""
NO_ADMIN = """\
---
apiVersion: security.istio.io/v1
kind: AuthorizationPolicy
metadata: {{name: no-admin, namespace: ns-{n:04}}}
spec:
  selector: {{matchLabels: {{app: app}}}}
  action: DENY
  rules: [{{to: [{{operation: {{paths: ["/admin*"]}}}}]}}]
"""


def tree(root: Path) -> Path:
    """Namespaces in levels: each is called by some of the levels above it, and of the first by the next one of that."""
    size = COUNT // LEVELS
    for n in range(COUNT):
        above = n // size * size
        found = {(n * 7 + k * k * 31 + k) % above for k in range(CALLERS)} if above else {(n + 1) % size}
        text = NAMESPACE.format(n=n, callers=", ".join(f"ns-{each:04}" for each in sorted(found)))
        (root / f"ns-{n:04}.yaml").write_text(text + (NO_ADMIN.format(n=n) if n >= size else ""), encoding="utf-8")
    return root


def waves(changes: tuple[Change, ...]) -> tuple[Wave, ...]:
    """Level after level, what prepares them before all."""
    by_stage: dict[tuple[str, Stage], list[Change]] = defaultdict(list)
    for change in changes:
        by_stage[change.namespace, change.stage].append(change)

    def step(stage: Stage, names: tuple[str, ...]) -> Step:
        own = tuple(change for name in names for change in by_stage[name, stage])
        enrolls = names if stage is Stage.enroll else ()
        return Step(stage.name, stage, (), (), (), (), ("revert",), changes=own, enrolls=enrolls)

    every = tuple(f"ns-{n:04}" for n in range(COUNT))
    levels = [every[place : place + COUNT // LEVELS] for place in range(0, COUNT, COUNT // LEVELS)]
    first = (Stage.prepare, Stage.waypoints, Stage.policies, Stage.bind)
    made = [Wave(1, "", "", (), tuple(numbered([step(stage, every) for stage in first], 1)))]
    rest = (Stage.swap, Stage.enroll, Stage.retire, Stage.tighten)
    for number, names in enumerate(levels, 2):
        made.append(Wave(number, "", "", names, tuple(numbered([step(stage, names) for stage in rest], number))))
    return tuple(made)


def _unwanted(names: tuple[str, ...]) -> Step:
    raise AssertionError(f"no window is taken apart: {names}")


def test_the_proof_takes_five_times_the_scan(tmp_path: Path, say: Callable[[str], None]) -> None:
    root = tree(tmp_path)
    scans, proofs = [], []
    for _ in range(3):
        gc.collect()
        start = time.process_time()
        meshes = read_files([str(root)], Target(NEWEST, NEWEST_GATEWAY_API)).meshes
        findings = tuple(analyse(meshes))
        scans.append(time.process_time() - start)
        found = staged(meshes, findings, Choice(settings=Settings(close_direct_access=True)))
        planned = waves(found.changes)
        gc.collect()
        start = time.process_time()
        proof = prove(meshes[0], planned, _unwanted)
        proofs.append(time.process_time() - start)
        assert not found.conversion.held
        assert not [gap for gap in proof.gaps if gap.kind == "unenforced"]
    say(f"{len(calls(meshes[0]))} edges, {len(proof.gaps)} gaps, orders: {len(proof.orders)}")
    say(f"scan {min(scans):.2f} s, proof {min(proofs):.2f} s: x{min(proofs) / min(scans):.2f}")
    assert min(proofs) <= 5 * min(scans)
