"""Runs and their worker processes: the queue, deaths, and what comes back from a checkpoint."""

import os
import signal
from queue import SimpleQueue

import numpy as np
import pytest

from offrl_core.data.catalogue import load_dataset
from offrl_core.dataset import Dataset
from offrl_live.runs import datasets
from offrl_live.runs.config import Lane, RunConfig
from offrl_live.runs.engine import Engine
from offrl_live.runs.live_runs import Limits
from offrl_live.runs.timeline import Checkpoint
from offrl_live.serving import worker_process
from offrl_live.serving.environment import warms_up
from offrl_live.serving.hub import Hub
from tests.live.watching import CQL, NOISY, Watcher, until


def test_workers_are_warm_before_the_first_run(hub: Hub) -> None:
    # One for each run that may train, and one for a run to be built meanwhile.
    assert len(hub.scheduler.workers) == 2
    until(lambda: all(process.ready for process in hub.scheduler.workers))


def test_the_queue_says_its_place_and_moves_on(hub: Hub) -> None:
    first, second, third = hub.open(CQL), hub.open(NOISY), hub.open(NOISY, private=True)
    for run_id in (first, second, third):
        hub.play(run_id)
    until(lambda: hub.info(first)["state"] == "running")
    assert [hub.info(run_id)["place"] for run_id in (first, second, third)] == [None, 1, 2]
    assert hub.info(second)["state"] == "queued"
    assert "place 1" in hub.info(second)["reason"]
    # Waiting or not, every run can be looked at: one worker more than runs may train.
    watcher = Watcher(hub, hub.open(RunConfig("double-crossing", {}, (Lane("bc"),))))
    until(lambda: watcher.of("hello"))
    hub.pause(first)
    until(lambda: hub.info(second)["state"] == "running")
    assert hub.info(third)["place"] == 1
    hub.pause(third)
    assert hub.info(third)["place"] is None
    hub.drop(second)
    hub.play(first)
    until(lambda: hub.info(first)["state"] == "running")
    # At most one trains at a time.
    assert sum(hub.info(run_id)["state"] == "running" for run_id in hub.runs) == 1


def test_who_watches_does_not_wait_for_a_run_that_nobody_watches(hub: Hub) -> None:
    alone, watched = hub.open(CQL), hub.open(NOISY)
    hub.play(alone)
    until(lambda: hub.info(alone)["state"] == "running")
    watcher = Watcher(hub, watched)
    watcher.say("play")
    until(lambda: hub.info(watched)["state"] == "running", 2)
    assert hub.info(alone)["state"] == "queued"
    watcher.say("pause")
    until(lambda: hub.info(alone)["state"] == "running", 2)


def test_a_worker_that_is_killed_fails_its_run_and_no_other() -> None:
    hub = Hub(Limits(workers=2)).start()
    try:
        doomed, other = hub.open(NOISY), hub.open(CQL)
        watcher = Watcher(hub, doomed)
        watcher.say("play")
        hub.play(other)
        until(lambda: hub.info(doomed)["step"] > 100 and hub.info(other)["step"] > 100)
        os.kill(hub.info(doomed)["pid"], signal.SIGKILL)
        state = watcher.wait_for("failed")
        assert "signal 9" in state["reason"]
        assert state["playing"] is False
        last = watcher.frames()[-1]
        step = hub.info(other)["step"]
        until(lambda: hub.info(other)["step"] > step)
        watcher.say("restart")
        until(lambda: hub.info(doomed)["step"] > last["step"])
        watcher.say("pause")
        watcher.wait_for("paused")
        frames = hub.export(doomed).frames
        assert [f.step for f in frames] == sorted({f.step for f in frames})
        engine = Engine(NOISY)
        engine.advance(frames[-1].step)
        np.testing.assert_array_equal(frames[-1].fields["q"], engine.snapshot().tables["q"])
        until(lambda: len(hub.scheduler.workers) == 3)
    finally:
        hub.close()


def test_a_checkpoint_beyond_the_last_frame_does_no_harm(hub: Hub) -> None:
    run_id = hub.open(NOISY)
    hub.play(run_id)
    until(lambda: hub.info(run_id)["step"] > 40)
    hub.pause(run_id)
    until(lambda: hub.info(run_id)["state"] == "paused")
    run = hub.runs[run_id]
    engine = Engine(NOISY)
    engine.advance(run.step + 7)
    with hub.lock:
        run.timeline.checkpoints.append(Checkpoint(engine.step, engine.checkpoint()))
        run.resting = False
    os.kill(hub.info(run_id)["pid"], signal.SIGKILL)
    until(lambda: hub.info(run_id)["state"] == "failed")
    step = run.step
    hub.play(run_id)
    until(lambda: hub.info(run_id)["step"] > step)


def test_a_resting_run_survives_its_worker(hub: Hub) -> None:
    run_id = hub.open(NOISY)
    hub.play(run_id)
    until(lambda: hub.info(run_id)["step"] > 50)
    hub.pause(run_id)
    until(lambda: hub.info(run_id)["state"] == "paused")
    step = hub.info(run_id)["step"]
    os.kill(hub.info(run_id)["pid"], signal.SIGKILL)
    until(lambda: hub.info(run_id)["pid"] is None)
    assert (hub.info(run_id)["state"], hub.info(run_id)["step"]) == ("paused", step)
    hub.play(run_id)
    until(lambda: hub.info(run_id)["step"] > step)


def test_stop_gives_the_worker_back_and_keeps_the_timeline(hub: Hub) -> None:
    run_id = hub.open(NOISY)
    watcher = Watcher(hub, run_id)
    watcher.say("play")
    until(lambda: hub.info(run_id)["step"] > 10)
    watcher.say("stop")
    until(lambda: hub.info(run_id)["pid"] is None)
    step = watcher.wait_for("stopped")["step"]
    assert len(hub.export(run_id).frames) > 5
    watcher.say("play")
    until(lambda: hub.info(run_id)["step"] > step)


def test_a_dataset_of_ones_own_trains_in_a_worker(hub: Hub) -> None:
    data = Dataset.from_columns([0, 1] * 20, [0, 1, 1, 0] * 10, [0.0, 1.0, 0.0, 0.0] * 10, [False, True] * 20)
    name = datasets.keep(data)
    run_id = hub.open(RunConfig(name, {}, (Lane("constrained-q"),), budget=50))
    hub.play(run_id)
    until(lambda: hub.info(run_id)["state"] == "finished")
    engine = Engine(RunConfig(name, {}, (Lane("constrained-q"),)))
    engine.advance(50)
    np.testing.assert_array_equal(hub.export(run_id).frames[-1].fields["q"], engine.snapshot().tables["q"])


@pytest.mark.parametrize("text", ["0", "many", "-2", "1.5"])
def test_a_wrong_number_of_workers_is_refused(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    monkeypatch.setenv("OFFRL_WORKERS", text)
    with pytest.raises(ValueError, match="OFFRL_WORKERS"):
        Hub()


def test_a_worker_warms_up_until_it_is_asked_for_something(monkeypatch: pytest.MonkeyPatch) -> None:
    loaded: list[str] = []
    monkeypatch.setattr(worker_process, "load_dataset", lambda name: loaded.append(name) or load_dataset(name))
    commands: SimpleQueue[dict] = SimpleQueue()
    worker_process.warm_up(commands)
    assert tuple(loaded) == worker_process.WARM_DATASETS
    commands.put({})
    worker_process.warm_up(commands)
    assert tuple(loaded) == worker_process.WARM_DATASETS


def test_warming_up_can_be_turned_off(monkeypatch: pytest.MonkeyPatch) -> None:
    for text, expected in (("1", True), ("0", False)):
        monkeypatch.setenv("OFFRL_WARM_UP", text)
        assert warms_up() is expected
    monkeypatch.delenv("OFFRL_WARM_UP")
    assert warms_up()
    monkeypatch.setenv("OFFRL_WARM_UP", "no")
    with pytest.raises(ValueError, match="OFFRL_WARM_UP = 'no' is not allowed: it must be 1 or 0"):
        warms_up()
