"""The cache: where it is, what is kept in it and what never, and what tells its entries apart."""

from __future__ import annotations

import os
import re
import stat
import subprocess
import sys
from multiprocessing import get_context
from pathlib import Path

import pytest

import ambimigrate
from ambimigrate.model import Target
from ambimigrate.sources import cache, cache_identity
from ambimigrate.sources.cache import Store, opened
from ambimigrate.sources.cache_prints import look
from ambimigrate.sources.read import read_files
from ambimigrate.versions import NEWEST, NEWEST_GATEWAY_API
from tests.test_cache_same import SHOP, TARGET, entries, store, through, told, without

__all__ = ["store"]
PACKAGE = Path(ambimigrate.__file__).parent


# --- what is kept ---------------------------------------------------------------------------------------------------


def test_nothing_is_kept_where_it_is_off_or_cannot_be(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    expected = without(SHOP)
    (tmp_path / "file").write_text("")
    for each in (Store(), Store(tmp_path / "file" / "cache"), Store(Path("/proc/no/such"))):
        assert told(*through(each, SHOP)) == expected
        assert entries(each) == []
    monkeypatch.setenv("AMBIMIGRATE_CACHE_DIR", "off")
    assert opened() == Store()


@pytest.mark.skipif(os.geteuid() == 0, reason="root writes everywhere")
def test_a_folder_that_is_read_only(tmp_path: Path) -> None:
    (tmp_path / "cache").mkdir(mode=0o500)
    assert told(*through(Store(tmp_path / "cache"), SHOP)) == without(SHOP)


@pytest.mark.skipif(sys.platform != "linux", reason="the rules of Linux")
def test_where_it_is(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("AMBIMIGRATE_CACHE_DIR", "XDG_CACHE_HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    assert opened().folder == tmp_path / ".cache" / "ambimigrate"
    monkeypatch.setenv("XDG_CACHE_HOME", "relative")
    assert opened().folder == tmp_path / ".cache" / "ambimigrate"
    monkeypatch.setenv("XDG_CACHE_HOME", "/x")
    assert opened().folder == Path("/x/ambimigrate")
    monkeypatch.setenv("AMBIMIGRATE_CACHE_DIR", str(tmp_path / "y"))
    assert opened().folder == tmp_path / "y"
    monkeypatch.setattr(sys, "platform", "darwin")
    monkeypatch.delenv("AMBIMIGRATE_CACHE_DIR")
    assert opened().folder == tmp_path / "Library" / "Caches" / "ambimigrate"
    monkeypatch.setattr(sys, "platform", "win32")
    monkeypatch.setenv("LOCALAPPDATA", str(tmp_path / "local"))
    assert opened().folder == tmp_path / "local" / "ambimigrate"


def test_entries_are_for_their_owner(store: Store) -> None:
    through(store, SHOP)
    assert store.folder and stat.S_IMODE(store.folder.stat().st_mode) == 0o700
    assert {stat.S_IMODE(each.stat().st_mode) for each in entries(store)} == {0o600}


def test_secrets_are_not_kept(tmp_path: Path, store: Store) -> None:
    text = "kind: List\napiVersion: v1\nitems:\n- {kind: Secret, apiVersion: v1, metadata: {name: a}, data: {key: aHVzaA==}}\n"
    item = "- {kind: Service, apiVersion: v1, metadata: {name: a, namespace: b}, spec: {ports: [{port: 80}]}}\n"
    (tmp_path / "a.yaml").write_text(text + item)
    (tmp_path / "b.yaml").write_text(text.partition("items")[0].replace("List", "Secret") + "data: {key: aHVzaA==}\n")
    assert told(*through(store, tmp_path)) == without(tmp_path)
    assert all(b"aHVzaA" not in each.read_bytes() for each in entries(store))


def test_the_oldest_make_room(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cache, "MOST_BYTES", 1000)
    for number in range(5):
        store.put(f"k{number}", bytes(300))
        os.utime(entries(store)[-1], (number, number))
        store.get("k0")
    assert [each.stem for each in entries(store)] == ["k0", "k4"]
    store.put("large", bytes(1001))
    assert store.get("large") is None
    assert store.folder
    (store.folder / ".new-left").write_bytes(bytes(900))
    os.utime(store.folder / ".new-left", (1, 1))
    store.put("k5", bytes(300))
    assert not (store.folder / ".new-left").exists()


def _writes(folder: str, number: int) -> None:
    for turn in range(200):
        store = Store(Path(folder))
        store.put("same", bytes([number]) * (1000 + turn))
        found = store.get("same")
        assert found is not None
        assert len(set(found)) == 1


def test_several_runs_at_once(tmp_path: Path) -> None:
    runs = [get_context("spawn").Process(target=_writes, args=(str(tmp_path), number)) for number in range(3)]
    for each in runs:
        each.start()
    for each in runs:
        each.join()
    assert [each.exitcode for each in runs] == [0, 0, 0]
    assert [each.name for each in tmp_path.iterdir()] == ["same.entry"]


# --- what a key says ------------------------------------------------------------------------------------------------


def test_keys_tell_everything_apart(store: Store) -> None:
    assert len({store.key(*parts) for parts in ((), ("a",), ("a", "b"), ("ab",), (["a", "b"],), (1,), (True,), (TARGET,))}) == 8


def test_meshes_that_a_rule_could_tell_apart_have_other_prints(tmp_path: Path) -> None:
    def of(text: str, name: str = "a.yaml", target: Target = TARGET) -> tuple[bytes, ...]:
        folder = tmp_path / str(len(list(tmp_path.iterdir())))
        (folder).mkdir()
        (folder / name).write_text(text)
        current = Path.cwd()
        os.chdir(folder)
        try:
            found = look(read_files(["."], target).meshes[0])
            return found.rest, *found.objects
        finally:
            os.chdir(current)

    text = "apiVersion: v1\nkind: Service\nmetadata: {name: a, namespace: shop}\nspec: {ports: [{port: 80}]}\n"
    others = [of(text, "b.yaml"), of(f"\n{text}"), of(f"{text}# x\n"), of(text.replace("80", "81")), of(f"a: 1\n---\n{text}")]
    others += [
        of(text, target=Target(NEWEST, NEWEST_GATEWAY_API, "experimental")),
        of(f"{text}---\nkind: Service\n{{"),
        of(text * 2),
    ]
    assert len({of(text), *others}) == 9
    assert of(text) == of(text)


def test_another_version_of_the_tool_takes_nothing_over(tmp_path: Path) -> None:
    """Neither of an installed package nor of a checkout in which somebody works."""
    found = set()
    for number in range(2):
        package = tmp_path / str(number) / "ambimigrate"
        package.mkdir(parents=True)
        (package / "a.py").write_text(f"a = {number}{'0' * number}\n")
        found.add(tuple(re.sub(r"^\S+", "", each) for each in cache_identity._stamps(str(package))))
    assert len(found) == 2
    other = "from ambimigrate.sources.cache_identity import identity, ambimigrate as a; a.__version__ = '0'; print(identity())"
    ran = subprocess.run([sys.executable, "-c", other], capture_output=True, check=True, text=True)
    assert ran.stdout.strip() != cache_identity.identity()


def test_findings_depend_on_nothing_but_the_meshes() -> None:
    """No clock, no environment, no randomness in what makes them: else a finding could be remembered that is none any more."""
    word = re.compile(
        r"^(?:from|import) (?:datetime|time|random|secrets|locale|socket|platform)\b|os\.(?:environ|getenv)", re.MULTILINE
    )
    modules = ["catalogue.py", "support.py", "versions.py", "decode.py"]
    files = [PACKAGE / name for name in modules]
    for folder in ("analyse", "model", "checks", "topology", "semantics", "kinds", "yamlio", "layout"):
        files += sorted((PACKAGE / folder).rglob("*.py"))
    assert [file.name for file in files if word.search(file.read_text(encoding="utf-8"))] == []
