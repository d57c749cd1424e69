"""Pages run in this process: the hub that they start ends with the module's tests."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from offrl_live.serving.hub import close_hub


@pytest.fixture(scope="module", autouse=True)
def _hub_ends() -> Iterator[None]:
    yield
    close_hub()
