"""Live runs in one thread, without processes or locks, on a clock that the test moves."""

import ast
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from offrl_core.dataset import Dataset
from offrl_core.learning import load_policy
from offrl_live.runs import datasets, wire
from offrl_live.runs.clock import Clock
from offrl_live.runs.config import Lane, RunConfig
from offrl_live.runs.engine import Engine
from offrl_live.runs.live_runs import Limits, LiveRuns, NoRoom, UnknownRun
from offrl_live.runs.scheduler import Ended, Received
from offrl_live.runs.worker import LocalWorker
from tests.live.watching import CQL, NOISY, Watcher

PURE = Path(__file__).resolve().parents[2] / "offrl_live" / "runs"


class OneThread:
    """Live runs and their workers, driven by hand."""

    def __init__(self, **limits: Any) -> None:
        self.time = 1000.0
        self.clock = Clock(*[lambda: self.time] * 3)
        self.workers: list[LocalWorker] = []
        self.runs = LiveRuns(self._worker, self.clock, Limits(**limits))
        self.runs.scheduler.start()

    def _worker(self, received: Received, ended: Ended) -> LocalWorker:
        self.workers.append(LocalWorker(received, self.clock))
        return self.workers[-1]

    def watch(self, run_id: str, after: int = -1) -> Watcher:
        return Watcher(self.runs, run_id, after, until=self.until)

    def turn(self) -> None:
        """What is due next; where nothing is, time passes."""
        waits = [(wait, place) for place, worker in enumerate(self.workers) if (wait := worker.wait()) is not None]
        wait, place = min(waits, default=(1.0, -1))
        self.time += min(wait, 0.25) + 0.001
        self.runs.tick()
        if 0 <= wait <= 0.25 and place >= 0:
            self.workers[place].turn()

    def until(self, what: Callable[[], Any], seconds: float = 300.0) -> Any:
        """Let time pass until `what()` is true and return it."""
        end = self.time + seconds
        while not (found := what()):
            assert self.time < end, "it did not happen in time"
            self.turn()
        return found


def test_an_uploaded_logs_rewards_reach_the_worker_and_go_home() -> None:
    log = Dataset.from_columns([0, 1, 0, 1], [0, 1, 1, 0], [0.0, 4.0, 0.0, 2.0], [False, True, False, True], gamma=0.9)
    lane = Lane("mc-q", hyperparameters={"learning_rate": 1.0, "initial_spread": 0.0})
    alone = OneThread()
    run_id = alone.runs.open(
        RunConfig(datasets.keep(log), {"reward_scale": 0.5, "reward_clip": 3.0}, (lane,), budget=9)
    )
    watcher = alone.watch(run_id)
    watcher.say("play")
    watcher.wait_for("finished")
    # Returns of 0.5·clip(r, ±3): 0.9 · 1.5 and 0.9 · 1 at the start, 1.5 and 1 after it.
    policy = load_policy(alone.runs.export(run_id).policies("npz"))
    np.testing.assert_allclose(policy.q(["0", "1"]), [[1.35, 0.9], [1.0, 1.5]], atol=1e-6)
    assert watcher.of("hello")[0]["run"]["config"]["options"]["reward_clip"] == 3.0


def test_what_targets_of_networks_read_is_told_while_somebody_is_shown_it() -> None:
    lane = Lane("bcq", "mlp", hyperparameters={"hidden": "16", "batch_size": 32})
    config = RunConfig("double-crossing", {}, (lane,), budget=0)
    alone = OneThread()
    run_id = alone.runs.open(config)
    first, second = alone.watch(run_id), alone.watch(run_id)
    first.wait_for("paused")

    def told() -> bool:
        alone.runs.export(run_id)
        return "reads" in alone.runs.runs[run_id].timeline.frames.last.fields

    def told_of_the_next() -> bool:
        step = second.frames()[-1]["step"]
        second.say("step", unit="update")
        alone.until(lambda: second.frames()[-1]["step"] > step)
        return told()

    assert not told()
    first.say("view", member=0, reads=True)
    alone.until(told)
    engine = Engine(config)
    engine.reads = True
    frame = alone.runs.runs[run_id].timeline.frames.last
    np.testing.assert_array_equal(frame.fields["reads"], engine.snapshot().reads)
    second.say("view", member=0)  # the other one still is
    first.leave()
    assert not told_of_the_next()
    second.say("view", member=0, reads=True)
    assert told_of_the_next()
    second.say("view", member=0)
    assert not told_of_the_next()


def test_what_targets_of_networks_read_is_told_where_it_is_asked_for_while_the_run_is_built() -> None:
    lane = Lane("bcq", "mlp", hyperparameters={"hidden": "16", "batch_size": 32})
    alone = OneThread()
    viewer = alone.watch(alone.runs.open(RunConfig("double-crossing", {}, (lane,), budget=0)))
    run = viewer.viewer.run
    alone.until(lambda: run.worker is not None and not run.built)
    viewer.say("view", member=0, reads=True)
    alone.until(lambda: run.built and "reads" in run.timeline.frames.last.fields)


def test_a_whole_run_in_one_thread() -> None:
    alone = OneThread()
    run_id = alone.runs.open(NOISY)
    viewer = alone.watch(run_id)
    assert viewer.wait_for("paused")["step"] == 0
    assert viewer.of("hello")[0]["run"]["config"] == NOISY.to_json()
    viewer.say("speed", value=100)
    viewer.say("play")
    began = alone.time
    alone.until(lambda: viewer.frames()[-1]["step"] >= 400)
    # A second of single updates, then as fast as it was told to go.
    assert 4.5 < alone.time - began < 6.5
    assert viewer.answer(viewer.say("set", lane=0, values={"alpha": 2.0}))["type"] == "accepted"
    (mark,) = alone.until(lambda: viewer.of("mark"))
    alone.until(lambda: viewer.frames()[-1]["step"] > mark["step"] + 40)
    viewer.say("pause")
    last = viewer.wait_for("paused")["step"]
    engine = Engine(NOISY.changed(mark["step"], 0, {"alpha": 2.0}))
    for frame in (f for m in viewer.binaries if m["kind"] == "frame" for f in [m]):
        if frame["step"] < engine.step:
            continue
        engine.advance(frame["step"] - engine.step)
        shown = wire.unpack(frame["fields"], frame["payload"])
        np.testing.assert_array_equal(shown["q"], engine.snapshot().tables["q"][0])
    assert engine.step == last

    viewer.say("branch", step=mark["step"] - 20, lane=0, values={"gamma": 0.9})
    (moved,) = alone.until(lambda: viewer.of("moved"))
    viewer.leave()
    branch = alone.watch(moved["run_id"])
    alone.until(lambda: branch.frames() and branch.frames()[-1]["step"] > last)
    assert branch.of("mark")[0]["step"] == mark["step"] - 20
    branch.say("pause")
    branch.wait_for("paused")
    there = alone.runs.export(moved["run_id"])
    engine = Engine(NOISY.changed(mark["step"] - 20, 0, {"gamma": 0.9}))
    engine.advance(there.frames[-1].step)
    np.testing.assert_array_equal(there.frames[-1].fields["q"], engine.snapshot().tables["q"])


def test_the_pure_part_is_without_threads_sockets_processes_and_clocks() -> None:
    from_outside = {"threading", "time", "asyncio", "socket", "subprocess", "queue", "multiprocessing", "starlette"}
    from_outside |= {"concurrent", "atexit", "signal", "os", "sys", "streamlit", "uvicorn", "websockets", "ctypes"}
    for path in sorted(PURE.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            roots = {name.partition(".")[0] for name in names}
            assert not roots & from_outside, f"{path.name} imports {roots & from_outside}"
            assert not any(name.startswith("offrl_live.serving") for name in names), path.name


def test_equal_configurations_are_one_run() -> None:
    runs = OneThread().runs
    first = runs.open(CQL)
    assert runs.open(RunConfig.from_json(CQL.to_json())) == first
    assert runs.open(CQL, private=True) != first
    assert runs.open(NOISY) != first
    assert len(first) >= 20


def test_a_run_that_waits_gets_a_turn() -> None:
    alone = OneThread(turn=0.6)
    one, two = alone.runs.open(CQL), alone.runs.open(NOISY)
    for run_id in (one, two):
        alone.runs.speed(run_id, 50)
        alone.runs.play(run_id)
    alone.until(lambda: alone.runs.info(two)["step"] > 3, 3)
    steps = alone.runs.info(one)["step"]
    assert steps > 3
    alone.until(lambda: alone.runs.info(one)["step"] > steps, 3)
    # Taking turns does not change the numbers.
    alone.runs.pause(two)
    alone.until(lambda: alone.runs.info(two)["state"] == "paused")
    frame = alone.runs.export(two).frames[-1]
    engine = Engine(NOISY)
    engine.advance(frame.step)
    np.testing.assert_array_equal(frame.fields["q"], engine.snapshot().tables["q"])


def test_what_nobody_watches_pauses_and_is_let_go() -> None:
    alone = OneThread(pause_after=60.0, drop_after=900.0)
    run_id = alone.runs.open(NOISY)
    viewer = alone.watch(run_id)
    viewer.say("speed", value=1)
    viewer.say("play")
    viewer.wait_for("running")
    viewer.leave()
    left = alone.time
    assert alone.runs.info(run_id)["state"] == "running"
    alone.until(lambda: alone.runs.info(run_id)["state"] == "paused")
    assert 60 < alone.time - left < 61
    alone.until(lambda: run_id not in alone.runs.runs, 900)
    assert 900 < alone.time - left < 901
    with pytest.raises(UnknownRun):
        alone.runs.info(run_id)
    # An old link leads to the same run, made anew from its configuration.
    back = alone.watch(run_id)
    alone.until(lambda: back.of("hello"))
    assert back.of("hello")[0]["run"]["config"] == NOISY.to_json()
    with pytest.raises(UnknownRun):
        alone.watch("never-was-a-run")


def test_there_are_limits() -> None:
    alone = OneThread(max_runs=2, max_viewers=1)
    first, second = alone.runs.open(CQL), alone.runs.open(NOISY)
    alone.watch(second)
    with pytest.raises(NoRoom, match="1 viewers"):
        alone.watch(first)
    third = alone.runs.open(RunConfig("double-crossing", {}, (Lane("bc"),)))
    assert set(alone.runs.runs) == {second, third}


def test_too_much_memory_lets_the_unwatched_go_first() -> None:
    alone = OneThread(memory=60_000)
    watched, unwatched = alone.runs.open(NOISY), alone.runs.open(CQL)
    viewer = alone.watch(watched)
    alone.until(lambda: alone.runs.info(unwatched)["nbytes"])
    viewer.say("speed", value=500)
    viewer.say("play")
    alone.until(lambda: unwatched not in alone.runs.runs)
    alone.until(lambda: alone.runs.info(watched)["step"] > 500)
    alone.until(lambda: alone.runs.info(watched)["nbytes"] < 60_000, 5)


def test_timelines_of_the_unwatched_have_a_tenth_of_the_memory() -> None:
    alone = OneThread()
    runs = [alone.runs.open(replace(NOISY, options={**NOISY.options, "seed": seed})) for seed in range(4)]
    alone.until(lambda: all(alone.runs.info(run)["nbytes"] for run in runs))
    one = max(alone.runs.info(run)["nbytes"] for run in runs)
    watched = alone.watch(runs[0])
    alone.runs.limits = replace(alone.runs.limits, memory=int(21 * one))
    alone.time += 2
    alone.runs.tick()
    assert set(alone.runs.runs) == {*runs}, "whose page is only loaded again keeps it"
    alone.time += alone.runs.limits.pause_after
    alone.runs.tick()
    assert set(alone.runs.runs) == {runs[0], *runs[2:]}, "the one that was left alone for longest goes"
    back = alone.watch(runs[1])
    assert back.wait_for("paused")["step"] == 0
    assert watched.viewer.run.id == runs[0]


def test_a_run_comes_back_to_the_step_where_it_was() -> None:
    alone = OneThread()
    viewer = alone.watch(alone.runs.open(NOISY))
    viewer.wait_for("paused")
    viewer.say("speed", value=100)
    assert viewer.answer(viewer.say("catch_up", step=230))["type"] == "accepted"
    alone.until(lambda: viewer.state()["state"] == "running")
    assert viewer.answer(viewer.say("catch_up", step=900))["type"] == "accepted"  # it is under way already
    assert viewer.wait_for("paused")["step"] == 230
    assert viewer.state()["reason"] == "computed up to this step"
    assert len(viewer.frames()) > 5, "with its past"
    engine = Engine(NOISY)
    engine.advance(230)
    newest = alone.runs.export(viewer.viewer.run.id).frames[-1]
    np.testing.assert_array_equal(newest.fields["q"], engine.snapshot().tables["q"])
    viewer.say("catch_up", step=100)  # it is further already
    for _ in range(20):
        alone.turn()
    assert viewer.state()["step"] == 230
    viewer.say("play")
    alone.until(lambda: viewer.frames()[-1]["step"] > 300)


def test_a_run_is_opened_at_a_step_whether_it_has_come_there_or_gone_beyond() -> None:
    alone = OneThread()
    first = alone.runs.open(NOISY, step=230)
    viewer = alone.watch(first)
    alone.until(lambda: alone.runs.info(first)["step"] == 230 and viewer.state()["state"] == "paused")
    assert alone.runs.open(NOISY, step=230) == first, "others who open the link share the run"
    viewer.say("speed", value=100)
    viewer.say("play")
    alone.until(lambda: alone.runs.info(first)["step"] > 300)
    steps = [frame.step for frame in alone.runs.export(first).frames]
    assert alone.runs.open(NOISY, step=230) == first, "its frame is still there"
    missing = next(step for step in range(230, 300) if step not in steps)
    mine = alone.runs.open(NOISY, step=missing)
    assert mine != first
    other = alone.watch(mine)
    alone.until(lambda: other.frames() and other.frames()[-1]["step"] == missing)
    engine = Engine(NOISY)
    engine.advance(missing)
    newest = alone.runs.export(mine).frames[-1]
    np.testing.assert_array_equal(newest.fields["q"], engine.snapshot().tables["q"])
    ahead = alone.runs.open(NOISY, step=900)
    assert ahead != first, "a run that others train does not stop there"


def test_play_goes_on_beyond_where_a_run_was() -> None:
    alone = OneThread()
    viewer = alone.watch(alone.runs.open(NOISY))
    viewer.wait_for("paused")
    viewer.say("speed", value=100)
    viewer.say("catch_up", step=400)
    alone.until(lambda: viewer.frames()[-1]["step"] > 3)
    viewer.say("play")
    alone.until(lambda: viewer.frames()[-1]["step"] > 450)


def test_a_run_is_not_computed_beyond_its_budget() -> None:
    alone = OneThread()
    viewer = alone.watch(alone.runs.open(RunConfig("double-crossing", {}, (Lane("bc"),), budget=50)))
    viewer.wait_for("paused")
    viewer.say("catch_up", step=10**9)
    for _ in range(20):
        alone.turn()
    assert viewer.state()["step"] == 0


def test_a_run_of_ones_own_is_found_by_its_owner_only() -> None:
    alone = OneThread()
    mine = alone.watch(alone.runs.open(NOISY))
    mine.viewer.owner = "me"
    mine.wait_for("paused")
    mine.say("set", lane=0, values={"alpha": 2.0})
    alone.until(lambda: mine.of("mark"))
    mine.say("branch", step=0, lane=0, values={"gamma": 0.9})
    changed, branch = mine.viewer.run, alone.runs.runs[mine.of("moved")[0]["run_id"]]
    mine.leave()
    for own in (changed, branch):
        link = own.config.to_json()
        for stranger in ("somebody", None):
            assert alone.runs.open(RunConfig.from_json(link), owner=stranger) not in (changed.id, branch.id)
    assert alone.watch(branch.id).viewer.run is branch, "whoever was given its id watches it"


def test_a_reload_finds_ones_own_run() -> None:
    alone = OneThread()
    mine = alone.watch(alone.runs.open(NOISY))
    mine.viewer.owner = "me"
    mine.wait_for("paused")
    mine.say("branch", step=0, lane=0, values={"gamma": 0.9})
    branch = alone.runs.runs[mine.of("moved")[0]["run_id"]]
    assert alone.runs.open(RunConfig.from_json(branch.config.to_json()), owner="me") == branch.id


def test_runs_of_ones_own_begin_where_the_shared_one_did_and_leave_each_other_alone() -> None:
    alone = OneThread()
    shared = alone.runs.open(NOISY, stays=True)
    alone.until(lambda: alone.runs.info(shared)["state"] == "paused")
    mine, yours = (alone.runs.open(NOISY, private=True, owner=whose, speed=20.0) for whose in ("me", "you"))
    assert len({shared, mine, yours}) == 3
    assert alone.runs.open(NOISY, private=True, owner="me") == mine, "a reload finds it"
    assert alone.runs.open(NOISY, private=True) not in (shared, mine, yours), "who says no name has no run yet"
    # The picture needs no worker: it is there with the first messages.
    assert alone.runs.find(mine).worker is None
    greeting = list(alone.runs.messages(alone.runs.join(mine, lambda: None)))
    assert [wire.split(m)[0]["kind"] for m in greeting if isinstance(m, bytes)] == ["static", "backlog"]
    assert alone.runs.info(mine)["speed"] == 20.0

    alone.runs.play(mine)
    alone.until(lambda: alone.runs.info(mine)["step"] >= 3)
    assert alone.runs.info(yours)["step"] == alone.runs.info(shared)["step"] == 0
    alone.runs.pause(mine)
    alone.until(lambda: alone.runs.info(mine)["state"] == "paused")
    engine = Engine(NOISY)
    engine.advance(alone.runs.export(mine).frames[-1].step)
    np.testing.assert_array_equal(alone.runs.export(mine).frames[-1].fields["q"], engine.snapshot().tables["q"])


def test_a_run_that_stays_is_not_let_go() -> None:
    alone = OneThread(max_runs=2)
    kept = alone.runs.open(NOISY, stays=True)
    alone.until(lambda: alone.runs.info(kept)["state"] == "paused")
    for _ in range(3):
        alone.runs.open(NOISY, private=True)
    alone.time += alone.runs.limits.drop_after + 1
    alone.runs.tick()
    assert list(alone.runs.runs) == [kept]
