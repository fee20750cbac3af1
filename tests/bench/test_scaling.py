"""The cost of an object stays flat: ten times the objects take ten times as long, with every rule at work."""

from __future__ import annotations

import gc
import json
import re
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from ambimigrate.analyse import analyse
from ambimigrate.checks import rules
from ambimigrate.decode import Decoder, Reading
from ambimigrate.layout import lay_out
from ambimigrate.model import Target
from ambimigrate.versions import NEWEST, NEWEST_GATEWAY_API
from tests import random_values
from tests.bench.test_speed import OURS, run
from tests.bench.trees import make

TIMES = 4  # how much more of the fixtures there is in the greater mesh
SLOW = 2.0  # seconds in the greater mesh below which a single rule may grow as it likes
SYSTEM = {"istio-system", "kube-system"}


@pytest.fixture
def say(capsys: pytest.CaptureFixture[str]) -> Callable[[str], None]:
    """Shows figures also of tests that pass."""

    def show(figures: str) -> None:
        with capsys.disabled():
            sys.stdout.write(f"\n  {figures}")

    return show


def test_100_000_objects_cost_at_most_11_times_what_10_000_cost(tmp_path: Path, say: Callable[[str], None]) -> None:
    """Whole processes in turns, the best of three each; half of the objects that `make` writes are Istio's."""
    few, many = (make(tmp_path, objects // 2) for objects in (10_000, 100_000))
    commands = [(*OURS, "scan", str(tree), "--format", "json") for tree in (few, many)]
    runs = [[run(*command) for command in commands] for _ in range(3)]
    (wall, memory), (wall_of_many, memory_of_many) = (
        (min(pair[i][0] for pair in runs), min(pair[i][1] for pair in runs)) for i in (0, 1)
    )
    say(f"wall {wall:.2f} s and {wall_of_many:.2f} s: x{wall_of_many / wall:.2f}")
    say(f"memory {memory / 1024:.0f} MiB and {memory_of_many / 1024:.0f} MiB: x{memory_of_many / memory:.2f}")
    assert wall_of_many <= 11 * wall
    assert memory_of_many <= 10 * memory


def stamped(times: int) -> Iterator[tuple[str, str]]:
    """Files of all objects of the fixtures so many times, each time in other namespaces; what a cluster has once stays one."""
    trees = [(view, tree) for view, trees in random_values.fixtures().items() for tree in trees]
    spaces = {tree["metadata"].get("namespace") or tree["metadata"].get("name") for _, tree in trees if named(tree)} - SYSTEM
    word = re.compile(rf"(?<![\w.-])({'|'.join(sorted(map(re.escape, spaces), key=len, reverse=True))})(?![\w-])")
    texts = [(view, tree, json.dumps(tree)) for view, tree in trees]
    for number in range(times):
        kept = (
            word.sub(rf"\1-{number}", text)
            for view, tree, text in texts
            if named(tree) and (not number or (tree["metadata"].get("namespace") not in SYSTEM))
            if view.NAMESPACED or view.PLURAL == "namespaces" or not number
        )
        yield f"{number}.yaml", "\n---\n".join(kept)


def named(tree: random_values.Tree) -> bool:
    """Whether it stands in a namespace, or is one."""
    return bool(tree.get("metadata", {}).get("namespace")) or tree["kind"] == "Namespace"


def read(times: int) -> Reading:
    files = dict(stamped(times))
    decoder = Decoder(lay_out(files, ()))
    for name, text in files.items():
        decoder.add(name, text)
    return decoder.reading(Target(NEWEST, NEWEST_GATEWAY_API))


def seconds(times: int) -> dict[str, float]:
    """The time of each rule on the fixtures stamped so many times; indexes count for the first rule that asks for them."""
    meshes = read(times).meshes
    taken = {}
    gc.collect()
    gc.disable()
    for rule in rules():
        began = time.process_time()
        analyse(meshes, only=[rule])
        taken[rule.id] = time.process_time() - began
    gc.enable()
    return taken


def test_no_rule_is_quadratic(say: Callable[[str], None]) -> None:
    """Every rule meets objects of its fixtures many times over; twice the flat cost is left for what grows with names."""
    few, many = seconds(10), seconds(10 * TIMES)
    grown = {name: many[name] / max(few[name], 0.001) for name in many}
    worst = sorted(many, key=lambda name: many[name] - TIMES * few[name], reverse=True)[:5]
    say(f"{sum(few.values()):.2f} s and {sum(many.values()):.2f} s: x{sum(many.values()) / sum(few.values()):.2f}")
    say(", ".join(f"{name} {many[name]:.2f} s x{grown[name]:.1f}" for name in worst))
    assert sum(many.values()) <= 2 * TIMES * sum(few.values())
    assert [name for name in many if many[name] > SLOW and grown[name] > 3 * TIMES] == []
