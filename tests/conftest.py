"""Shared fixtures: the app on a real server, and a real Chromium looking at it."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, Playwright, expect, sync_playwright

from tests.serving import Server, start_server, stop_server

# Milliseconds until a test gives up on the page: generous, since checks may share a machine with other work.
PATIENCE = 45_000
expect.set_options(timeout=PATIENCE)


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """The app on 127.0.0.1, shared by the tests of a session."""
    running = start_server(tmp_path_factory.mktemp("server") / "server.log")
    yield running
    stop_server(running)


@pytest.fixture(scope="session")
def playwright() -> Iterator[Playwright]:
    """Playwright itself."""
    with sync_playwright() as started:
        yield started


@pytest.fixture(scope="session")
def browser(playwright: Playwright) -> Iterator[Browser]:
    """A headless Chromium: the machine's own, else Playwright's, which is fetched where it is missing.

    Without one the tests fail: they are never skipped.
    """
    names = ("chromium", "chromium-browser", "google-chrome")
    own = next((path for name in names if (path := shutil.which(name))), None)
    if own is None and not Path(playwright.chromium.executable_path).exists():
        fetched = subprocess.run([sys.executable, "-m", "playwright", "install", "chromium"], check=False)
        assert fetched.returncode == 0, "no Chromium here, and none could be fetched: install your system's package"
    launched = playwright.chromium.launch(executable_path=own, args=["--no-sandbox", "--disable-dev-shm-usage"])
    yield launched
    launched.close()


@pytest.fixture
def context(browser: Browser) -> Iterator[BrowserContext]:
    """A fresh browser profile of 1440 × 900 pixels."""
    opened = browser.new_context(viewport={"width": 1440, "height": 900})
    yield opened
    opened.close()


@pytest.fixture
def page(context: BrowserContext) -> Iterator[Page]:
    """One tab. The test fails if the page threw an error that nobody caught."""
    opened = context.new_page()
    errors: list[str] = []
    opened.on("pageerror", lambda error: errors.append(f"{error}\n{error.stack}"))
    opened.set_default_timeout(PATIENCE)
    yield opened
    opened.close()
    assert not errors, f"uncaught errors on the page: {errors}"
