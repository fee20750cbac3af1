"""What all tests share: golden files and the folder of fixtures."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

FIXTURES = Path(__file__).parent.parent / "fixtures"
BUILT = Path(__file__).parent.parent / "build" / "bin"  # what `make bin` builds: kustomize and helm
os.environ["PATH"] = f"{BUILT}{os.pathsep}{os.environ.get('PATH', '')}"


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--update", action="store_true", help="rewrite the expected files; `git diff fixtures/` is the review")


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Says what was not tested, in a line of its own."""
    skipped = [each for each in terminalreporter.getreports("skipped") if "tests/live/" in each.nodeid]
    if skipped:
        reasons = {str(each.longrepr[2]) if isinstance(each.longrepr, tuple) else "" for each in skipped}
        terminalreporter.write_line(f"{len(skipped)} tests on a real API server were skipped: {'; '.join(sorted(reasons))}")


@pytest.fixture
def golden(request: pytest.FixtureRequest) -> Callable[[Path, str], None]:
    """Compares a text with the file that holds what is expected."""

    def compare(path: Path, got: str) -> None:
        if request.config.getoption("--update"):
            path.write_text(got, encoding="utf-8")
        assert got == (path.read_text(encoding="utf-8") if path.exists() else ""), f"{path}; --update rewrites it"

    return compare
