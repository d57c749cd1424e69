"""Experiments on a cluster of Dask, which here are two processes on the loopback."""

from __future__ import annotations

import os
import signal
import socket
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from distributed import Client, LocalCluster
from pandas.testing import assert_frame_equal

import offrl_core as orl
from offrl_core.experiments import Design, ExperimentError, Store, run
from offrl_core.experiments.choices import of_dataset
from offrl_core.experiments.cluster import cluster_executor
from tests.core.experiment_cases import SMALL, done, small


@pytest.fixture(scope="module")
def cluster() -> Iterator[LocalCluster]:
    """Two workers, each a process; without a dashboard, whose port others may have."""
    with LocalCluster(
        n_workers=2,
        threads_per_worker=1,
        processes=True,
        host="127.0.0.1",
        dashboard_address=None,
        worker_dashboard_address=None,
        silence_logs=50,
    ) as running:
        yield running


def sorted_frame(results: Any) -> Any:
    return results.frame.sort_values(["run", "step"]).reset_index(drop=True)


def test_a_cluster_computes_the_same_and_merges_nothing(cluster: LocalCluster, tmp_path: Path):
    here = done(small(seeds=[0, 3, 5]), tmp_path / "here")
    there = run(small(seeds=[0, 3, 5]), Store(tmp_path / "there"), cluster_executor(cluster.scheduler_address))
    assert_frame_equal(sorted_frame(there), sorted_frame(here), check_exact=True)


def test_own_data_reaches_its_workers(cluster: LocalCluster, tmp_path: Path):
    choice, own = of_dataset(orl.load_dataset("double-crossing").without_episodes([0]))
    made = Design.from_json({**SMALL, "datasets": [choice.to_json()], "axes": {"batch_size": [4, 8]}}, own)
    with Client(cluster, set_as_default=False) as client:
        frame = run(made, Store(tmp_path), client.get_executor()).frame
    assert frame["failed"].eq("").all()
    assert frame["run"].nunique() == made.runs


def test_a_worker_that_is_killed_harms_no_job(cluster: LocalCluster, tmp_path: Path):
    made = small(algorithms=["bcq"], axes={"batch_size": [4, 8, 16, 32]}, steps=1000, evaluate=[1000])
    with Client(cluster, set_as_default=False) as client:
        killed = []

        def kill() -> None:
            time.sleep(0.3)
            (pid, *_) = client.run(os.getpid).values()
            os.kill(pid, signal.SIGKILL)
            killed.append(pid)

        thread = threading.Thread(target=kill)
        thread.start()
        results = run(made, Store(tmp_path), client.get_executor())
        thread.join()
    assert len(killed) == 1
    frame = results.frame
    assert frame["failed"].eq("").all()
    assert len(frame) == frame["run"].nunique() == made.runs  # all of them, and none twice


def test_a_scheduler_that_has_gone_is_said(cluster: LocalCluster, tmp_path: Path):
    executor = cluster_executor(cluster.scheduler_address)
    assert cluster_executor(cluster.scheduler_address)._client is executor._client  # experiments share a connection

    def progress(now: Any) -> None:
        if now.jobs_done:
            executor._client.close()  # what a client does that finds its scheduler no more

    with pytest.raises(ExperimentError, match="run it again"):
        run(small(axes={"batch_size": [4, 8, 16]}), Store(tmp_path), executor, progress)
    assert len(list(tmp_path.glob("*.parquet"))) >= 1  # what was done before is kept
    assert cluster_executor(cluster.scheduler_address)._client.status == "running"  # the next one connects anew


def test_an_unreachable_cluster_is_said_quickly():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # nobody listens there
        before = time.monotonic()
        with pytest.raises(ExperimentError, match=r"no cluster answers at tcp://127\.0\.0\.1:\d+ within 1 seconds"):
            cluster_executor(f"tcp://127.0.0.1:{taken.getsockname()[1]}", seconds=1)
        assert time.monotonic() - before < 15


@pytest.mark.parametrize("address", ["", "127.0.0.1:8786", "http://host:8786", "tcp://host", "tcp://host:8786/x"])
def test_what_is_no_address_is_refused(address: str):
    with pytest.raises(ExperimentError, match="tcp://host:8786"):
        cluster_executor(address)


def test_without_the_package_it_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(sys.modules, "distributed", None)
    with pytest.raises(ExperimentError, match=r'pip install -e "\.\[cluster\]"'):
        cluster_executor("tcp://127.0.0.1:8786")
