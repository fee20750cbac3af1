"""Work spread over processes: the same results in the same order, and errors that arrive."""

from __future__ import annotations

import subprocess
import sys
from functools import partial

import pytest

from ambimigrate import workers
from tests.conftest import FIXTURES

SCAN = """
import sys
from ambimigrate import analyse, workers
from ambimigrate.analyse.again import studied
from ambimigrate.cli.options import Ask, read
from ambimigrate.sources.cache_prints import look
analyse.rows.MANY = int(sys.argv[2])
assert workers.worth(5, 1) > 1 or len(__import__("os").sched_getaffinity(0)) == 1
meshes = read(Ask((sys.argv[1],))).meshes
for finding in analyse.analyse(meshes):
    print(finding)
looks = [look(mesh) for mesh in meshes]
before = studied(meshes, looks)
for study in (before, studied(meshes, looks, before)):
    assert study.findings() == analyse.analyse(meshes)
    assert study.read.keys() == before.read.keys()
"""


def square(number: int) -> int:
    return number * number


def fail(number: int) -> int:
    raise ValueError(f"no {number}")


def test_results_come_in_order() -> None:
    assert list(workers.spread([partial(square, number) for number in range(4)])) == [0, 1, 4, 9]


def test_an_error_in_a_process_is_raised_here() -> None:
    with pytest.raises(ValueError, match="no 7"):
        list(workers.spread([partial(square, 1), partial(fail, 7)]))


def test_small_work_stays_in_one_process() -> None:
    assert workers.worth(10, 11) == 1


def test_findings_are_the_same_however_many_processes_look() -> None:
    def run(many: int) -> str:
        command = [sys.executable, "-c", SCAN, str(FIXTURES / "repos" / "shop"), str(many)]
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout

    alone, together = run(1_000_000), run(1)
    assert len(alone.splitlines()) > 50
    assert alone == together
