"""A real browser for the tests of pages: Chromium of the distribution, driven by Playwright; a skip where either is missing."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests import pages

if TYPE_CHECKING:
    from playwright.sync_api import Browser

REQUIRED = "AMBIMIGRATE_BROWSER_TESTS"  # set to `required` where they must not be skipped
NAMES = ("chromium", "chromium-browser", "google-chrome-stable", "google-chrome")


def _missing() -> str:
    try:
        import playwright.sync_api  # noqa: F401
    except ImportError:
        return "Playwright is not installed"
    return "" if _executable() else f"none of {', '.join(NAMES)} is on PATH"


def _executable() -> str | None:
    return next((found for name in NAMES if (found := shutil.which(name))), None)


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """One browser for all tests; its own download of browsers is not used."""
    if why := _missing():
        if os.environ.get(REQUIRED) == "required":
            pytest.fail(f"the tests in a browser were skipped although they are required: {why}")
        pytest.skip(f"no browser: {why}")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        # Chromium refuses its sandbox to root, as whom containers often run; it only sees pages that these tests made.
        launched = playwright.chromium.launch(executable_path=_executable(), args=["--no-sandbox"])
        yield launched
        launched.close()


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Says what was not tested, in a line of its own."""
    skipped = [each for each in terminalreporter.getreports("skipped") if "tests/browser/" in each.nodeid]
    if skipped:
        reasons = {str(each.longrepr[2]) if isinstance(each.longrepr, tuple) else "" for each in skipped}
        terminalreporter.write_line(f"{len(skipped)} tests in a browser were skipped: {'; '.join(sorted(reasons))}")


@pytest.fixture(scope="session")
def files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The pages that are looked at, by name."""
    folder = tmp_path_factory.mktemp("pages")
    odd, many = folder / "hostile", folder / "large"
    odd.mkdir()
    many.mkdir()
    hostile, large = pages.hostile(odd), pages.large(many, 1000)
    made = {
        "scan": pages.scan_page(pages.demo()),
        "plan": pages.plan_page(pages.demo(), pages.demo_plan()),
        "hostile": pages.plan_page(hostile, pages.hostile_plan()),
        "large": pages.plan_page(large, pages.demo_plan()),
    }
    for name, text in made.items():
        (folder / f"{name}.html").write_text(text, encoding="utf-8")
    return {name: folder / f"{name}.html" for name in made}
