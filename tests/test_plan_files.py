"""What `plan` writes: runbooks that the shell accepts, probes that the API server would, Markdown and reports by owner."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from ambimigrate.plan import lines, owners, probes
from ambimigrate.plan.values import Edge, Gap, Graph, HeldBack, Plan, Step, Trigger, Wave
from ambimigrate.render import plan_lines, plan_markdown, runbook
from ambimigrate.sinks import folders
from ambimigrate.sinks.tree import Unwritable
from tests.conftest import FIXTURES

SHOP = FIXTURES / "repos" / "shop"
HOSTILE = "x'; touch /tmp/owned; echo \"$(id)`id`\n\x1b[31m<script>|${HOME} # prints nothing"
SHELLCHECK = pytest.mark.skipif(shutil.which("shellcheck") is None, reason="shellcheck is not on PATH")
CURL = pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not on PATH")


def plan(*arguments: str) -> tuple[int, str, str]:
    command = [sys.executable, "-m", "ambimigrate", "plan", *arguments]
    run = subprocess.run(command, capture_output=True, text=True, check=False)
    assert "Traceback" not in run.stderr, run.stderr
    return run.returncode, run.stdout, run.stderr


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("plan")
    code, _, _ = plan(str(SHOP), "--out", str(out / "book"), "--probes", str(out / "probes"), "--by", "owner")
    assert code == 1
    return out


def hostile() -> Plan:
    """A plan in which every text is out to leave its field."""
    command = lines.told(lines.kubectl("a b", "get", HOSTILE), HOSTILE)
    nothing = lines.told(lines.kubectl("", "get", HOSTILE), "prints nothing")
    exact = lines.told(lines.kubectl("", "get", "x"), f"prints {HOSTILE}")
    each = (command, nothing, exact, lines.remark(HOSTILE), HOSTILE)
    step = Step(HOSTILE, None, (HOSTILE,), each, each, each, each, "1.1", (Trigger(HOSTILE, HOSTILE),), HOSTILE)
    gap = Gap(HOSTILE, (HOSTILE,), "1.1", "1.1", HOSTILE)
    wave = Wave(1, HOSTILE, HOSTILE, (HOSTILE, "```"), (step,), (gap,))
    graph = Graph(HOSTILE, (Edge(HOSTILE, 'a"]; click b', HOSTILE),))
    return Plan((wave, Wave(1, "../up", HOSTILE, (), (step,))), (HeldBack(HOSTILE, HOSTILE, (HOSTILE,)),), (), (graph,))


def check(files: list[Path]) -> None:
    run = subprocess.run(["shellcheck", *map(str, files)], capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stdout


@SHELLCHECK
def test_scripts_pass_shellcheck(written: Path, tmp_path: Path) -> None:
    folders.write(str(tmp_path / "hostile"), runbook.files(hostile()))
    (tmp_path / "probe.sh").write_text(f"#!/bin/sh\nPROXY=none\n{probes.SCRIPT}")
    check([*written.rglob("*.sh"), *tmp_path.rglob("*.sh")])


def test_nothing_of_a_name_is_run(tmp_path: Path) -> None:
    folders.write(str(tmp_path / "out"), runbook.files(hostile()))
    (tmp_path / "bin").mkdir()
    fake = tmp_path / "bin" / "kubectl"
    fake.write_text('#!/bin/sh\nprintf "%s\\n" "$@" >> "$LOG"\n')
    fake.chmod(0o755)
    environment = {**os.environ, "PATH": f"{tmp_path / 'bin'}:{os.environ['PATH']}", "LOG": str(tmp_path / "log")}
    for script in (tmp_path / "out").rglob("*.sh"):
        for part in ("gate", "verify"):
            subprocess.run(["bash", str(script), part], env=environment, capture_output=True, check=False, cwd=tmp_path)
    assert "owned" in (tmp_path / "log").read_text()  # as a word that kubectl was given
    assert not Path("/tmp/owned").exists()
    assert all((tmp_path / "out") in each.parents for each in (tmp_path / "out").rglob("*"))


def gate(tmp_path: Path, said: str, *, prints: str) -> int:
    """How the gate of a step ends, with a kubectl that prints this."""
    step = Step("t", None, (), (), (lines.told("kubectl get x", said),), ("# look",), ("# nothing",), "1.1")
    (tmp_path / "s.sh").write_text(runbook.script(step, "s.sh"))
    fake = tmp_path / "kubectl"
    fake.write_text(f"#!/bin/sh\n{'exit 1' if prints == 'fails' else f'printf %s {prints!r}'}\n")
    fake.chmod(0o755)
    environment = {**os.environ, "PATH": f"{tmp_path}:{os.environ['PATH']}"}
    return subprocess.run(
        ["bash", str(tmp_path / "s.sh"), "gate"], env=environment, capture_output=True, check=False
    ).returncode


def test_gates_of_scripts_end_as_they_should(tmp_path: Path) -> None:
    assert gate(tmp_path, "prints nothing: all is well", prints="") == 0
    assert gate(tmp_path, "prints nothing: all is well", prints="pod/a") == 1
    assert gate(tmp_path, "prints nothing", prints="fails") == 1
    assert gate(tmp_path, "prints True", prints="True") == 0
    assert gate(tmp_path, "prints True", prints="False") == 1
    assert gate(tmp_path, "prints True", prints="fails") == 1
    assert gate(tmp_path, "prints True, once for each parent", prints="False") == 0  # a person looks
    assert gate(tmp_path, "shows the list", prints="fails") == 1


def test_deletions_wait_for_the_gate(written: Path) -> None:
    text = next(iter((written / "book" / "prod").rglob("*-retire.sh"))).read_text()
    apply, _, rest = text.partition("finish() {")
    assert "virtualservice" not in apply
    assert "kubectl -n recommendation delete virtualservice" in rest.partition("}")[0]


def test_folders_must_be_empty(written: Path, tmp_path: Path) -> None:
    for option in ("--out", "--probes"):
        code, _, said = plan(str(SHOP), option, str(written / "book"))
        assert code == 2
        assert "not empty" in " ".join(said.split())
    with pytest.raises(Unwritable):
        folders.write(str(tmp_path / "a"), {"../b": ""})


# --- Markdown, text and owners --------------------------------------------------------------------------------------


def test_markdown_keeps_names_in_their_fields(written: Path) -> None:
    text = plan_markdown.text(hostile())
    fenced = re.findall(r"^```mermaid\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    assert len(fenced) == 2
    for row in "".join(fenced).splitlines():
        assert re.fullmatch(r'\s*(flowchart LR|end|[\w]+ -\.?->\s*\w+|\w+ --> \w+|(subgraph )?\w+\["[\w#;./ ()-]*"\])', row), (
            row
        )
    outside = re.sub(r"^ *(`{3,})\w*\n.*?^ *\1$", "", text, flags=re.MULTILINE | re.DOTALL)
    outside = re.sub(r"(`+) ?.*?[^`]\1(?!`)", "", outside)
    assert "<script>" not in outside
    shop = (written / "book" / "README.md").read_text()
    assert shop.count("```mermaid") == 3  # waves, and the calls of both meshes
    assert "sessions" in shop


def test_text_has_eighty_columns_and_commands_can_be_pasted() -> None:
    line = lines.told(lines.kubectl("shop", "get", "pods", *(f"name-{each}" for each in range(20))), "prints nothing")
    rows = list(plan_lines.folded(line, 60))
    assert max(map(len, rows)) <= 60
    command = "\n".join(rows)
    run = subprocess.run(["bash", "-c", f"kubectl() {{ echo $#; }}\n{command}"], capture_output=True, text=True, check=False)
    assert run.stdout.strip() == "24"


@pytest.mark.parametrize(
    ("pattern", "file", "matches"),
    [
        ("*", "a/b.yaml", True),
        ("*.yaml", "a/b.yaml", True),
        ("/apps/cart/", "apps/cart/base/x.yaml", True),
        ("/apps/cart/", "other/apps/cart/x.yaml", False),
        ("apps/", "other/apps/x.yaml", True),
        ("/apps/*/base/security.yaml", "apps/cart/base/security.yaml", True),
        ("/apps/*/base/security.yaml", "apps/a/b/base/security.yaml", False),
        ("docs/*", "docs/a.md", True),
        ("docs/*", "docs/a/b.md", False),
        ("/apps/cart", "apps/cart/x.yaml", True),
        ("/apps/cart", "apps/cart2/x.yaml", False),
        ("**/logs", "a/b/logs/x", True),
        ("a/**/c.yaml", "a/c.yaml", True),
        ("a?c.yaml", "abc.yaml", True),
    ],
)
def test_patterns_of_owners(pattern: str, file: str, matches: bool) -> None:
    assert bool(owners.of_file(owners.rules(f"{pattern} @me"), file)) is matches


def test_the_last_rule_counts_of_each_section() -> None:
    rules = owners.rules("# c\n* @all\n/a/ @one @two # why\n/a/free/\n[Docs] @writers\n*.md\n^[Other][2]\n*.txt @text\n")
    assert owners.of_file(rules, "a/x") == ("@one", "@two")
    assert owners.of_file(rules, "a/free/x") == ()
    assert owners.of_file(rules, "b.md") == ("@all", "@writers")
    assert owners.of_file(rules, "a\\b/x.txt") == ("@all", "@text")


def test_each_owner_gets_a_report(written: Path) -> None:
    found = {each.stem: each.read_text() for each in (written / "book" / "owners").glob("*.md")}
    assert "shop-checkout" in found
    assert "sessions" in found["shop-checkout"] and "recommendation" not in found["shop-checkout"]
    assert "recommendation" in found["shop-data-science"]
    _, text, _ = plan(str(SHOP), "--mesh", "prod", "--by", "owner=shop.example/part-of")
    assert "Owner shop" in text
    code, _, said = plan(str(SHOP), "--by", "team")
    assert code == 2 and "--by" in said


def test_json_still_fits_with_files(written: Path) -> None:
    code, text, _ = plan(str(SHOP), "--format", "json")
    steps = [step for wave in json.loads(text)["waves"] for step in wave["steps"]]
    assert code == 1
    assert all(step["triggers"] and step["unenforced"] for step in steps)
