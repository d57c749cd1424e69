"""Fixtures of the browser tests: the stage on a page of its own, and a tab that the tests of a file share."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page

from tests.browser.stage_host import Host, start
from tests.conftest import PATIENCE


@pytest.fixture(scope="session")
def host() -> Iterator[Host]:
    """A server for the stage alone, with a hub and one worker."""
    running, stop = start()
    yield running
    stop()


@pytest.fixture(scope="module")
def _shared(browser: Browser) -> Iterator[tuple[Page, list[str]]]:
    context = browser.new_context(viewport={"width": 1440, "height": 900})
    opened = context.new_page()
    errors: list[str] = []
    opened.on("pageerror", lambda error: errors.append(f"{error}\n{error.stack}"))
    opened.set_default_timeout(PATIENCE)
    yield opened, errors
    context.close()


@pytest.fixture
def tab(_shared: tuple[Page, list[str]]) -> Iterator[Page]:
    """A tab that the tests of a file share, as the test before has left it, at 1440 × 900 pixels again.

    For tests that open a link and look, or move controls: loading the page takes longer than all they do. The test
    fails if the page threw an error that nobody caught.
    """
    opened, errors = _shared
    opened.set_viewport_size({"width": 1440, "height": 900})
    errors.clear()
    yield opened
    assert not errors, f"uncaught errors on the page: {errors}"
