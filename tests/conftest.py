"""Fixtures shared by all rooms' tests."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import sync_playwright

from tests import need


@pytest.hookimpl(tryfirst=True)  # xdist reads the marks in the same hook
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """A file's tests run in one process, for they share fixtures; those of the fault suite by platform."""
    for item in items:
        file = item.nodeid.partition("::")[0]
        case = getattr(item, "callspec", None)
        alone = case.params.get("platform", "") if case and item.path.name == "test_faults.py" else ""
        item.add_marker(pytest.mark.xdist_group(f"{file} {alone}".strip()))


@pytest.fixture(scope="module")
def chromium() -> Iterator[Any]:
    """A real headless Chromium, driven by playwright; pages are opened with `chromium.new_context(...)`.

    Per module: playwright keeps an event loop in this thread, which the `asyncio.run` of others refuses.
    """
    path = need.program("chromium", "chromium")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=path,
            args=["--no-sandbox", "--disable-gpu", "--disable-quic", "--disable-background-networking"],
        )
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def recordings() -> Path:
    """The outside SNMP recordings; tests that read them skip where they are absent."""
    default = Path(__file__).parents[2] / "shared" / "data" / "recordings"
    path = Path(os.environ.get("PLAZA_RECORDINGS", str(default)))
    if not path.is_dir():
        pytest.skip(f"no recordings in {path}: set PLAZA_RECORDINGS")
    return path
