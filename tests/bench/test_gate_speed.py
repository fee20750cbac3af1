"""A pull request of five files in a repository of 10,000 objects: what the cache spares of reading and analysing both sides."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.bench.test_speed import say
from tests.bench.trees import make

__all__ = ["say"]

TIMES = 3
MOST_CHANGED, MOST_SAME, MOST_COLD = 0.4, 0.25, 1.1  # of the run with an empty cache, twice; of that without one
EDITS = {  # what the five files are, and what each version of the pull request does to them
    "routes": ("app-1-routes.yaml", r"attempts: \d+", "attempts: {}"),
    "images": ("app-1-deployment.yaml", r"(/app-1:)\S+", r"\g<1>1.{}.0"),
    "services": ("app-1-service.yaml", r"targetPort: \w+", "targetPort: {}"),
}


@pytest.fixture(scope="module")
def repository(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = make(tmp_path_factory.mktemp("gate"), 5_000)
    for arguments in (("init", "-q"), ("add", "-A"), ("commit", "-q", "-m", "base")):
        subprocess.run(["git", "-C", str(root), "-c", "user.name=t", "-c", "user.email=t@example.com", *arguments], check=True)
    return root


def change(root: Path, what: str, number: int) -> None:
    """The pull request's next version: the five files of always with another content."""
    name, old, new = EDITS[what]
    for each in range(5):
        file = root / "apps" / f"shop-{each:04}" / name
        text = file.read_text(encoding="utf-8")
        file.write_text(re.sub(old, new.format(100 + number), text), encoding="utf-8")


def spent(command: tuple[str, ...]) -> tuple[float, float]:
    """Processor seconds and peak MiB of a process with one processor, which other work on the machine disturbs least."""
    pid = os.fork()
    if not pid:
        if hasattr(os, "sched_setaffinity"):
            os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        os.execv(command[0], command)
    _, status, usage = os.wait4(pid, 0)
    assert status == 0
    return usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024


@pytest.mark.parametrize("what", EDITS)
def test_gate(repository: Path, what: str, say: Callable[..., None], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Runs in turns: without a cache, with an empty one, after a push to the pull request, and once more of the same."""
    subprocess.run(["git", "-C", str(repository), "checkout", "-q", "."], check=True)
    command = (sys.executable, "-m", "ambimigrate", "gate", str(repository), "--base", "HEAD")
    runs: dict[str, list[tuple[float, float]]] = {"off": [], "cold": [], "changed": [], "same": []}
    for number in range(TIMES):
        change(repository, what, 2 * number + 1)
        monkeypatch.setenv("AMBIMIGRATE_CACHE_DIR", "off")
        runs["off"].append(spent(command))
        monkeypatch.setenv("AMBIMIGRATE_CACHE_DIR", str(tmp_path / str(number)))
        runs["cold"].append(spent(command))
        change(repository, what, 2 * number + 2)
        runs["changed"].append(spent(command))
        runs["same"].append(spent(command))
    time, memory = ({name: min(each[i] for each in found) for name, found in runs.items()} for i in (0, 1))
    say(**{f"seconds_{name}": each for name, each in time.items()}, **{f"mib_{name}": each for name, each in memory.items()})
    say(changed=time["changed"] / time["cold"], same=time["same"] / time["cold"], cold=time["cold"] / time["off"])
    assert time["changed"] <= MOST_CHANGED * time["cold"]
    assert time["same"] <= MOST_SAME * time["cold"]
    assert time["cold"] <= MOST_COLD * time["off"]
    assert max(memory["changed"], memory["same"]) <= memory["cold"]
