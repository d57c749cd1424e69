"""A hub with real worker processes."""

from collections.abc import Iterator

import pytest

from offrl_live.runs.live_runs import Limits
from offrl_live.serving.hub import Hub
from tests.live.watching import until


@pytest.fixture(scope="module")
def shared_hub() -> Iterator[Hub]:
    """One hub for the tests of a file; a test that kills workers starts one of its own."""
    running = Hub(Limits(workers=1)).start()
    until(lambda: all(worker.ready for worker in running.scheduler.workers))
    yield running
    running.close()


@pytest.fixture
def hub(shared_hub: Hub) -> Iterator[Hub]:
    """The file's hub, without runs."""
    yield shared_hub
    for run_id in list(shared_hub.runs):
        shared_hub.drop(run_id)
