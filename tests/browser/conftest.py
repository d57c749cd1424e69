"""Fixtures of the browser tests: the stage on a page of its own, and tabs that the tests of a process share."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator
from contextlib import AbstractContextManager, contextmanager

import pytest
from playwright.sync_api import Browser, Page

from tests.browser.stage_host import Host, start
from tests.browser.waiting import HEARING
from tests.conftest import PATIENCE, uncaught

Lend = Callable[[str, pytest.FixtureRequest], AbstractContextManager[Page]]
FAILED = pytest.StashKey[bool]()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    item.stash[FAILED] = item.stash.get(FAILED, False) or report.failed
    return report


@pytest.fixture(scope="session")
def host() -> Iterator[Host]:
    """A server for the stage alone, with a hub and one worker."""
    running, stop = start()
    yield running
    stop()


@pytest.fixture(scope="session")
def _lend(browser: Browser) -> Iterator[Lend]:
    """Lends tabs by name: each as the test before has left it, or a new one where that test has failed."""
    context = browser.new_context(viewport={"width": 1440, "height": 900})
    context.add_init_script(HEARING)
    tabs: dict[str, tuple[Page, list[str]]] = {}

    @contextmanager
    def lend(name: str, request: pytest.FixtureRequest) -> Iterator[Page]:
        if name not in tabs:
            page = context.new_page()
            page.set_default_timeout(PATIENCE)
            tabs[name] = page, uncaught(page)
        page, errors = tabs[name]
        page.bring_to_front()  # one that lies behind another is drawn once a second
        page.set_viewport_size({"width": 1440, "height": 900})
        errors.clear()
        yield page
        if errors or request.node.stash.get(FAILED, False):
            del tabs[name]
            page.close()
        assert not errors, f"uncaught errors on the page: {errors}"

    yield lend
    context.close()


@pytest.fixture
def tab(_lend: Lend, request: pytest.FixtureRequest) -> Iterator[Page]:
    """A tab for the app, at 1440 × 900 pixels, shared by the tests of a process and left as the test before left it.

    For tests that open a link (`waiting.visit`) and look, or move controls: loading the page takes longer than all they
    do. The test fails if the page threw an error that nobody caught.
    """
    with _lend("app", request) as lent:
        yield lent


@pytest.fixture
def bench(_lend: Lend, host: Host, request: pytest.FixtureRequest) -> Iterator[Page]:
    """As `tab`, for the stage on a page of its own (`Host.show`). The test's runs end with it."""
    with _lend("stage", request) as lent:
        yield lent
    for run_id in list(host.hub.runs):
        host.hub.drop(run_id)
