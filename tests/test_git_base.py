"""The base read from git: the same as reading its files, whatever their names hold, and clear words where there is none."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from ambimigrate.analyse import analyse
from ambimigrate.decode import Reading
from ambimigrate.model import Target
from ambimigrate.sources import git_base, renderers
from ambimigrate.sources.git_base import NoBase
from ambimigrate.sources.git_links import led
from ambimigrate.sources.helmed import Asked
from ambimigrate.sources.read import read_files
from ambimigrate.versions import NEWEST, NEWEST_GATEWAY_API
from ambimigrate.yamlio import Document
from tests.conftest import FIXTURES

TARGET = Target(NEWEST, NEWEST_GATEWAY_API)
NEVER = Asked("never")
SERVICE = "apiVersion: v1\nkind: Service\nmetadata: {name: %s, namespace: shop}\nspec: {ports: [{port: 80}]}\n"
needs_git = pytest.mark.skipif(shutil.which("git") is None, reason="git is not on PATH")
needs_renderer = pytest.mark.skipif(renderers.find() is None, reason="neither kustomize nor kubectl is on PATH")
pytestmark = needs_git


def git(folder: Path, *arguments: str) -> str:
    settings = ("user.name=t", "user.email=t@example.com", "protocol.file.allow=always", "init.defaultBranch=main")
    command = ["git", "-C", str(folder), *(part for each in settings for part in ("-c", each)), *arguments]
    return subprocess.run(command, check=True, capture_output=True).stdout.decode().strip()


def repository(folder: Path, files: dict[str, str] | None = None) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    git(folder, "init", "-q")
    return committed(folder, files or {})


def committed(folder: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(text.encode())
    git(folder, "add", "-A")
    git(folder, "commit", "-q", "--allow-empty", "-m", "a commit")
    return folder


def base(path: Path | str, ref: str = "HEAD", asked: Asked = NEVER) -> Reading:
    return git_base.read_base(str(path), ref, TARGET, "", None, asked)


def told(reading: Reading) -> object:
    """Everything that later steps see of a reading, but for the folders that a commit does not hold."""
    skipped = {name: number for name, number in reading.counts.skipped.items() if name != "excluded folder"}
    counts = reading.counts
    resources = [
        (mesh.name, each.ref, each.body, each.origin.file, each.at("metadata"), each.base, each.overlaid, each.levels)
        for mesh in reading.meshes
        for each in mesh.resources
    ]
    return reading.problems, reading.notes, counts.files, counts.documents, counts.objects, skipped, resources


def messages(reading: Reading) -> list[tuple[str, str]]:
    return [(problem.message, problem.file) for problem in reading.problems]


@pytest.mark.parametrize("name", sorted(path.name for path in (FIXTURES / "repos").iterdir() if path.is_dir()))
def test_repositories_read_the_same(name: str, tmp_path: Path) -> None:
    shutil.copytree(FIXTURES / "repos" / name, tmp_path / "repo", symlinks=True)
    repo = repository(tmp_path / "repo")
    for render in ("never", "auto"):
        files = read_files([str(repo)], TARGET, render=render)
        found = base(repo, asked=Asked(render))
        assert told(found) == told(files)
        assert analyse(found.meshes) == analyse(files.meshes)


def test_the_work_tree_and_the_index_are_neither_read_nor_changed(tmp_path: Path) -> None:
    repo = repository(tmp_path, {"a.yaml": SERVICE % "old"})
    (repo / "a.yaml").write_text(SERVICE % "staged")
    git(repo, "add", "a.yaml")
    (repo / "a.yaml").write_text(SERVICE % "new")
    before = (repo / ".git" / "index").read_bytes()
    assert [each.name for each in base(repo).meshes[0].resources] == ["old"]
    assert (repo / ".git" / "index").read_bytes() == before
    assert (repo / "a.yaml").read_text() == SERVICE % "new"


def test_names_are_those_of_the_path_that_was_given(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    repo = repository(tmp_path, {"apps/shop/a.yaml": SERVICE % "a", "b.yaml": SERVICE % "b"})
    monkeypatch.chdir(repo)
    given = {".": "apps/shop/a.yaml", "apps": "apps/shop/a.yaml", "./apps/": "apps/shop/a.yaml"}
    for path, name in given.items():
        assert base(path).meshes[0].resources[0].file == name
    monkeypatch.chdir(repo / "apps")
    assert [each.file for each in base("shop").meshes[0].resources] == ["shop/a.yaml"]
    assert [each.file for each in base("../b.yaml").meshes[0].resources] == ["../b.yaml"]
    for path in ("shop", "../b.yaml", "..", str(repo)):
        assert told(base(path)) == told(read_files([path], TARGET))


def test_hostile_names(tmp_path: Path) -> None:
    odd = ["a\nb.yaml", "-rf.yaml", "tab\t.yaml", 'q"uote.yaml', ":(glob)*.yaml", "ünï/x.yaml", "HEAD:y.yaml", "x;touch z.yaml"]
    repo = repository(tmp_path, {f"sub\nfolder/{name}": SERVICE % f"s{number}" for number, name in enumerate(odd)})
    (repo / os.fsdecode(b"\xff\xfe.yaml")).write_text(SERVICE % "bytes")
    committed(repo, {})
    assert told(base(repo)) == told(read_files([str(repo)], TARGET))
    assert len(base(repo).meshes[0].resources) == len(odd) + 1
    inside = repo / "sub\nfolder"
    assert told(base(inside)) == told(read_files([str(inside)], TARGET))


def test_what_git_made_of_line_endings_changes_no_finding(tmp_path: Path) -> None:
    text = (FIXTURES / "repos" / "shop").rglob("*.yaml")
    repo = repository(tmp_path)
    git(repo, "config", "core.autocrlf", "true")
    for file in text:
        (repo / f"{file.parent.name}-{file.name}").write_bytes(file.read_bytes().replace(b"\n", b"\r\n"))
    committed(repo, {})
    head, before = read_files([str(repo)], TARGET), base(repo)
    texts = [each.meshes[0].resources[0].origin for each in (head, before)]
    assert ["\r\n" in each.text for each in texts if isinstance(each, Document)] == [True, False]
    assert analyse(head.meshes) == analyse(before.meshes)


def test_links_submodules_and_pointers(tmp_path: Path) -> None:
    inner = repository(tmp_path / "inner", {"in.yaml": SERVICE % "inner"})
    pointer = "version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 12345\n"
    repo = repository(tmp_path / "repo", {"real/a.yaml": SERVICE % "a", "large.yaml": pointer})
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside.yaml").write_text(SERVICE % "outside")
    targets = {"one.yaml": "real/a.yaml", "two.yaml": "one.yaml", "folder": "real", "gone.yaml": "nothing.yaml"}
    targets |= {"out.yaml": "../outside.yaml", "out": "../outside", "no-manifest": "gone.txt", "round.yaml": "round.yaml"}
    for name, target in targets.items():
        (repo / name).symlink_to(target)
    git(repo, "submodule", "add", "-q", str(inner), "module")
    committed(repo, {})
    found = base(repo)
    assert told(found) == told(read_files([str(repo)], TARGET))
    assert found.counts.skipped["Git LFS pointer"] == 1
    assert sorted(each.name for each in found.meshes[0].resources) == ["a", "inner"]
    git(repo, "submodule", "deinit", "-q", "-f", "module")
    assert base(repo).counts.skipped["submodule"] == 1


def test_a_submodule_that_lacks_the_commit_is_a_problem(tmp_path: Path) -> None:
    inner = repository(tmp_path / "inner", {"in.yaml": SERVICE % "inner"})
    repo = repository(tmp_path / "repo")
    git(repo, "submodule", "add", "-q", str(inner), "module")
    git(repo, "update-index", "--cacheinfo", f"160000,{'1' * 40},module")
    git(repo, "commit", "-qm", "another")
    ((message, file),) = messages(base(repo))
    assert message.startswith("is a submodule whose commit at the base is not here")
    assert file == f"{repo}/module"


def test_nothing_of_the_repository_is_run(tmp_path: Path) -> None:
    repo = repository(
        tmp_path / "repo", {"a.yaml": SERVICE % "a", "kustomization.yaml": "resources: [a.yaml]\nnamePrefix: x-\n"}
    )
    ran = tmp_path / "ran"
    committed(
        repo,
        {".gitattributes": "*.yaml filter=evil diff=evil text eol=crlf ident export-subst\nkustomization.yaml export-ignore\n"},
    )
    for key in ("filter.evil.smudge", "filter.evil.clean", "diff.evil.textconv", "core.fsmonitor", "core.sshCommand"):
        git(repo, "config", key, f"touch {ran}; cat")
    assert [each.name for each in base(repo, asked=Asked("auto")).meshes[0].resources] == ["x-a"]
    assert not ran.exists()


PATCHED = {
    "base/a.yaml": SERVICE % "a",
    "base/kustomization.yaml": "resources: [a.yaml]\n",
    "prod/kustomization.yaml": "resources: [../base]\npatches:\n- target: {kind: Service}\n  patch: |\n"
    "    - {op: add, path: /metadata/labels, value: {istio.io/use-waypoint: w}}\n",
}
CHART = {
    "chart/Chart.yaml": "apiVersion: v2\nname: web\nversion: 1.0.0\n",
    "chart/values.yaml": "port: 81\n",
    "chart/templates/service.yaml": SERVICE.replace("80", "{{ .Values.port }}") % "{{ .Release.Name }}",
}


@needs_renderer
def test_renderers_see_the_tree_of_the_base(tmp_path: Path) -> None:
    repo = repository(tmp_path / "repo", {f"deploy/{name}": text for name, text in (PATCHED | CHART).items()})
    at_once = read_files([str(repo / "deploy")], TARGET, render="auto")
    assert any(each.overlaid for each in at_once.meshes[0].resources)
    expected = told(at_once)
    shutil.rmtree(repo / "deploy")
    committed(repo, {"other.yaml": SERVICE % "other"})
    assert told(base(repo / "deploy", "HEAD~1", Asked("auto"))) == expected
    assert messages(base(repo / "deploy")) == []


@needs_renderer
def test_a_failing_renderer_says_the_same_of_both(tmp_path: Path) -> None:
    broken = {**PATCHED, "prod/kustomization.yaml": PATCHED["prod/kustomization.yaml"].replace("/labels", "/no/such")}
    repo = repository(tmp_path / "repo", broken)
    found, now = base(repo, asked=Asked("auto")), read_files([str(repo)], TARGET, render="auto")
    assert messages(found) == messages(now) != []


def test_the_copy_for_renderers_goes_and_stays_inside(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "temporary").mkdir()
    monkeypatch.setenv("TMPDIR", str(tmp_path / "temporary"))
    monkeypatch.setattr("tempfile.tempdir", None)
    repo = repository(tmp_path / "repo", PATCHED)
    (repo / "etc").symlink_to("/etc")
    committed(repo, {})
    base(repo, asked=Asked("auto"))
    assert list((tmp_path / "temporary").iterdir()) == []


def test_a_base_without_the_path_is_empty(tmp_path: Path) -> None:
    repo = repository(tmp_path, {"a.yaml": SERVICE % "a"})
    committed(repo, {"new/b.yaml": SERVICE % "b"})
    found = base(repo / "new", "HEAD~1")
    assert (found.problems, [mesh.resources for mesh in found.meshes]) == ((), [()])


def test_texts_at_the_base(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    repo = repository(tmp_path / "repo", {".ambimigrate.yaml": "namespace: shop\n", "deploy/a.yaml": SERVICE % "a"})
    (repo / "deploy" / "link.yaml").symlink_to("../.ambimigrate.yaml")
    (repo / "deploy" / "bytes").write_bytes(b"\xff")
    committed(repo, {})
    (repo / ".ambimigrate.yaml").unlink()
    path = str(repo / "deploy")
    assert git_base.text(path, "HEAD", str(repo / ".ambimigrate.yaml")) == "namespace: shop\n"
    assert git_base.text(path, "HEAD", str(repo / "deploy/link.yaml")) == "namespace: shop\n"
    for name in ("deploy", "deploy/bytes", "deploy/none", "none/none", "deploy/*.yaml"):
        assert git_base.text(path, "HEAD", str(repo / name)) is None
    monkeypatch.chdir(repo / "deploy")
    assert git_base.text(".", "HEAD", "../.ambimigrate.yaml") == "namespace: shop\n"
    with pytest.raises(NoBase, match="outside of the repository"):
        git_base.text(path, "HEAD", str(tmp_path / "other.yaml"))


def test_merge_base(tmp_path: Path) -> None:
    repo = repository(tmp_path, {"a.yaml": SERVICE % "a"})
    common = git(repo, "rev-parse", "HEAD")
    git(repo, "checkout", "-q", "-b", "side")
    committed(repo, {"b.yaml": SERVICE % "b"})
    git(repo, "checkout", "-q", "main")
    committed(repo, {"c.yaml": SERVICE % "c"})
    assert git_base.merge_base(str(repo), "side") == common
    assert git_base.tree_id(str(repo), common) == git(repo, "rev-parse", f"{common}^{{tree}}")
    git(repo, "checkout", "-q", "--orphan", "alone")
    committed(repo, {})
    with pytest.raises(NoBase, match="main and HEAD have no commit in common here; name another base, or rebase"):
        git_base.merge_base(str(repo), "main")


def test_there_is_no_base(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    repo = repository(tmp_path / "repo", {"a.yaml": SERVICE % "a"})
    committed(repo, {"b.yaml": SERVICE % "b"})
    for ref in ("origin/main", "", "--output=x", "a\nb", "\x1b[31m"):
        with pytest.raises(NoBase, match="git knows no commit") as error:
            base(repo, ref)
        assert str(error.value).isprintable()
    (tmp_path / "plain").mkdir()
    with pytest.raises(NoBase, match="is in no git repository"):
        base(tmp_path / "plain")
    shallow = tmp_path / "shallow"
    git(tmp_path, "clone", "-q", "--depth", "1", repo.as_uri(), str(shallow))
    for call in (lambda: base(shallow, "HEAD~1"), lambda: git_base.merge_base(str(shallow), "HEAD~1")):
        with pytest.raises(NoBase, match=r"fetch-depth: 0.*git fetch --unshallow"):
            call()
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(NoBase, match="git cannot be run"):
        base(repo)


def test_a_hook_of_git_may_ask(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    other = repository(tmp_path / "other")
    repo = repository(tmp_path / "repo", {"deploy/a.yaml": SERVICE % "a"})
    monkeypatch.setenv("GIT_DIR", str(other / ".git"))
    monkeypatch.setenv("GIT_INDEX_FILE", str(other / "index"))
    assert len(base(repo / "deploy").meshes[0].resources) == 1


@pytest.mark.parametrize(
    ("path", "links", "end"),
    [
        ("a/b", {}, "a/b"),
        ("a", {"a": "b", "b": "c/d"}, "c/d"),
        ("x/a", {"x/a": "../y/./b"}, "y/b"),
        ("x/a/z", {"x/a": "../y"}, "y/z"),
        ("a", {"a": "../b"}, None),
        ("a", {"a": "/etc"}, None),
        ("a", {"a": "b", "b": "a"}, None),
    ],
)
def test_where_links_lead(path: str, links: dict[str, str], end: str | None) -> None:
    assert led(path, links) == end
