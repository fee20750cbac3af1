"""What is found does not depend on the names of files, hence not on the order in which objects are read."""

from __future__ import annotations

import random
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from ambimigrate.analyse import analyse
from ambimigrate.decode import Decoder
from ambimigrate.layout import lay_out
from ambimigrate.model import Finding, Target
from ambimigrate.verdicts import standings
from ambimigrate.versions import NEWEST, NEWEST_GATEWAY_API
from ambimigrate.yamlio import documents
from tests.conftest import FIXTURES

TREES = [FIXTURES / "repos" / "shop", *sorted(path for path in (FIXTURES / "rules").glob("*") if path.is_dir())]


def texts(folder: Path) -> list[str]:
    files = (path.read_text(encoding="utf-8") for path in sorted(folder.rglob("*.yaml")))
    return [document.text for text in files for document in documents("", text)]


def found(manifests: Sequence[str]) -> tuple[Any, ...]:
    """Findings without the place in a file, their fingerprints, and where namespaces stand; each document in a file of its own.

    Findings of objects that stand twice tell their fingerprints apart by file order, so those are compared on their own.
    """
    names = [f"{number:04}.yaml" for number in range(len(manifests))]
    decoder = Decoder(lay_out(names, ()))
    for name, text in zip(names, manifests, strict=True):
        decoder.add(name, text)
    meshes = decoder.reading(Target(NEWEST, NEWEST_GATEWAY_API)).meshes
    findings = analyse(meshes)
    return sorted(map(shown, findings)), sorted(each.fingerprint for each in findings), standings(meshes, findings)


def shown(finding: Finding) -> tuple[Any, ...]:
    hit = finding.hit
    route = tuple(map(str, hit.position.route))
    return finding.rule, hit.case, finding.ref, route, hit.message, hit.services


def _is_one_mesh(path: Path) -> bool:
    """Whether the names of folders do not tell objects of several clusters apart."""
    return path.is_dir() and not (path / "clusters").exists()


@pytest.mark.parametrize("tree", TREES, ids=lambda path: path.name)
def test_findings_do_not_depend_on_the_names_of_files(tree: Path) -> None:
    cases = [tree] if tree.parent.name == "repos" else [path for path in sorted(tree.iterdir()) if _is_one_mesh(path)]
    for case in cases:
        manifests = texts(case)
        once = found(manifests)
        assert found(manifests[::-1]) == once
        assert found(random.Random(1).sample(manifests, len(manifests))) == once
