"""Pages run in this process: the hub that they start ends with the module's tests."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache

import pytest
from streamlit.components.v2 import manifest_scanner

from offrl_live.serving.hub import close_hub


@pytest.fixture(scope="session", autouse=True)
def _packages_are_searched_once() -> Iterator[None]:
    """Each session of Streamlit's `AppTest` reads what every installed package says of itself, a fifth of a second."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(manifest_scanner, "scan_component_manifests", cache(manifest_scanner.scan_component_manifests))
        yield


@pytest.fixture(scope="module", autouse=True)
def _hub_ends() -> Iterator[None]:
    yield
    close_hub()
