"""What a conversion changes around networks and pods settles its findings: scanned before and after."""

from __future__ import annotations

from pathlib import Path

import pytest

from ambimigrate.analyse import analyse
from ambimigrate.convert import Choice
from ambimigrate.model import Severity
from ambimigrate.sources.read import read_files
from tests.test_convert import FOLDER, agreed, nothing, target, written

CASES = {
    "networks-ports": {"NP001", "NP002", "NP003"},
    "networks-waypoint": {"NP001", "NP003"},
    "networks-cilium": {"NP005", "NP006"},
    "networks-calico": {"NP007"},
    "openings": {"WL002", "WL020", "CT001"},
    "networks-optouts": {"WL003", "WL010"},
    "networks-mutual-tls@1.24.6": {"DR003"},
    "enroll-injection": {"NS002", "WL004", "WL005"},
    "retire-sidecars": {"SC001", "WL002"},
    "egress-tls": {"DR004"},
    "egress-callers": {"DR004"},
}
UNJUDGED = {"egress-callers"}  # findings about its whole mesh hold its namespaces


def findings(root: Path, case: Path) -> dict[str, Severity]:
    reading = read_files([str(root)], target(case))
    return {each.rule: each.severity for each in analyse(reading.meshes)}


@pytest.mark.parametrize("name", CASES)
def test_the_findings_are_gone(name: str, tmp_path: Path) -> None:
    case = FOLDER / name
    before = findings(case / "input", case)
    written(
        case / "input", tmp_path / "out", target(case), Choice(settings=agreed(case)), nothing if name in UNJUDGED else analyse
    )
    now = findings(tmp_path / "out", case)
    assert CASES[name] & before.keys()
    assert not CASES[name] & now.keys()
    grave = {rule for rule, severity in now.items() if severity >= Severity.error}
    assert grave <= before.keys() - CASES[name]
