"""The demo's plan, followed step by step on its files and back again: every line that files can tell about is true."""

from __future__ import annotations

import json
import shlex
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from ambimigrate.cli import _app, options
from ambimigrate.plan import lines
from tests import onfiles, planned
from tests.conftest import FIXTURES

SHOP = FIXTURES / "repos" / "shop"
PROD = Path("clusters") / "prod"
AGREED = ("AP905", "AP906", "AP910", "DR905", "PA902", "PA903", "SC901", "SE903")
OPENED = 9090  # for metrics: AP910 agrees to callers without identity there
GONE = ("frontend", "legacy", "batch")  # what holds other namespaces, for reasons that no option lifts
BACK = "# in the files: injection on again"
Step = dict[str, Any]

pytestmark = pytest.mark.skipif(onfiles.KUSTOMIZE is None, reason="no kustomize: `make bin` builds it")


def git(tree: Path, *words: str) -> str:
    who = ("-c", "user.name=tester", "-c", "user.email=tester@shop.example")
    return subprocess.run(["git", *who, *words], cwd=tree, check=True, capture_output=True, text=True).stdout


def run(tree: Path, *words: str) -> tuple[int, str]:
    """The exit code of a command that is typed at the root of the repository, and what it prints."""
    options.config.cache_clear()
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(tree)
        result = CliRunner().invoke(_app([words[0]]), list(words))
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return result.exit_code, result.stdout


def as_it_is(_tree: Path) -> tuple[str, ...]:
    """Two namespaces move: others are held."""
    return ()


def agreed(tree: Path) -> tuple[str, ...]:
    """The owners agree to what can be agreed to and settle the rest, so that payment moves with policies and a swap."""
    settled(tree)
    accept = [f"- {{id: {each}, namespace: payment, name: '*', because: tried}}" for each in AGREED]
    (tree / ".ambimigrate.yaml").write_text("\n".join(("closeDirectAccess: true", "accept:", *accept, "")))
    return ()


def typed(tree: Path) -> tuple[str, ...]:
    """The same with options instead of the configuration, and for another version; the commands have to carry them."""
    settled(tree)
    accept = (word for each in AGREED for word in ("--accept", f"{each}:payment/*"))
    return ("--istio-version", "1.30", "--close-direct-access", *accept)


def settled(tree: Path) -> None:
    """Without what holds others for reasons that no option lifts."""
    for name in GONE:
        shutil.rmtree(tree / "apps" / name)
    for cluster in ("prod", "staging"):
        file = tree / "clusters" / cluster / "kustomization.yaml"
        kept = [each for each in file.read_text().splitlines() if not any(f"apps/{name}" in each for name in GONE)]
        file.write_text("\n".join((*kept, "")))


class Followed:
    """A copy of the repository with its recorded plan."""

    def __init__(self, tree: Path, words: tuple[str, ...]) -> None:
        self.tree, self.words = tree, words
        git(tree, "init", "-q", "-b", "main", ".")
        self.commit("as it was")
        self.before = tree.parent / "before"
        shutil.copytree(tree, self.before, ignore=shutil.ignore_patterns(".git"))
        code, _ = run(tree, "plan", ".", "--mesh", "prod", "--record", *words)
        assert code in {0, 1}
        self.commit("the plan")
        plan = json.loads((tree / ".ambimigrate" / "plan.json").read_text())
        self.steps: list[Step] = [step for wave in plan["waves"] for step in wave["steps"]]

    @property
    def is_agreed(self) -> bool:
        return bool(self.words) or (self.tree / ".ambimigrate.yaml").exists()

    def commit(self, text: str) -> str:
        git(self.tree, "add", "-A")
        git(self.tree, "commit", "-q", "-m", text)
        return git(self.tree, "rev-parse", "HEAD").strip()

    def files(self) -> dict[str, bytes]:
        every = planned.contents(self.tree)
        return {name: text for name, text in every.items() if not name.startswith(".git/")}

    def objects(self) -> onfiles.Objects:
        return onfiles.built(self.tree / PROD)

    def changed(self) -> dict[str, str]:
        """What git says of each file: new or modified."""
        said = git(self.tree, "status", "--porcelain", "-uall").splitlines()
        return {each[3:]: "new" if each.startswith("??") else "modified" for each in said}


@pytest.fixture(params=[as_it_is, agreed, typed], ids=lambda each: each.__name__)
def followed(request: pytest.FixtureRequest, tmp_path: Path) -> Followed:
    tree = tmp_path / "shop"
    shutil.copytree(SHOP, tree, ignore=shutil.ignore_patterns(".git", ".ambimigrate"))
    return Followed(tree, request.param(tree))


def commands(step: Step, *parts: str) -> Iterator[tuple[list[str], str]]:
    """The commands of kubectl in some parts of a step, each with what is said about it."""
    for line in (line for part in parts for line in step[part]):
        command, said = lines.parts(line)
        if command.startswith("kubectl "):
            yield shlex.split(command), said


def held_true(objects: onfiles.Objects, step: Step) -> dict[str, bool]:
    """Whether each line that says what is printed is true of the objects, as far as files can tell."""
    found: dict[str, bool] = {}
    for words, said in commands(step, "gate", "verify"):
        answer = onfiles.answer(objects, words)
        if answer is None or said.startswith("shows "):
            continue
        wanted = "" if said.startswith(lines.NOTHING) else said.removeprefix("prints ")
        found[shlex.join(words)] = answer == wanted
    return found


def names_what_is_there(followed: Followed, step: Step) -> None:
    """What is restarted, waited for or selected exists; what is deleted by hand is not in the files any more."""
    objects = followed.objects()
    waypoints = {(namespace, name) for kind, namespace, name in objects if kind == "gateway.gateway.networking.k8s.io"}
    for words, _ in commands(step, "commands", "gate", "verify"):
        key = onfiles.subject(words)
        if key is not None and "delete" in words:
            assert key not in objects, words
        elif key is not None and key[1] and key[1] != "istio-system":
            assert key in objects or (key[0] == "deployment" and key[1:] in waypoints), words
        if "pods" in words and "-l" in words and "-n" in words and "istio-system" not in words:
            wanted = dict(each.split("=") for each in words[words.index("-l") + 1].split(",") if "!" not in each)
            wanted.pop("security.istio.io/tlsMode", None)
            assert any(wanted.items() <= labels.items() for labels in onfiles.pods(objects, words[2])), words


def names_its_files(followed: Followed, step: Step) -> None:
    """The files that a step names are those that change; new objects and patches bring their kustomizations along."""
    edited = {name for each in step["files"] if " (new " not in each for name in each.split(", ")}
    folders = {str(Path(each.split(" (new ")[0]).parent) for each in step["files"]}
    changed = followed.changed()
    assert edited <= changed.keys(), step["id"]
    for name, how in changed.items():
        is_known = name in edited or Path(name).name == "kustomization.yaml" or how == "new" or f"{name} (new" in str(step)
        assert is_known and str(Path(name).parent) in folders, (step["id"], name)


def taken(followed: Followed, step: Step) -> str:
    """One step forward; its commit."""
    before = held_true(followed.objects(), step)
    for line in (each for each in step["commands"] if each.startswith("ambimigrate convert")):
        code, _ = run(followed.tree, *shlex.split(line, comments=True)[1:])
        assert code == 0 or (code == 1 and step["stage"] == "prepare"), line
    names_its_files(followed, step)
    after = held_true(followed.objects(), step)
    assert all(after.values()), [line for line, is_true in after.items() if not is_true]
    assert not all(before.values()) or not before, f"{step['id']}: its gate is true before it is taken"
    names_what_is_there(followed, step)
    return followed.commit(step["id"])


def undone(followed: Followed, step: Step, commit: str) -> None:
    """One step back, as its lines say."""
    undo = step["undo"]
    if by_hand := next((each for each in undo if each.startswith(BACK)), ""):
        assert by_hand and any("git revert that commit, then the one of this step" in each for each in undo)
        for file in (followed.tree / each for each in step["files"]):
            file.write_text(file.read_text().replace("istio-injection: null", "istio-injection: enabled"))
        both = [each["metadata"]["labels"] for key, each in followed.objects().items() if key[0] == "namespace"]
        half = [each for each in both if each.get("istio.io/dataplane-mode") == "ambient"]
        assert half and any(each.get("istio-injection") == "enabled" for each in half)
        git(followed.tree, "revert", "--no-edit", followed.commit("injection on again"))
    else:
        assert {lines.REVERT, lines.REVERT_BOTH} & set(undo)
    git(followed.tree, "revert", "--no-edit", commit)
    objects = followed.objects()
    for words, _ in commands(step, "undo"):
        key = onfiles.subject(words)
        if key is not None:
            assert (key in objects) is ("delete" not in words), words


def test_forward_and_back(followed: Followed) -> None:
    walked: list[tuple[Step, str, dict[str, bytes]]] = []
    for step in (each for each in followed.steps if each["stage"]):
        had = followed.files()
        walked.append((step, taken(followed, step), had))
        code, said = run(followed.tree, "status", ".", "--format", "json", *followed.words)
        assert code == 0, step["id"]
        assert "skipped" not in json.dumps(json.loads(said)["namespaces"]), step["id"]
    assert {"enroll", "retire"} <= {step["stage"] for step, _, _ in walked}
    code, said = run(followed.tree, "verify", str(followed.before), ".", "--mesh", "prod", "--format", "json")
    differing = [each for each in json.loads(said)["differences"] if not each["minor"]]
    wider = {each["request"]["port"] for each in differing if each["kind"] == "wider"}  # the rest was agreed to
    assert wider <= ({OPENED} if followed.is_agreed else set())
    assert code == (1 if followed.is_agreed else 0), said
    for step, commit, had in reversed(walked):
        undone(followed, step, commit)
        assert followed.files() == had, step["id"]


def test_what_is_restarted_is_there(followed: Followed) -> None:
    for step in (each for each in followed.steps if not each["stage"]):
        names_what_is_there(followed, step)


def test_every_command_gives_what_the_plan_said(followed: Followed) -> None:
    """Each command of a step as it stands, and nothing else: the changes that the plan has for the step, object by object."""
    for step in (each for each in followed.steps if each["stage"]):
        wanted = {(each["action"], *each["object"].values()) for each in step["changes"]}
        for line in (each for each in step["commands"] if each.startswith("ambimigrate convert")):
            words = shlex.split(line, comments=True)[1:]
            _, said = run(followed.tree, *words[:-1], "--format", "json")
            made = {(each["action"], *each["object"].values()) for each in json.loads(said)["changes"] if mine(each, step)}
            assert made <= wanted, (line, made - wanted)
            wanted -= made
            run(followed.tree, *words)
        assert not wanted, (step["id"], wanted)


def mine(change: Step, step: Step) -> bool:
    return change["stage"] == step["stage"] and change["mesh"] in {"prod", ""}
