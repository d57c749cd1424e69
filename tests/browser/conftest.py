"""Fixtures of the browser tests: the stage on a page of its own."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.browser.stage_host import Host, start


@pytest.fixture(scope="session")
def host() -> Iterator[Host]:
    """A server for the stage alone, with a hub and one worker."""
    running, stop = start()
    yield running
    stop()
