"""Experiments: how long tables and networks take, what a job costs beside its training, live runs beside, a cluster.

    python benchmarks/experiments.py [tables] [mlp] [live] [overhead] [frame] [cluster] [--share 1.0] [--port 8651]

Every figure stands beside its target; prints a table in Markdown and ends with 1 if one is missed. `--share 0.1` trains
a tenth of the updates, for a look; the times of `tables` are then scaled up, and say so.
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from concurrent.futures import Executor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

for variable in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[variable] = "1"

import numpy as np  # noqa: E402

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

import offrl_core as orl  # noqa: E402
from benchmarks.figures import Row, command  # noqa: E402
from benchmarks.live import BUSY, serving, watched  # noqa: E402
from benchmarks.training import compete  # noqa: E402
from offrl_core.experiments import Design, Results, Store, run  # noqa: E402
from offrl_core.experiments.pool import LocalPool  # noqa: E402

WORLDS = ("double-crossing", "single-crossing", "four-rooms", "cliff", "bridge", "frozen-lake")
ALGORITHMS = tuple(orl.algorithms())


def timed(design: Design, executor: Executor | None = None) -> tuple[float, Results]:
    """Seconds of a fresh run of a design, and its results."""
    store = Store(tempfile.mkdtemp(prefix="offrl-experiment-"))
    began = time.perf_counter()
    results = run(design, store, executor)
    return time.perf_counter() - began, results


@contextmanager
def dask(workers: int) -> Iterator[Any]:
    """The client of a cluster of so many processes on this machine, while it is there."""
    from distributed import Client, LocalCluster

    with (
        LocalCluster(
            n_workers=workers, threads_per_worker=1, host="127.0.0.1", dashboard_address=None, silence_logs=50
        ) as running,
        Client(running, set_as_default=False) as client,
    ):
        yield client


def tables(share: float) -> Iterator[Row]:
    """Fourteen algorithms on six worlds with twenty seeds each, 2 000 updates."""
    steps = max(1, round(2000 * share))
    design = Design.from_json(
        {"datasets": list(WORLDS), "algorithms": list(ALGORITHMS), "seeds": 20, "steps": steps, "evaluate": 5}
    )
    seconds, results = timed(design)
    assert results.frame["failed"].eq("").all()
    whole = seconds / share
    how = "" if share == 1 else f" (from {share:.0%} of the updates)"
    figure = f"tables: {len(ALGORITHMS)} algorithms × {len(WORLDS)} worlds × 20 seeds × 2 000 updates{how}"
    yield figure, f"{whole:.0f} s", "180 s", whole <= 180


def mlp(share: float) -> Iterator[Row]:
    """Eight settings of CQL with ten seeds each on both cores, against a plain loop in PyTorch, one after another."""
    data = orl.load_dataset("cartpole")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "rows.npz"
        np.savez(
            path,
            observations=data.observations,
            next_observations=data.next_observations,
            actions=data.actions,
            rewards=data.rewards,
            terminations=data.terminations,
            n_actions=data.n_actions,
        )
        order = {"data": str(path), "system": "cql"}
        plain = compete({"torch": (sys.executable, "plain_torch.py", order)}, 4, 3.0 * max(share, 0.2))["torch"]
    design = Design.from_json(
        {
            "datasets": ["cartpole"],
            "algorithms": [{"name": "cql", "approximator": "mlp", "hyperparameters": {"batch_size": 256}}],
            "axes": {"alpha": [0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 20.0]},
            "seeds": 10,
            "steps": max(1, round(5000 * share)),
            "evaluate": [round(5000 * share)],
        }
    )
    seconds, results = timed(design)
    assert results.frame["failed"].eq("").all()
    ours = design.updates / seconds
    figure = "MLP 64-64: 8 settings × 10 seeds of CQL, updates a second with everything, against a loop in PyTorch"
    yield figure, f"{ours:,.0f} / {plain:,.0f} = {ours / plain:.1f}×", "6×", ours / plain >= 6


def live(seconds: float, port: int) -> Iterator[Row]:
    """A watched run with nothing beside it, and beside an experiment that would take every core."""

    design = Design.from_json(
        {
            "datasets": ["double-crossing"],
            "algorithms": [{"name": "cql", "approximator": "mlp"}],
            "axes": {"batch_size": [64, 128, 256, 512]},
            "seeds": 8,
            "steps": 1_000_000,
            "evaluate": [1_000_000],
        }
    )
    for name in ("grid", "grid, mlp"):
        with serving(port, 1) as server:
            alone, _ = asyncio.run(watched(server, server.open(BUSY[name]), 4.0, seconds))
            stop = threading.Event()
            store = Store(tempfile.mkdtemp(prefix="offrl-experiment-"))
            beside = threading.Thread(target=run, args=(design, store), kwargs={"stop": stop})
            beside.start()
            try:
                both, frames = asyncio.run(watched(server, server.open(BUSY[name]), 4.0, seconds))
            finally:
                stop.set()
                beside.join()
        share = both / alone
        yield (
            f"{name}: updates a second of a live run, beside an experiment / alone",
            f"{both:,.0f} / {alone:,.0f} = {share:.0%}",
            "80 %",
            share >= 0.8,
        )
        yield f"{name}: frames a second beside an experiment", f"{frames:.1f}", "10", frames >= 9.5


def _small_jobs(count: int, seeds: int = 4) -> Design:
    """Jobs of one update each."""
    return Design.from_json(
        {
            "datasets": ["double-crossing"],
            "algorithms": ["bc"],
            "axes": {"batch_size": list(range(1, count + 1))},
            "seeds": seeds,
            "steps": 1,
            "evaluate": [1],
        }
    )


def _overhead(executor: Executor, count: int) -> float:
    """Seconds of a job beyond its training, one after another."""
    timed(_small_jobs(2, seeds=1), executor)  # what is started, imported and loaded once
    spent = []
    original = Store.put

    def put(self: Store, job: Any, done: Any) -> None:
        spent.append(done.training)
        original(self, job, done)

    Store.put = put  # type: ignore[method-assign]
    try:
        seconds, results = timed(_small_jobs(count), executor)
    finally:
        Store.put = original  # type: ignore[method-assign]
    assert results.frame["run"].nunique() == 4 * count
    return (seconds - sum(spent)) / count


def overhead(count: int) -> Iterator[Row]:
    """What a job costs beyond its training: planning, sending, keeping. One worker, so that nothing is side by side."""
    with LocalPool(1) as pool:
        found = _overhead(pool, count)
    yield "a job beyond its training, worker process", f"{found * 1000:.1f} ms", "30 ms", found <= 0.03
    with dask(1) as client:
        found = _overhead(client.get_executor(), count)
    yield "a job beyond its training, local Dask cluster", f"{found * 1000:.1f} ms", "100 ms", found <= 0.1


def frame(rows: int) -> Iterator[Row]:
    """So many results: the table from its files, and every picture of them, drawn for the first time and as text.

    Seconds of one core, so that it says the same on a machine that does other things beside. What the page imports
    behind its first picture is imported behind it here, too.
    """
    from offrl_core.experiments import statistics
    from offrl_ui.experiments.pictures import PICTURES, plane_of
    from offrl_ui.experiments.prepared import Prepared
    from offrl_ui.shared import theme

    theme.dark = lambda: False
    steps, seeds = 4, 10
    values = -(-rows // ((steps + 1) * seeds * 2 * 3))  # cloning knows no discount
    design = Design.from_json(
        {
            "datasets": ["two-actions", "double-crossing"],
            "algorithms": ["bc", "iql", "bcq", "cql"],
            "axes": {"gamma": np.linspace(0.5, 0.9, values).tolist()},
            "seeds": seeds,
            "steps": steps,
            "evaluate": list(range(steps + 1)),
        }
    )
    _, results = timed(design)
    again = Results(Design.from_json(design.to_json()), Store(results.store.folder))
    began = time.process_time()
    table = again.frame
    first = time.process_time() - began
    for name, picture in PICTURES.items():
        began = time.process_time()
        prepared = Prepared(table, design.columns)
        if lacking := picture.lacks(prepared):
            raise SystemExit(f"{name}: {lacking}")
        picture.draw(prepared, *(plane_of(prepared)[:2] if picture.plane else ())).to_json()
        spent = time.process_time() - began
        if name == "scores":
            opened = first + spent
            yield (
                f"{len(table):,} results: the table from its files and the first picture",
                f"{opened:.2f} s",
                "2 s",
                (opened <= 2),
            )
            statistics.load_libraries()
        yield f"{len(table):,} results: {picture.title}", f"{spent:.2f} s", "0.3 s", spent <= 0.3


def cluster(seconds: float) -> Iterator[Row]:
    """Four workers of a local Dask cluster, of which one is killed every 20 seconds, for two minutes."""
    design = Design.from_json(
        {
            "datasets": ["cartpole"],
            "algorithms": [{"name": "cql", "approximator": "mlp"}],
            "axes": {"batch_size": list(range(64, 352, 8))},  # a choice that parts jobs: 36 short ones
            "seeds": 8,
            "steps": round(30 * seconds),
            "evaluate": [round(30 * seconds)],
        }
    )
    with dask(4) as client:
        over = threading.Event()
        killed: list[int] = []

        def kill() -> None:
            last = time.monotonic() + seconds
            while not over.wait(20.0) and time.monotonic() <= last + 1:
                pids = list(client.run(os.getpid).values())
                if pids:  # all of them may be starting anew
                    killed.append(pids[len(killed) % len(pids)])
                    os.kill(killed[-1], signal.SIGKILL)

        thread = threading.Thread(target=kill)
        thread.start()
        spent, results = timed(design, client.get_executor())
        over.set()
        thread.join()
    table = results.frame
    lost = design.runs - int((table["failed"] == "").sum())
    twice = len(table) - table["run"].nunique()
    yield (
        f"4 Dask workers, {len(killed)} killed in {spent:.0f} s: models of {design.runs} lost, and counted twice",
        f"{lost}, {twice}",
        "0, 0",
        lost == twice == 0,
    )


def main() -> int:
    """Measure what was asked for."""
    parts = {
        "tables": lambda given: tables(given.share),
        "mlp": lambda given: mlp(given.share),
        "live": lambda given: live(10.0 * given.share, given.port),
        "overhead": lambda given: overhead(max(5, round(40 * given.share))),
        "frame": lambda given: frame(10_000),
        "cluster": lambda given: cluster(120.0 * given.share),
    }
    return command(__doc__, parts, share=1.0, port=8651)


if __name__ == "__main__":
    sys.exit(main())
