"""The two commits of `retire`: routes beside their VirtualService, then the routes alone, decide the same on every release."""

from __future__ import annotations

from pathlib import Path

import pytest

from ambimigrate.changes import Stage
from ambimigrate.convert import after, convert
from ambimigrate.model import Mesh, Target
from ambimigrate.sources.read import read_files
from ambimigrate.verify import Settings, verify
from ambimigrate.versions import NEWEST, NEWEST_GATEWAY_API, parse
from tests.conftest import FIXTURES
from tests.oracle import worlds

CASES = sorted(each for each in (FIXTURES / "convert").glob("*/input") if not each.parent.name.startswith("twins"))
RELEASES = ("1.28.10", "1.27.9", "1.25.5")


Pair = tuple[tuple[Mesh, ...], tuple[Mesh, ...]]


def commits(before: tuple[Mesh, ...]) -> list[Pair]:
    """The meshes before and after each commit of `retire`: with the routes beside the VirtualServices, and at the end.

    None where a chain through an egress gateway ends (GW910): its calls have another first hop from the first commit on.
    """
    conversion = convert(before, (), check=worlds.nothing)
    early = [each for each in conversion.changes if each.stage < Stage.retire]
    both = [*early, *(each for each in conversion.changes if each.stage is Stage.retire and each.verb == "create")]
    end = [each for each in conversion.changes if each.stage <= Stage.retire]
    if any("GW910" in each.because for each in conversion.changes):
        return []
    first, middle, last = (tuple(after(mesh, some) for mesh in before) for some in (early, both, end))
    return [(first, middle), (middle, last)]


def read(folder: Path, release: str = "") -> tuple[Mesh, ...]:
    name = folder.parent.name
    istio = release or name.partition("@")[2].partition("+")[0] or str(NEWEST)
    channel = "experimental" if name.endswith("+experimental") else "standard"
    return read_files((str(folder),), Target(parse(istio), NEWEST_GATEWAY_API, channel)).meshes


@pytest.mark.parametrize("folder", CASES, ids=lambda each: each.parent.name)
def test_both_commits_decide_the_same(folder: Path) -> None:
    for one, other in commits(read(folder)):
        found = verify(one, other, Settings(requests=60)).differences
        assert [(each.because, str(each.object)) for each in found if not each.minor] == []


@pytest.mark.parametrize("release", RELEASES)
@pytest.mark.parametrize(
    "folder", [each for each in CASES if "@" not in each.parent.name][:6], ids=lambda each: each.parent.name
)
def test_both_commits_decide_the_same_on_older_releases(folder: Path, release: str) -> None:
    for one, other in commits(read(folder, release)):
        found = verify(one, other, Settings(requests=40)).differences
        assert [(each.because, str(each.object)) for each in found if not each.minor] == []
