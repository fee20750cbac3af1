"""Time and memory of whole processes, as ratios to plain programs that run in turns with them."""

from __future__ import annotations

import json
import os
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.bench.trees import make

OURS = (sys.executable, "-m", "ambimigrate")

PLAIN = """\
import os, sys, yaml
kept = []
for folder, _, names in os.walk(sys.argv[1]):
    for name in names:
        if name.endswith((".yaml", ".yml", ".json")):
            with open(os.path.join(folder, name), "rb") as file:
                kept.extend(yaml.load_all(file, yaml.CSafeLoader))
"""

IDLE = """\
import typer
app = typer.Typer(add_completion=False, rich_markup_mode=None, pretty_exceptions_enable=False)
@app.command()
def nothing(path: str, format: str = typer.Option("text")) -> None:
    pass
app()
"""

SERVICE = "apiVersion: v1\nkind: Service\nmetadata: {name: api, namespace: shop}\nspec: {ports: [{port: 80}]}\n"


def run(*command: str) -> tuple[float, float]:
    """Seconds and peak memory (KiB) of one process."""
    began = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    assert process.returncode in {0, 1}
    return time.perf_counter() - began, usage.ru_maxrss


def ratios(ours: tuple[str, ...], theirs: tuple[str, ...], times: int) -> tuple[float, float]:
    """Medians of wall time and peak memory, ours divided by theirs; the first pair only warms the caches of files."""
    pairs = [(run(*ours), run(*theirs)) for _ in range(times + 1)][1:]
    wall, memory = (
        statistics.median(ours[i] for ours, _ in pairs) / statistics.median(theirs[i] for _, theirs in pairs) for i in (0, 1)
    )
    return wall, memory


@pytest.fixture
def say(record_property: Callable[[str, object], None], capsys: pytest.CaptureFixture[str]) -> Callable[..., None]:
    """Shows figures also of tests that pass."""

    def show(**figures: float) -> None:
        for name, value in figures.items():
            record_property(name, round(value, 3))
        with capsys.disabled():
            sys.stdout.write("".join(f"\n  {name} {value:.2f}" for name, value in figures.items()))

    return show


@pytest.fixture(scope="module")
def large(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make(tmp_path_factory.mktemp("large"), 10_000)


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make(tmp_path_factory.mktemp("small"), 1_000)


@pytest.fixture(scope="module")
def one(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("one") / "service.yaml"
    path.write_text(SERVICE, encoding="utf-8")
    return path


def test_scan_of_10_000_objects_against_a_plain_load(large: Path, say: Callable[..., None]) -> None:
    wall, memory = ratios((*OURS, "scan", str(large), "--format", "json"), (sys.executable, "-c", PLAIN, str(large)), 3)
    say(wall=wall, memory=memory)
    assert wall <= 1.0
    assert memory <= 1.2


def test_scan_of_1_000_objects_against_a_plain_load(small: Path, say: Callable[..., None]) -> None:
    """The rules are loaded here, too, which the plain load has no match for."""
    wall, memory = ratios((*OURS, "scan", str(small), "--format", "json"), (sys.executable, "-c", PLAIN, str(small)), 5)
    say(wall=wall, memory=memory)
    assert wall <= 2.0


def test_time_grows_with_the_input_and_not_faster(small: Path, large: Path, say: Callable[..., None]) -> None:
    wall, memory = ratios((*OURS, "scan", str(large), "--format", "json"), (*OURS, "scan", str(small), "--format", "json"), 2)
    say(wall=wall, memory=memory)
    assert wall <= 11


def test_all_objects_are_read(small: Path) -> None:
    ran = subprocess.run([*OURS, "scan", str(small), "--format", "json"], capture_output=True, check=False)
    objects = json.loads(ran.stdout)["input"]["objects"]
    istio = {"VirtualService", "DestinationRule", "AuthorizationPolicy", "PeerAuthentication", "ServiceEntry"}
    assert sum(number for kind, number in objects.items() if kind in istio) == 1_000
    assert sum(objects.values()) == 2_000


def test_scan_of_one_small_file_against_an_idle_program(one: Path, say: Callable[..., None]) -> None:
    wall, _ = ratios((*OURS, "scan", str(one), "--format", "json"), (sys.executable, "-c", IDLE, str(one)), 15)
    say(wall=wall)
    assert wall <= 1.5


def test_version_against_python_itself(say: Callable[..., None]) -> None:
    wall, _ = ratios((*OURS, "--version"), (sys.executable, "-c", "pass"), 15)
    say(wall=wall)
    assert wall <= 8


def test_more_files_than_descriptors(small: Path) -> None:
    ran = subprocess.run(
        [*OURS, "scan", str(small), "--format", "json"],
        stdout=subprocess.DEVNULL,
        check=False,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (64, 64)),
    )
    assert ran.returncode in {0, 1}
