"""Folders, files, links and standard input: what is read, what is not, and what the process says of it."""

from __future__ import annotations

import os
import resource
import socket
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from ambimigrate.model import Problem
from ambimigrate.sources.files import trees
from ambimigrate.sources.read import read_files
from tests.test_bad_input import GOOD, HEAD, PROBLEMS, TARGET, read


def test_nothing_read_is_a_problem(tmp_path: Path) -> None:
    assert [problem.message for problem in read_files([str(tmp_path)], TARGET).problems] == [
        "nothing was read: no object of a kind that matters here"
    ]


def test_path_that_does_not_exist(tmp_path: Path) -> None:
    (problem,) = read_files([str(tmp_path / "gone")], TARGET).problems
    assert (problem.message, problem.file) == ("no such file or folder", str(tmp_path / "gone"))


@pytest.mark.skipif(os.geteuid() == 0, reason="root reads everything")
def test_unreadable_file_and_folder(tmp_path: Path) -> None:
    for name in ("file.yaml", "folder"):
        (tmp_path / name).write_text(GOOD) if "." in name else (tmp_path / name).mkdir()
        (tmp_path / name).chmod(0)
    problems = read(tmp_path).problems
    (tmp_path / "folder").chmod(0o700)
    assert [problem.message for problem in problems] == ["cannot be read: Permission denied"] * 2


def test_links(tmp_path: Path) -> None:
    outside, tree = tmp_path / "outside.yaml", tmp_path / "tree"
    outside.write_text(GOOD.replace("good", "outside"), encoding="utf-8")
    (tree / "a").mkdir(parents=True)
    (tree / "dangling.yaml").symlink_to("nothing")
    (tree / "leaves.yaml").symlink_to(outside)
    (tree / "folder-that-leaves").symlink_to(tmp_path)
    (tree / "again.yaml").symlink_to("good.yaml")
    (tree / "a" / "circle").symlink_to("..")
    (tree / "itself.yaml").symlink_to("itself.yaml")
    reading = read(tree)
    assert {each.name for each in reading.meshes[0].resources} == {"good"}
    assert sorted((Path(problem.file).name, problem.message) for problem in reading.problems) == [
        ("dangling.yaml", "is a link to nothing"),
        ("folder-that-leaves", "is a link that leaves the tree; it is not followed"),
        ("itself.yaml", "is a link to nothing"),
        ("leaves.yaml", "is a link that leaves the tree; it is not followed"),
    ]
    assert reading.counts.skipped == {"link inside the tree": 2}


def test_pipes_and_sockets_are_not_opened(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.yaml")
    with socket.socket(socket.AF_UNIX) as listening, tempfile.TemporaryDirectory(dir="/tmp") as short:
        listening.bind(f"{short}/socket.yaml")
        (problem,) = read(Path(short)).problems
        assert problem.message == "is a pipe, socket or device; it was not read"
    assert [problem.file for problem in read(tmp_path).problems] == [f"{tmp_path}/pipe.yaml"]
    (given,) = read_files([str(tmp_path / "pipe.yaml")], TARGET).problems
    assert given.message == "is neither a file nor a folder"


def test_arguments_that_overlap_are_read_once(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    read(tmp_path / "a")
    for paths in (["a", "a"], ["a", "a/good.yaml"], ["a/good.yaml", "."], ["./a", "a/"]):
        reading = read_files([str(tmp_path / path) for path in paths], TARGET)
        assert reading.counts.objects == {"Service": 1}, paths


# --- whole processes


def scan(*arguments: str, given: bytes = b"", folder: Path | None = None) -> subprocess.CompletedProcess[bytes]:
    command = [sys.executable, "-m", "ambimigrate", "scan", "--format", "json", *arguments]
    return subprocess.run(command, input=given, capture_output=True, check=False, timeout=60, cwd=folder)


def test_exit_code_and_no_traceback(tmp_path: Path) -> None:
    for name, (content, _, _) in PROBLEMS.items():
        (tmp_path / f"{name}.yaml").write_bytes(content)
    (tmp_path / "good.yaml").write_text(GOOD, encoding="utf-8")
    ran = scan(str(tmp_path))
    assert ran.returncode == 2
    assert ran.stderr == b""
    assert ran.stdout.startswith(b'{\n  "schema": "ambimigrate.report/v1"')


def test_standard_input() -> None:
    ran = scan("-", given=HEAD.encode() + b"spec: [\n")
    assert ran.returncode == 2
    assert b'"file": "<stdin>"' in ran.stdout
    assert scan("-", given=b"").returncode == 2
    assert scan("-", given=GOOD.encode()).returncode == 0


def test_process_substitution(tmp_path: Path) -> None:
    (tmp_path / "x.yaml").write_text(GOOD, encoding="utf-8")
    command = f"{sys.executable} -m ambimigrate scan --format json <(cat {tmp_path}/x.yaml)"
    ran = subprocess.run(["bash", "-c", command], capture_output=True, check=False, timeout=60)
    assert ran.returncode == 0, ran.stdout + ran.stderr


def test_more_files_than_descriptors(tmp_path: Path) -> None:
    for number in range(200):
        folder = tmp_path / f"f{number}"
        folder.mkdir()
        (folder / "x.yaml").write_text(GOOD.replace("good", f"s{number}"), encoding="utf-8")
    command = [sys.executable, "-m", "ambimigrate", "scan", "--format", "json", str(tmp_path)]
    ran = subprocess.run(
        command,
        capture_output=True,
        check=False,
        timeout=60,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (64, 64)),
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert b'"Service": 200' in ran.stdout


def test_large_file(tmp_path: Path) -> None:
    data = "x" * 1000
    lines = "".join(f"  k{number}: {data}\n" for number in range(50_000))
    config = f"apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: big, namespace: shop}}\ndata:\n{lines}"
    (tmp_path / "big.yaml").write_text(f"{config}---\n{GOOD.replace('good', 'after')}", encoding="utf-8")
    reading = read(tmp_path)
    assert reading.problems == ()
    assert {each.name for each in reading.meshes[0].resources} >= {"good", "after"}


# --- names


@pytest.mark.parametrize(
    ("given", "shown"),
    [(".", "a/x.yaml"), ("./", "a/x.yaml"), ("a", "a/x.yaml"), ("./a/", "a/x.yaml"), ("a/x.yaml", "a/x.yaml")],
)
def test_files_are_shown_as_the_path_that_was_given_joined_with_the_path_below_it(
    given: str, shown: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "x.yaml").write_text(GOOD, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    assert [each.file for each in read_files([given], TARGET).meshes[0].resources] == [shown]
    absolute = read_files([str(tmp_path / given)], TARGET)
    assert [each.file for each in absolute.meshes[0].resources] == [str(tmp_path / "a" / "x.yaml")]


def test_which_files_are_read(tmp_path: Path) -> None:
    for name in ("b.yaml", "a/c.yml", "a/d.json", "a/e.txt", ".git/x.yaml", "a/Kustomization"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("", encoding="utf-8")
    (tree,) = trees([str(tmp_path)])
    assert tree.files == ["a/Kustomization", "a/c.yml", "a/d.json", "b.yaml"]
    assert tree.skipped == {"excluded folder": 1}
    assert tree.read("gone.yaml") == Problem("cannot be read: No such file or directory", f"{tmp_path}/gone.yaml")
