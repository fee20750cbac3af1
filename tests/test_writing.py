"""Writing in place: each file in one step whatever happens, commits that can be read, and words for a pull request."""

from __future__ import annotations

import os
import random
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from ambimigrate.changes import Change, Create, Held, Stage
from ambimigrate.kinds import Service
from ambimigrate.model import Position, Ref, Resource
from ambimigrate.plan.values import Step
from ambimigrate.render import pull_request
from ambimigrate.sinks import git, texts, tree
from ambimigrate.yamlio import Document

DEMO = Path(__file__).parent.parent / "fixtures" / "convert" / "exact-fields" / "input"
KILLS = 200


def many(root: Path, size: int = 20) -> list[tuple[str, str | None, str | None]]:
    """Changes of a tree: edits, new files, deletions."""
    found: list[tuple[str, str | None, str | None]] = []
    for number in range(size):
        name = root / f"{number}.yaml"
        name.write_text(f"old: {number}\n" * 500)
        found.append((str(name), name.read_text(), f"new: {number}\n" * 700 if number % 4 else None))
        found.append((str(root / f"new-{number}.yaml"), None, f"made: {number}\n" * 300))
    return found


def test_after_being_killed_at_any_moment_each_file_is_old_or_new(tmp_path: Path) -> None:
    moments = random.Random(1)
    cut = 0
    for _ in range(KILLS):
        root = tmp_path / "tree"
        root.mkdir()
        changes = many(root)
        child = os.fork()
        if not child:
            try:
                tree.write(str(root), changes)
            finally:
                os._exit(0)
        time.sleep(moments.random() * 0.02)
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        states = [_state(*change) for change in changes]
        assert "torn" not in states
        cut += len(set(states)) > 1
        shutil.rmtree(root)
    assert cut > KILLS // 20  # the moments did lie inside of the writing


def _state(name: str, before: str | None, after: str | None) -> str:
    text = Path(name).read_text() if Path(name).exists() else None
    return "old" if text == before else "new" if text == after else "torn"


def test_what_changed_since_it_was_read_is_not_overwritten(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text("theirs\n")
    with pytest.raises(tree.Unwritable, match="has changed since"):
        tree.write(str(tmp_path), [(str(tmp_path / "a.yaml"), "read\n", "ours\n")])
    assert (tmp_path / "a.yaml").read_text() == "theirs\n"


def test_links_and_places_outside_are_refused(tmp_path: Path) -> None:
    inside, outside = tmp_path / "in", tmp_path / "out"
    inside.mkdir()
    outside.mkdir()
    (outside / "a.yaml").write_text("a\n")
    (inside / "a.yaml").symlink_to(outside / "a.yaml")
    (inside / "folder").symlink_to(outside)
    for name in (inside / "a.yaml", inside / "folder" / "a.yaml", inside / ".." / "out" / "a.yaml"):
        with pytest.raises(tree.Unwritable):
            tree.write(str(inside), [(str(name), "a\n", "b\n")])
    assert (outside / "a.yaml").read_text() == "a\n"


def test_the_mode_stays(tmp_path: Path) -> None:
    name = tmp_path / "run.yaml"
    name.write_text("a\n")
    name.chmod(0o754)
    tree.write(str(tmp_path), [(str(name), "a\n", "b\n")])
    assert (name.stat().st_mode & 0o777, name.read_text()) == (0o754, "b\n")


# --- git ------------------------------------------------------------------------------------------------------------


@pytest.fixture
def repo(tmp_path: Path) -> Path:
    """The input of a conversion fixture, committed."""
    root = tmp_path / "repo"
    shutil.copytree(DEMO, root / "deploy")
    for arguments in (
        ("init", "--quiet"),
        ("config", "user.email", "someone@example.com"),
        ("config", "user.name", "Someone"),
        ("add", "."),
        ("commit", "--quiet", "-m", "before"),
    ):
        subprocess.run(["git", "-C", str(root), *arguments], check=True, capture_output=True)
    return root


def convert(repo: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "ambimigrate", "convert", str(repo / "deploy"), *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def log(repo: Path) -> list[str]:
    run = subprocess.run(["git", "-C", str(repo), "log", "--format=%s"], capture_output=True, text=True, check=True)
    return run.stdout.splitlines()


def test_a_tree_with_changes_of_its_own_is_refused(repo: Path) -> None:
    name = next(each for each in sorted((repo / "deploy").rglob("*.yaml")))
    name.write_text(name.read_text() + "# note\n")
    run = convert(repo, "--stage", "waypoints", "--write")
    assert run.returncode == 2
    assert f"not committed yet: deploy/{name.relative_to(repo / 'deploy')}" in " ".join(run.stderr.replace("\n", "").split())
    assert convert(repo, "--stage", "waypoints", "--write", "--force").returncode in {0, 1}


def test_each_stage_is_a_commit_and_what_goes_is_one_of_its_own(repo: Path) -> None:
    for stage in Stage.__members__:
        run = convert(repo, "--stage", stage, "-A", "--write", "--commit", "--quiet")
        assert run.returncode in {0, 1}, run.stderr
        assert not git.changed(str(repo))
    subjects = log(repo)
    retired = [each for each in subjects if each.startswith("ambient: retire")]
    assert len(retired) == 2
    assert len([each for each in subjects if each.startswith("ambient: enroll")]) == 1
    show = subprocess.run(
        ["git", "-C", str(repo), "show", "--stat", "--format=%B", "HEAD"], capture_output=True, text=True, check=True
    )
    assert "- delete VirtualService" in show.stdout
    assert "Gate:" in show.stdout
    assert "Undo:" in show.stdout
    before = subprocess.run(
        ["git", "-C", str(repo), "show", "--name-status", "--format=", "HEAD~1"], capture_output=True, text=True, check=True
    )
    assert {line[0] for line in before.stdout.splitlines()} <= {"A", "M"}


def test_commit_needs_write_and_a_repository(tmp_path: Path, repo: Path) -> None:
    assert convert(repo, "--commit").returncode == 2
    shutil.copytree(repo / "deploy", tmp_path / "deploy")
    assert "is in no git repository" in convert(tmp_path, "--stage", "waypoints", "--write", "--commit").stderr.replace(
        "\n", ""
    )


# --- words ----------------------------------------------------------------------------------------------------------


def test_the_text_of_a_pull_request(repo: Path, tmp_path: Path) -> None:
    body = tmp_path / "body.md"
    convert(repo, "--pr-body", str(body), "--quiet")
    text = body.read_text()
    assert text.startswith("Moves `")
    for title in ("## What changes", "## Why it is safe", "## How to check", "## How to undo"):
        assert title in text
    assert "| delete | `VirtualService " in text


HOSTILE = "x`|</code>\n::error::<img src=x>\x1b[31m"


def test_hostile_names_stay_in_their_place() -> None:
    ref = Ref("Service", "", HOSTILE, HOSTILE)
    service = Resource(ref, Service(), Document("a.yaml", 0, 1, ""))
    change = Change(
        Stage.bind, HOSTILE, "", ref, Create(ref, {}, service), None, ("WP902",), verdict="differs", witness=HOSTILE
    )
    held = Held("", HOSTILE, ref, Position(HOSTILE, 1, 1), HOSTILE, ("NS904",))
    step = Step("t", Stage.bind, (), (), (HOSTILE,), (f"```{HOSTILE}",), (HOSTILE,))
    work = pull_request.Work((change,), (held,), (step,))
    for text in (pull_request.body(work), pull_request.message(work)):
        assert "\x1b" not in text
        assert not any(line.startswith("::error") for line in text.splitlines())
    table = next(line for line in pull_request.body(work).splitlines() if line.startswith("| create"))
    assert table.replace("\\|", "").count("|") == 5
    assert "\\<img" in pull_request.body(work).partition("## What is held")[2]


def test_a_document_is_put_behind_the_marker_that_ends_a_file() -> None:
    parts = texts.Parts.of("all.yaml", "a: 1\n---\n")
    parts.add("b: 2\n")
    parts.add("c: 3\n")
    assert parts.joined() == "a: 1\n---\nb: 2\n---\nc: 3\n"


def test_what_ended_the_line_of_a_last_document_goes_with_it() -> None:
    parts = texts.Parts.of("all.yaml", "a: 1\n\n---\nb: 2")
    parts.add("c: 3\n")
    parts.drop(1)
    assert parts.joined() == "a: 1\n\n---\nc: 3\n"
