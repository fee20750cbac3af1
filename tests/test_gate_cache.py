"""What the gate remembers of a base changes nothing that it says: random pull requests, judged with and without a cache."""

from __future__ import annotations

import random
import shutil
from pathlib import Path

import pytest

from tests.conftest import FIXTURES
from tests.gated import AMBIENT, DEMO, ERROR, FAULT, PORT_MODE, ROUTE, Repository, began, namespace

EDITS: dict[str, str | None] = {
    "shop.yaml": namespace(label=AMBIENT),
    "apps/cart/base/traffic.yaml": None,
    "route.yaml": ROUTE.replace("NAME", "web"),
    "fault.yaml": FAULT.replace("NAME", "web"),
    "mode.yaml": PORT_MODE,
    "error.yaml": ERROR,
    "wider.yaml": ERROR.replace("  selector: {matchLabels: {app: web}}\n", ""),
    "hushed.yaml": PORT_MODE.replace("Authentication\n", "Authentication # ambimigrate: ignore[PA001] because SHOP-1\n"),
    "broken.yaml": "kind: Service\n  metadata: [\n",
    "apps/catalogue/base/access.yaml": (FIXTURES / "history" / "in-place.yaml").read_text(),
    ".ambimigrate.yaml": "migrated: [shop]\nsuppressions: [{id: AP002, because: SHOP-2}]\n",
}


def edited(repository: Repository, number: int, kinds: random.Random) -> None:
    """Some of the edits, and new words in a few files."""
    chosen = kinds.sample(sorted(EDITS), kinds.randint(0, 3))
    repository.write({name: EDITS[name] for name in chosen if EDITS[name] is not None or (repository.root / name).exists()})
    for path in kinds.sample(sorted(repository.root.glob("apps/**/*.yaml")), 3):
        path.write_text(f"# {number}\n{path.read_text()}")


@pytest.mark.parametrize("seed", range(3))
def test_random_changes(tmp_path: Path, seed: int) -> None:
    kinds = random.Random(seed)
    shutil.copytree(DEMO, tmp_path / "shop")
    repository = began(tmp_path / "shop")
    edited(repository, -1, kinds)
    for number in range(3):
        if number == 2:
            repository.commit({})
        edited(repository, number, kinds)
        told = []
        for cache in ("off", str(tmp_path / "cache"), str(tmp_path / "cache")):
            run = repository.gate("--base", "main", "--format", "json", env={"AMBIMIGRATE_CACHE_DIR": cache})
            told.append((run.returncode, run.stdout, run.stderr))
        assert told[0] == told[1] == told[2]


def test_a_base_is_read_where_its_objects_matter(tmp_path: Path) -> None:
    """A finding that gets worse is shown with what changed, though the base itself comes out of the cache."""
    repository = began(tmp_path)
    second = namespace().partition("---\n")[2].replace("name: web", "name: api").replace("app: web", "app: api")
    repository.commit({"policy.yaml": ERROR, "api.yaml": second})
    env = {"AMBIMIGRATE_CACHE_DIR": str(tmp_path / "cache")}
    assert repository.gate("--base", "main", env=env).returncode == 0
    repository.write({"policy.yaml": ERROR.replace("  selector: {matchLabels: {app: web}}\n", "")})
    found = repository.judged("--base", "main", env=env)[1]
    worse = [each for each in found["findings"] if each["state"] == "worse"]
    assert any("selector" in line for each in worse for line in each["changed"])


@pytest.mark.parametrize("damage", [b"", b"\x80", b"ambimigrate cache 1\n" + b"x" * 99])
def test_a_damaged_cache_is_made_anew(tmp_path: Path, damage: bytes) -> None:
    (tmp_path / "shop").mkdir()
    repository = began(tmp_path / "shop")
    repository.write({"mode.yaml": PORT_MODE})
    env = {"AMBIMIGRATE_CACHE_DIR": str(tmp_path / "cache")}
    told = [repository.gate("--base", "main", env=env).stdout]
    for entry in (tmp_path / "cache").glob("*.entry"):
        entry.write_bytes(damage)
    told += [repository.gate("--base", "main", env=env).stdout, repository.gate("--base", "main", env=env).stdout]
    assert len(set(told)) == 1
