"""A plan of namespaces of which no two are alike takes as long for each of many as for each of few, and not long."""

from __future__ import annotations

import gc
import time
from collections.abc import Callable
from pathlib import Path

from ambimigrate.analyse import analyse
from ambimigrate.convert import Choice
from ambimigrate.converters.settings import Settings
from ambimigrate.model import Target
from ambimigrate.plan import Wanted, plans
from ambimigrate.plan.staged import staged
from ambimigrate.sources.read import read_files
from ambimigrate.versions import NEWEST, NEWEST_GATEWAY_API
from tests.bench.test_scaling import say as say
from tests.bench.varied_plans import tree

FEW, MANY, MOST = 10, 40, 6.0  # four times as many take at most six times as long
PER_CONVERSION = 25  # to plan, prove and find calls for, compared with converting


def seconds(root: Path, count: int) -> tuple[float, float]:
    """The time that conversion and plan take; every namespace moves."""
    meshes = read_files([str(tree(root, count))], Target(NEWEST, NEWEST_GATEWAY_API)).meshes
    findings = tuple(analyse(meshes))
    gc.collect()
    start = time.process_time()
    found = staged(meshes, findings, Choice(settings=Settings(close_direct_access=True)))
    middle = time.process_time()
    plan = plans(meshes, found, Wanted((meshes[0].name,), str(root)))
    end = time.process_time()
    assert not plan.held
    assert sum(len(wave.namespaces) for wave in plan.waves) == count
    return middle - start, end - middle


def test_namespaces_that_all_differ(tmp_path: Path, say: Callable[[str], None]) -> None:
    for count in (FEW, MANY):
        (tmp_path / str(count)).mkdir()
    few, many = (seconds(tmp_path / str(count), count) for count in (FEW, MANY))
    say(f"{FEW}: {few[1]:.2f} s, {MANY}: {many[1]:.2f} s: x{many[1] / few[1]:.2f}; x{many[1] / many[0]:.1f} of the conversion")
    assert many[1] <= MOST * few[1]
    assert many[1] <= PER_CONVERSION * many[0]
