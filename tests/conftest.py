"""Shared fixtures: the app on a real server, and a real Chromium looking at it."""

from __future__ import annotations

import gc
import os
import shutil
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, Playwright, expect, sync_playwright

from offrl_core import algos
from offrl_core.data import catalogue
from offrl_core.learning import metric_catalogue
from tests import hypothesis_profiles as hypothesis_profiles
from tests.serving import Server, start_server, stop_server

# What tests start has one worker for training, and loads what they ask for: most of them ask for little.
os.environ |= {"OFFRL_WORKERS": "1", "OFFRL_WARM_UP": "0"}
# There is a process of tests for each core: a second thread of one would only be in another's way.
os.environ |= {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}
# Each process of tests, and each of the many that they start, would compile everything anew.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
sys.dont_write_bytecode = False

# Milliseconds until a test gives up on the page: generous, since checks may share a machine with other work.
PATIENCE = 45_000
expect.set_options(timeout=PATIENCE)


@pytest.fixture(scope="module", autouse=True)
def _registered_by_one_file_of_tests() -> Iterator[None]:
    """What a file of tests registers is there for its own tests only."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(algos, "_added", dict(algos._added))
        patch.setattr(metric_catalogue, "_added", dict(metric_catalogue._added))
        patch.setattr(catalogue, "CATALOGUE", dict(catalogue.CATALOGUE))
        yield


LEFT_OUT = pytest.StashKey[list[str]]()


def pytest_configure(config: pytest.Config) -> None:
    config.stash[LEFT_OUT] = []


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers() -> int:
    """As many processes as there are cores, but no more than four: each that meets a browser test starts a server."""
    return min(os.cpu_count() or 1, 4)


def pytest_collection_modifyitems(items: list[pytest.Function]) -> None:
    """Mark what needs a browser. The longest files go first, so that the processes end at the same time."""
    for item in items:
        if "browser" in item.fixturenames:
            item.add_marker(pytest.mark.browser)
    early = ("tests/browser/", "tests/test_", "tests/web/")
    items.sort(key=lambda item: not item.nodeid.startswith(early))


def pytest_collection_finish() -> None:
    """What is there now stays to the end: the garbage collector need not go through it again and again."""
    gc.collect()
    gc.freeze()


def pytest_deselected(items: list[pytest.Item]) -> None:
    for item in items:
        item.config.stash[LEFT_OUT].append(item.location[0])


def pytest_sessionfinish(session: pytest.Session) -> None:
    output = getattr(session.config, "workeroutput", None)
    if output is not None:
        output["left_out"] = session.config.stash[LEFT_OUT]


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:
    """Every process collects all tests, so what one of them left out was left out by all."""
    left_out = getattr(node, "workeroutput", {}).get("left_out")
    if left_out is not None:
        node.config.stash[LEFT_OUT] = left_out


def pytest_terminal_summary(terminalreporter: Any, config: pytest.Config) -> None:
    """Say what a run left out: nothing is missing from a green run without a word."""
    counts = Counter(config.stash[LEFT_OUT])
    if counts:
        terminalreporter.section("left out")
        for name, count in sorted(counts.items()):
            terminalreporter.line(f"{name}: {count} tests")
        chosen = config.option.markexpr != "not slow" or config.option.keyword or config.option.deselect
        if not chosen:
            terminalreporter.line('These are marked slow; pytest -m "slow or not slow" runs everything.')


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
    launched = playwright.chromium.launch(
        executable_path=own, args=["--no-sandbox", "--disable-dev-shm-usage", "--disable-gpu"]
    )
    yield launched
    launched.close()


def uncaught(page: Page) -> list[str]:
    """The errors of a page that nobody caught, as they come."""
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(f"{error}\n{error.stack}"))
    return errors


@pytest.fixture(scope="session")
def context(browser: Browser) -> Iterator[BrowserContext]:
    """A browser profile of 1440 × 900 pixels, shared by all tests: what one has loaded is cached for the next."""
    opened = browser.new_context(viewport={"width": 1440, "height": 900})
    yield opened
    opened.close()


@pytest.fixture
def page(context: BrowserContext) -> Iterator[Page]:
    """One tab, that of a first visit. The test fails if the page threw an error that nobody caught."""
    opened = context.new_page()
    errors = uncaught(opened)
    opened.set_default_timeout(PATIENCE)
    yield opened
    # The next visitor is somebody else: what pages keep goes, and cookies.
    if not opened.is_closed() and opened.url.startswith("http"):
        opened.evaluate("localStorage.clear()")
    for left in context.pages:
        left.close()
    context.clear_cookies()
    assert not errors, f"uncaught errors on the page: {errors}"
