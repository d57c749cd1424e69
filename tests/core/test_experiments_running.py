"""Running experiments: what is there is not computed again, whatever happened to the one who computed it."""

from __future__ import annotations

import os
import pickle
import shutil
import signal
import subprocess
import sys
import threading
import time
from concurrent.futures import Future, ProcessPoolExecutor, ThreadPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from pandas.testing import assert_frame_equal
from pyarrow import parquet

import offrl_core as orl
from offrl_core.experiments import Design, ExperimentError, InThisProcess, Results, Store, run
from offrl_core.experiments.carrying import Lacking
from offrl_core.experiments.choices import of_dataset
from offrl_core.experiments.pool import LocalPool, WorkerEnded
from offrl_core.experiments.working import Done, do
from tests.core.experiment_cases import SMALL, Counting, done, small

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Results:
    """The small experiment, uninterrupted."""
    return done(small(), tmp_path_factory.mktemp("whole"))


def same(one: Results, other: Results) -> None:
    order = ["run", "step"]
    frames = [results.frame.sort_values(order).reset_index(drop=True) for results in (one, other)]
    assert_frame_equal(frames[0], frames[1][frames[0].columns], check_exact=True)


# what is there is not computed again


def test_it_is_resumed_wherever_it_was_interrupted(whole: Results, tmp_path: Path):
    store = Store(tmp_path)
    with pytest.raises(KeyboardInterrupt):
        run(small(), store, Counting(most=1))
    assert len(Results(small(), store).frame) == 4 * 3  # BCQ's four runs
    second = Counting()
    same(run(small(), Store(tmp_path), second), whole)
    assert [job.algorithm for job in second.jobs] == ["bc"]
    third = Counting()
    run(small(), store, third)
    assert third.jobs == []


def test_experiments_share_what_they_have_in_common(whole: Results, tmp_path: Path):
    store = Store(tmp_path)
    run(small(axes={"rho": [0.6]}, seeds=[3]), store, InThisProcess())
    counting = Counting()
    same(run(small(), store, counting), whole)
    bcq = [job for job in counting.jobs if job.algorithm == "bcq"]
    trained = [(point["rho"], seed) for job in bcq for point in job.points for seed in job.seeds]
    assert sorted(trained) == [(0.1, 0), (0.1, 3), (0.6, 0)]


def test_a_killed_process_leaves_what_it_had_done(whole: Results, tmp_path: Path):
    code = f"""
import os
from pathlib import Path
from offrl_core.experiments import Store, run
from tests.core.experiment_cases import Counting, small
class Killed(Counting):
    def submit(self, fn, /, *args, **kwargs):
        if self.jobs:
            os.kill(os.getpid(), 9)
        return super().submit(fn, *args, **kwargs)
run(small(), Store({str(tmp_path)!r}), Killed())
"""
    ended = subprocess.run([sys.executable, "-c", code], cwd=ROOT, env={**os.environ, "PYTHONPATH": str(ROOT)})
    assert ended.returncode == -signal.SIGKILL
    counting = Counting()
    same(run(small(), Store(tmp_path), counting), whole)
    assert len(counting.jobs) == 1


def test_it_stops_when_it_is_told_to_and_goes_on_later(whole: Results, tmp_path: Path):
    stop = threading.Event()
    told: list[Any] = []

    def progress(now: Any) -> None:
        told.append(now)
        if now.jobs_done == 1:
            stop.set()

    stopped = run(small(), Store(tmp_path), InThisProcess(), progress, stop)
    assert stopped.frame["run"].nunique() == 4
    assert [now.jobs_done for now in told] == [0, 1]
    assert (told[0].seconds_left, told[1].updates_done, told[1].updates) == (None, 4 * 12, 6 * 12)
    assert told[1].seconds_left > 0
    same(run(small(), Store(tmp_path), InThisProcess()), whole)


def test_other_numbers_have_other_keys(monkeypatch: pytest.MonkeyPatch):
    before = {run.key for job in small().jobs for run in job.runs}
    monkeypatch.setattr("offrl_core.experiments.job.NUMERICS", 0)
    assert not before & {run.key for job in small().jobs for run in job.runs}
    judged = set(small(estimates=["fqe"]).run_of)
    monkeypatch.setattr("offrl_core.experiments.job.ESTIMATE_NUMERICS", 0)
    assert not judged & set(small(estimates=["fqe"]).run_of)


# files


def test_of_a_damaged_file_the_good_rows_stay(whole: Results, tmp_path: Path):
    done(small(), tmp_path)
    (path,) = [
        p
        for p in tmp_path.glob("*.parquet")
        if p.stat().st_size == max(q.stat().st_size for q in tmp_path.glob("*.parquet"))
    ]
    sound = path.read_bytes()
    kept = []
    for place in np.linspace(4, len(sound) - 9, 25).astype(int):
        spoiled = bytearray(sound)
        spoiled[place] ^= 0xFF
        path.write_bytes(bytes(spoiled))
        store = Store(tmp_path)
        found = Results(small(), store).frame.sort_values(["run", "step"]).reset_index(drop=True)
        # Whatever is read is what was written.
        reference = whole.frame.sort_values(["run", "step"])
        reference = reference[reference["run"].isin(found["run"])].reset_index(drop=True)
        assert_frame_equal(found, reference[found.columns], check_exact=True)
        there = found["run"].nunique()
        assert bool(store.damaged) == (there < 6)
        if there not in kept:
            again = Counting()
            same(run(small(), Store(tmp_path), again), whole)
            assert sum(len(job.runs) for job in again.jobs) == 6 - there
            for other in set(tmp_path.glob("*.parquet")) - {path}:
                if other.stem not in {job.key for job in small().jobs}:
                    other.unlink()
        kept.append(there)
    assert {2, 4} <= set(kept)  # BC's two alone, and with one of BCQ's two configurations


@pytest.mark.parametrize("text", [b"", b"PAR1", b"not a table", b"PAR1" * 200])
def test_what_is_no_results_file_is_computed_again(text: bytes, whole: Results, tmp_path: Path):
    (tmp_path / f"{small().jobs[0].key}.parquet").write_bytes(text)
    (tmp_path / "notes.txt").write_text("mine")
    same(done(small(), tmp_path), whole)


def test_a_file_that_names_runs_and_holds_none_is_computed_again(whole: Results, tmp_path: Path):
    done(small(), tmp_path)
    for path, columns in zip(sorted(tmp_path.glob("*.parquet")), (["return"], ["run", "return"]), strict=True):
        table = parquet.read_table(path)
        parquet.write_table(table.select(columns), path)  # with what it says of itself
    store = Store(tmp_path)
    assert Results(small(), store).frame.empty
    assert len(store.damaged) == 2
    same(done(small(), tmp_path), whole)


def test_a_file_in_which_results_stand_twice_is_computed_again(whole: Results, tmp_path: Path):
    done(small(), tmp_path)
    path = next(tmp_path.glob("*.parquet"))
    table = parquet.read_table(path)
    parquet.write_table(pa.concat_tables([table, table]), path)
    store = Store(tmp_path)
    assert len(Results(small(), store).frame) == len(whole.frame) - len(table)
    assert list(store.damaged.values()) == [1]
    same(done(small(), tmp_path), whole)


def test_a_folder_that_is_deleted_is_made_again(whole: Results, tmp_path: Path):
    store = Store(tmp_path / "results")
    run(small(), store, InThisProcess())
    shutil.rmtree(tmp_path / "results")
    assert Results(small(), store).frame.empty
    same(run(small(), store, InThisProcess()), whole)


def test_a_full_disk_is_said_and_what_was_there_is_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    store = Store(tmp_path)
    run(small(algorithms=["bc"], axes={}), store, InThisProcess())
    import pyarrow.parquet

    def full(table: Any, path: Path, **options: Any) -> None:
        path.write_bytes(b"PAR1 half")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(pyarrow.parquet, "write_table", full)
    with pytest.raises(ExperimentError, match="the disk is full: free some space, and run it again"):
        run(small(), store, InThisProcess())
    monkeypatch.undo()
    assert Results(small(), store).frame["run"].nunique() == 2
    assert [path.suffix for path in tmp_path.iterdir()] == [".parquet"]  # no half-written file is left


def test_a_folder_that_cannot_be_made_is_said(tmp_path: Path):
    (tmp_path / "file").write_text("")
    with pytest.raises(ExperimentError, match="results cannot be kept in"):
        Store(tmp_path / "file" / "inside")


def test_half_written_files_of_the_past_are_cleared_away(tmp_path: Path):
    old, new = tmp_path / ".a.parquet.12.part", tmp_path / ".b.parquet.34.part"
    for path in (old, new):
        path.write_text("half")
    os.utime(old, (time.time() - 3600,) * 2)
    Store(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == [new.name]


# workers


def test_worker_processes_compute_the_same(whole: Results, tmp_path: Path):
    with LocalPool(2) as pool:
        same(run(small(), Store(tmp_path), pool), whole)
        pids = pool.pids
        assert {os.getpriority(os.PRIO_PROCESS, pid) for pid in pids} == {19}
    assert not any(Path(f"/proc/{pid}").exists() for pid in pids)


def test_one_that_dies_takes_only_its_own_call_along():
    with LocalPool(2) as pool:
        bad = pool.submit(os._exit, 3)
        good = [pool.submit(divmod, n, 2) for n in range(6)]
        with pytest.raises(WorkerEnded, match="ended with code 3"):
            bad.result(60)
        assert [future.result(60) for future in good] == [divmod(n, 2) for n in range(6)]
        with pytest.raises(ZeroDivisionError):
            pool.submit(divmod, 1, 0).result(60)
        with pytest.raises((AttributeError, TypeError, pickle.PicklingError)):
            pool.submit(lambda: 1).result(60)
    with pytest.raises(RuntimeError, match="closed"):
        pool.submit(divmod, 1, 2)


@pytest.mark.parametrize("workers", [0, 257, 1.5, True, "2"])
def test_how_many_workers_there_may_be(workers: Any):
    with pytest.raises(ValueError, match="it must be a whole number from 1 to 256"):
        LocalPool(workers)


def test_a_pool_that_is_killed_ends_at_once():
    pool = LocalPool(1)
    running = pool.submit(time.sleep, 600)
    waiting = pool.submit(divmod, 1, 2)
    while not pool.pids:
        time.sleep(0.01)
    pool.kill()
    with pytest.raises(WorkerEnded):
        running.result(10)
    assert waiting.cancelled()
    assert pool.pids == []


class Dying(InThisProcess):
    """An executor whose workers die at BCQ's job so many times."""

    def __init__(self, times: int) -> None:
        self.times = times
        self.tried = 0

    def submit(self, fn: Any, /, *args: Any, **kwargs: Any) -> Any:
        if args[0].algorithm == "bcq" and self.tried < self.times:
            self.tried += 1
            lost: Future[Any] = Future()
            lost.set_exception(WorkerEnded("the worker process was ended by signal 9"))
            return lost
        return super().submit(fn, *args, **kwargs)


def test_a_job_whose_worker_dies_is_done_again_elsewhere(whole: Results, tmp_path: Path):
    same(run(small(), Store(tmp_path), Dying(2)), whole)


def test_after_three_deaths_it_is_a_failure_with_its_reason_and_the_others_are_unharmed(whole: Results, tmp_path: Path):
    dying = Dying(99)
    results = run(small(), Store(tmp_path), dying)
    assert dying.tried == 3
    frame = results.frame
    lost = frame[frame["failed"] != ""]
    assert set(lost["algorithm"]) == {"bcq"}
    assert len(lost) == 4
    assert set(lost["failed"]) == {"tried 3 times, the last time WorkerEnded: the worker process was ended by signal 9"}
    assert lost["return"].isna().all()
    assert results.describe().set_index("algorithm")["failed"].to_dict() == {"bcq": 4, "bc": 0}
    assert frame.loc[frame["algorithm"] == "bc", "return"].notna().all()
    same(run(small(), Store(tmp_path), InThisProcess()), whole)  # another run tries them again
    assert not list(tmp_path.glob("*.failed.json"))


def test_a_worker_process_that_is_killed_while_it_trains(tmp_path: Path):
    long = small(algorithms=["bc"], axes={}, steps=300_000, evaluate=[0], seeds=2)
    with LocalPool(1) as pool:
        killed = []

        def kill() -> None:
            while len(killed) < 3:
                for pid in pool.pids:
                    if pid not in killed:
                        os.kill(pid, signal.SIGKILL)
                        killed.append(pid)
                time.sleep(0.02)

        thread = threading.Thread(target=kill)
        thread.start()
        results = run(long, Store(tmp_path), pool)
        thread.join()
    assert set(results.frame["failed"]) == {
        "tried 3 times, the last time WorkerEnded: the worker process was ended by signal 9"
    }


def test_a_broken_executor_is_said_and_what_is_done_is_kept(tmp_path: Path):
    with ProcessPoolExecutor(1, get_context("spawn")) as broken:
        broken.submit(os._exit, 1).exception()
        with pytest.raises(ExperimentError, match=r"the executor takes no more jobs .* run it again"):
            run(small(), Store(tmp_path), broken)


def test_a_word_is_no_executor(whole: Results, tmp_path: Path):
    with pytest.raises(ExperimentError, match=r"executor = 'threads' is not allowed.*concurrent\.futures"):
        run(whole.design, Store(tmp_path), "threads")


def test_threads_will_do_too(whole: Results, tmp_path: Path):
    with ThreadPoolExecutor(2) as pool:
        same(run(small(), Store(tmp_path), pool), whole)


def test_an_error_in_the_job_is_recorded_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    def wrong(*_: Any, **__: Any) -> None:
        raise FloatingPointError("no such luck")

    monkeypatch.setattr("offrl_core.experiments.working.trained", wrong)
    counting = Counting()
    results = run(small(), Store(tmp_path), counting)
    assert set(results.frame["failed"]) == {"FloatingPointError: no such luck"}
    stands = results.describe()
    assert (stands["runs"].sum(), stands["missing"].sum(), stands["failed"].sum()) == (0, 0, 6)
    with pytest.raises(ExperimentError, match="no run could be computed: FloatingPointError: no such luck"):
        results.best(executor=InThisProcess())
    assert len(counting.jobs) == 2


# what travels


def test_own_data_travels_once_to_each_worker(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    data = orl.load_dataset("double-crossing").without_episodes([0])
    choice, own = of_dataset(data)
    made = Design.from_json({**SMALL, "datasets": [choice.to_json()], "axes": {"batch_size": [4, 8, 16]}}, own)
    sent: list[tuple[str, ...]] = []

    class Watched(LocalPool):
        def submit(self, fn: Any, /, *args: Any, **kwargs: Any) -> Any:
            if fn is do:
                sent.append(tuple(args[1]))
            return super().submit(fn, *args, **kwargs)

    with Watched(1) as pool:
        frame = run(made, Store(tmp_path), pool).frame
    assert len(made.jobs) == 6
    assert 1 <= sum(map(bool, sent)) <= 2  # two were under way before the first had said that it lacks it
    assert frame["failed"].eq("").all()
    alone = orl.Learner(data, "bc", seeds=[0, 3], batch_size=4)
    alone.advance(12)
    mine = frame[(frame["algorithm"] == "bc") & (frame["batch_size"] == 4) & (frame["step"] == 12)]
    returns = data.mdp.evaluate(alone.snapshot().policy, data.gamma)
    np.testing.assert_array_equal(mine["return"], returns)


OWN = """
from offrl_core.algos.bc import BC

class Mine(BC):
    name = "{name}"
    title = "Mine"
"""


def test_own_algorithms_travel_by_the_hash_of_their_file(tmp_path: Path):
    file = tmp_path / "mine.py"
    file.write_text(OWN.format(name="my-bc"))
    orl.load_algorithms(file)
    made = small(algorithms=["my-bc", "bc"], axes={})
    with LocalPool(1) as pool:
        frame = run(made, Store(tmp_path / "results"), pool).frame
    assert frame["failed"].eq("").all()
    mine, theirs = (frame[frame["algorithm"] == name]["return"].to_numpy() for name in ("my-bc", "bc"))
    np.testing.assert_array_equal(mine, theirs)
    file.write_text(OWN.format(name="my-bc") + "    # another text\n")
    orl.load_algorithms(file)
    again = small(algorithms=["my-bc"], axes={})
    assert {job.key for job in again.jobs}.isdisjoint(job.key for job in made.jobs)


def test_what_is_lacking_is_said_by_its_hash():
    data = orl.load_dataset("double-crossing").without_episodes([0, 1, 2])
    choice, own = of_dataset(data)
    (job, *_) = Design.from_json({**SMALL, "datasets": [choice.to_json()]}, own).jobs
    assert do(job, {}, 0) == Lacking((choice.own,))
    answer = do(job, {choice.own: pickle.dumps(data)}, 0)
    assert isinstance(answer, Done)
    assert not answer.failed
    assert isinstance(do(job, {}, 0), Done)  # it was kept


def test_a_frame_of_nothing_has_its_columns(tmp_path: Path):
    frame = Results(small(), Store(tmp_path)).frame
    assert isinstance(frame, pd.DataFrame)
    assert frame.empty
    assert {"dataset", "algorithm", "rho", "seed", "step"} <= set(frame.columns)
