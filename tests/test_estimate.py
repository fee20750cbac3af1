"""The estimate: the published arithmetic, what the objects of a mesh request, and figures that are not known."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from ambimigrate import catalogue
from ambimigrate.estimate import EACH, L4_ONLY, NEEDED, estimate
from ambimigrate.estimate.amounts import Amount, Prices, Range, exactly, quantity, span
from ambimigrate.estimate.figures import Given, Request, of_numbers
from ambimigrate.estimate.use import use
from ambimigrate.traffic import Flow, Traffic, flows

ROOT = Path(__file__).parent.parent
DEMO = ROOT / "fixtures" / "repos" / "shop"


def run(*arguments: str) -> tuple[int, dict[str, Any], str]:
    command = [sys.executable, "-m", "ambimigrate", "estimate", "--format", "json", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return done.returncode, json.loads(done.stdout) if done.stdout else {}, done.stderr


SIZES = ["--sidecar-cpu", "0.6", "--ztunnel-cpu", "0.3", "--waypoint-cpu", "0.6", "--cni-cpu", "0"]
PUBLISHED = ["--pods", "15000", "--nodes", "200", "--namespaces", "1000", *SIZES, "--price-per-vcpu", "22"]


@pytest.mark.parametrize(("replicas", "cpu", "money", "saved"), [(1, 660, 174_240, 2_201_760), (3, 1860, 491_040, 1_884_960)])
def test_the_published_arithmetic(replicas: int, cpu: float, money: float, saved: float) -> None:
    code, found, _ = run(*PUBLISHED, "--waypoint-replicas", str(replicas))
    assert code == 0
    assert (found["before"]["cpu_cores"], found["before"]["money_per_year"]) == (9000, 2_376_000)
    after = found["after"][EACH]
    assert (after["cpu_cores"], after["money_per_year"]) == (cpu, money)
    assert found["savings"][EACH]["money_per_year"] == saved


def test_istios_defaults_and_ranges() -> None:
    found = run("--pods", "1000")[1]
    assert (found["before"]["cpu_cores"], found["before"]["memory_gib"]) == (100, 125)
    assert found["before"]["money_per_year"] is None
    low, high = run("--pods", "500", "--sidecar-memory", "50MB-100MB")[1]["before"]["memory_gib"]
    assert (round(low * 1.073741824), round(high * 1.073741824)) == (25, 50)


def test_what_is_not_known_is_null() -> None:
    found = run("--pods", "1000")[1]
    assert found["after"][L4_ONLY] == {"cpu_cores": None, "memory_gib": None, "money_per_year": None}
    assert found["migration_peak"]["cpu_cores"] is None
    assert any("--nodes" in each["what"] for each in found["assumptions"])
    known = run("--pods", "1000", "--nodes", "10")[1]
    assert known["after"][L4_ONLY]["cpu_cores"] == 3
    assert known["after"][NEEDED]["cpu_cores"] is None


def test_few_pods_on_many_nodes_reserve_more_afterwards() -> None:
    figures = of_numbers(Given(pods=10, nodes=10, namespaces=1, waypoints=1))
    found = estimate(figures, Prices(exactly(20), exactly(2)))
    cpu, money, peak = found.savings[L4_ONLY].amount.cpu, found.savings[NEEDED].money, found.peak.amount.cpu
    assert cpu and money and peak
    assert round(cpu.high, 6) == 1.0 - 3.0
    assert money.high < 0
    assert round(peak.high, 6) == 1.0 + 3.0 + 0.2


def test_the_demo_is_measured_by_its_objects(tmp_path: Path) -> None:
    code, found, _ = run(str(DEMO), "--mesh", "prod", "--nodes", "3")
    assert code == 0
    jsonschema.validate(found, json.loads((catalogue.folder() / "schemas" / "estimate.json").read_text()))
    objects = """\
apiVersion: v1
kind: Namespace
metadata: {name: a, labels: {istio-injection: enabled}}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: d, namespace: a}
spec:
  replicas: 4
  selector: {matchLabels: {app: d}}
  template:
    metadata: {labels: {app: d}, annotations: {sidecar.istio.io/proxyCPU: 250m, sidecar.istio.io/proxyMemory: 512Mi}}
    spec: {containers: [{name: c, image: i}]}
---
apiVersion: autoscaling/v2
kind: HorizontalPodAutoscaler
metadata: {name: e, namespace: a}
spec: {scaleTargetRef: {apiVersion: apps/v1, kind: Deployment, name: e}, minReplicas: 3, maxReplicas: 9}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: e, namespace: a}
spec:
  selector: {matchLabels: {app: e}}
  template: {metadata: {labels: {app: e}}, spec: {containers: [{name: c, image: i}]}}
---
apiVersion: apps/v1
kind: DaemonSet
metadata: {name: f, namespace: a}
spec:
  selector: {matchLabels: {app: f}}
  template: {metadata: {labels: {app: f}}, spec: {containers: [{name: c, image: i}]}}
---
apiVersion: batch/v1
kind: Job
metadata: {name: g, namespace: a}
spec: {template: {metadata: {labels: {app: g}}, spec: {containers: [{name: c, image: i}]}}}
"""
    (tmp_path / "all.yaml").write_text(objects)
    measured = run(str(tmp_path), "--nodes", "5")[1]
    assert measured["counts"]["pods"] == 4 + 3 + 5
    assert measured["before"]["cpu_cores"] == 4 * 0.25 + 8 * 0.1
    assert measured["before"]["memory_gib"] == 4 * 0.5 + 8 * 0.125
    assert any("1 Jobs" in each["what"] for each in measured["assumptions"])
    unknown = run(str(tmp_path))[1]
    assert any("DaemonSets are not counted" in each["what"] for each in unknown["assumptions"])


# --- use ------------------------------------------------------------------------------------------------------------


def test_use_follows_the_requests() -> None:
    seen = Traffic(
        (Flow("a", "w", "", "b", "s", 600), Flow("a", "w", "", "b", "t", 400), Flow("a", "w", "", "b", "u", 9, "connections"))
    )
    found = use(seen, frozenset({("b", "s")}), (L4_ONLY, NEEDED, EACH))
    assert (found.rate, found.l7) == (1000, 600)
    assert round(found.before, 6) == 0.4
    assert {name: round(each, 6) for name, each in found.after.items()} == {L4_ONLY: 0.12, NEEDED: 0.27, EACH: 0.37}


ANSWER = {
    "status": "success",
    "data": {
        "resultType": "vector",
        "result": [
            {
                "metric": {
                    "source_workload_namespace": "frontend",
                    "source_workload": "web",
                    "source_principal": "unknown",
                    "destination_service_namespace": "cart",
                    "destination_service_name": "cart",
                },
                "value": [1.5, "12.5"],
            },
            {"metric": {"destination_service_namespace": "unknown"}, "value": [1.5, "0"]},
        ],
    },
}


def test_the_answer_of_prometheus() -> None:
    assert list(flows(ANSWER)) == [Flow("frontend", "web", "", "cart", "cart", 12.5)]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "is no JSON"),
        ('{"status": "error"}', "is no answer to the query"),
        ('{"status": "success", "data": {"resultType": "matrix", "result": []}}', "'vector' was expected"),
        (
            '{"status": "success", "data": {"resultType": "vector", "result": [{"metric": {}, "value": [1, 2]}]}}',
            "is not of type",
        ),
    ],
)
def test_a_file_of_another_shape_is_named(tmp_path: Path, text: str, said: str) -> None:
    (tmp_path / "t.json").write_text(text)
    code, found, error = run(str(DEMO), "--traffic", str(tmp_path / "t.json"))
    assert (code, found) == (2, {})
    assert said in " ".join(error.split())


def test_traffic_adds_what_is_used(tmp_path: Path) -> None:
    (tmp_path / "t.json").write_text(json.dumps(ANSWER))
    found = run(str(DEMO), "--traffic", str(tmp_path / "t.json"))[1]["use"]
    assert found["requests_per_second"] == 12.5
    assert found["cpu_cores"]["before"] == 0.005


# --- quantities -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "number"),
    [("0.6", 0.6), ("100m", 0.1), ("2", 2), ("128Mi", 128 * 2**20), ("50MB", 50e6), ("50M", 50e6), ("1.5Gi", 1.5 * 2**30)],
)
def test_quantities(text: str, number: float) -> None:
    assert quantity(text) == number


@pytest.mark.parametrize("text", ["", "-1", "1 2", "MB", "1e3", "5XB", "3-2"])
def test_what_is_no_quantity(text: str) -> None:
    with pytest.raises(ValueError, match=r"quantity|first"):
        span(text)
    assert run("--pods", "1", f"--sidecar-cpu={text}")[0] == (2 if text else 0)


def test_ranges_multiply_and_compare_end_by_end() -> None:
    assert Range(1, 2).at(Range(10, 20)) == Range(10, 40)
    assert Range(5, 9).reduced_by(Range(1, 2)) == Range(4, 7)
    assert Prices(Range(10, 20), None).year(Amount(exactly(1), None)) == Range(120, 240)
    assert Prices(None, exactly(1)).year(Amount(exactly(1), None)) is None
    assert Request().over(Amount(exactly(3), exactly(4))) == Amount(exactly(3), exactly(4))


def test_pods_stand_for_what_would_be_read() -> None:
    assert run(str(DEMO), "--pods", "3")[0] == 2
