"""Tables that are watched slowly while others wait: trained in one turn, and shown at their pace."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from offrl_live.runs import wire
from offrl_live.runs.ahead import Ahead
from offrl_live.runs.config import Lane, RunConfig
from offrl_live.runs.engine import Engine
from tests.live.test_live_runs import OneThread
from tests.live.watching import Watcher

SPEED = 20.0
NOTHING = memoryview(b"")


def table(seed: int, budget: int = 4000, **hyperparameters: Any) -> RunConfig:
    return RunConfig("double-crossing", {"seed": seed}, (Lane("cql", hyperparameters=hyperparameters),), budget=budget)


def a_class(count: int, budget: int = 4000) -> tuple[OneThread, list[Watcher]]:
    """So many tables of which each is watched at 20 updates a second, on a server that trains one at a time."""
    alone = OneThread(ahead=12.0)
    viewers = [alone.watch(alone.runs.open(table(seed, budget))) for seed in range(count)]
    for viewer in viewers:
        viewer.say("speed", value=SPEED)
        viewer.say("play")
    return alone, viewers


def step(viewer: Watcher) -> int:
    return viewer.frames()[-1]["step"] if viewer.frames() else 0


def wait(alone: OneThread, seconds: float, *viewers: Watcher) -> None:
    """Let time pass in which these viewers read what comes."""
    end = alone.time + seconds
    while alone.time < end:
        alone.turn()
        for viewer in viewers:
            viewer.read()


def are_of(viewer: Watcher, config: RunConfig) -> bool:
    """Whether every frame that was sent live is what the engine computes."""
    engine = Engine(config)
    for frame in (m for m in viewer.binaries if m["kind"] == "frame" and m["step"] > engine.step):
        engine.advance(frame["step"] - engine.step)
        shown = wire.unpack(frame["fields"], frame["payload"])
        np.testing.assert_array_equal(shown["q"], engine.snapshot().tables["q"][0])
    return engine.step > 0


def test_everybody_in_a_class_watches_without_standing_still() -> None:
    alone, viewers = a_class(5)
    wait(alone, 30, *viewers)
    # The first second of each is slow, and each waited for the first turns of the others.
    assert min(map(step, viewers)) > 0.75 * SPEED * 30
    assert max(map(step, viewers)) <= SPEED * 31
    for number, viewer in enumerate(viewers[:2]):
        assert are_of(viewer, table(number))
        shown = [frame["time"] for frame in viewer.frames() if frame["step"] > 20]
        assert max(np.diff(shown)) < 1.5, "frames come all the time"
        assert viewer.state()["state"] == "running"


def test_nobody_waits_so_a_run_is_watched_live() -> None:
    alone, (viewer,) = a_class(1)
    wait(alone, 10)
    (run,) = alone.runs.runs.values()
    assert run.ahead is None
    assert step(viewer) > 0.75 * SPEED * 10


@pytest.fixture
def trained_ahead() -> tuple[OneThread, Watcher]:
    """A run that is watched from what was trained ahead."""
    alone, viewers = a_class(3)
    run = viewers[0].viewer.run
    alone.until(lambda: run.ahead is not None and not run.training and run.ahead.left > 8)
    return alone, viewers[0]


def test_a_change_acts_where_it_is_seen(trained_ahead: tuple[OneThread, Watcher]) -> None:
    alone, viewer = trained_ahead
    before = step(viewer)
    assert viewer.viewer.run.ahead.step > before + 100
    viewer.say("set", lane=0, values={"alpha": 3.0})
    (mark,) = alone.until(lambda: viewer.of("mark"))
    assert before <= mark["step"] <= before + 4
    alone.until(lambda: step(viewer) > before + 100)
    assert are_of(viewer, table(0).changed(mark["step"], 0, {"alpha": 3.0}))


def test_a_pause_stands_still_and_goes_on_from_there(trained_ahead: tuple[OneThread, Watcher]) -> None:
    alone, viewer = trained_ahead
    viewer.say("pause")
    viewer.wait_for("paused")
    stood = step(viewer)
    wait(alone, 5)
    assert step(viewer) == stood
    viewer.say("step", unit="update")
    alone.until(lambda: step(viewer) == stood + 1)
    viewer.say("play")
    alone.until(lambda: step(viewer) > stood + 60)
    assert are_of(viewer, table(0))


def test_a_question_is_about_the_step_that_is_shown(trained_ahead: tuple[OneThread, Watcher]) -> None:
    _, viewer = trained_ahead
    viewer.say("pause")
    viewer.wait_for("paused")
    answer = viewer.answer(viewer.say("explain", state=17, action=2))
    assert answer["step"] == step(viewer)
    engine = Engine(table(0))
    engine.advance(answer["step"])
    assert answer["data"] == wire.json_data(engine.explain(0, {"state": 17, "action": 2}))


def test_another_speed_holds_at_once(trained_ahead: tuple[OneThread, Watcher]) -> None:
    alone, viewer = trained_ahead
    before = step(viewer)
    viewer.say("speed", value=2)
    wait(alone, 20)
    assert 20 <= step(viewer) - before <= 45


def test_a_turn_that_did_not_begin_is_taken_back_and_a_question_that_waits_is_answered() -> None:
    alone, (viewer, *_) = a_class(3)
    run = viewer.viewer.run
    alone.until(lambda: run.ahead is not None and run.training and not run.built)
    asked = viewer.say("explain", state=17, action=2)
    viewer.say("pause")
    viewer.say("speed", value=2)
    assert [command["do"] for command in run.pending] == ["explain", "speed"]
    assert viewer.answer(asked)["step"] == step(viewer)
    assert not run.training


def test_the_end_is_told_when_it_is_seen() -> None:
    alone, viewers = a_class(3, budget=150)
    run = viewers[0].viewer.run
    alone.until(lambda: run.ahead is not None and run.ahead.end is not None)
    assert (run.ahead.end[0], run.ahead.step) == ("finished", 150)
    assert viewers[0].state()["state"] == "running"
    assert step(viewers[0]) < 140
    viewers[0].wait_for("finished")
    assert step(viewers[0]) == 150
    assert not run.wanted
    assert run.ahead is None
    viewers[0].say("play")
    alone.until(lambda: step(viewers[0]) > 170)


def test_a_worker_that_dies_takes_nothing_along_that_was_trained(trained_ahead: tuple[OneThread, Watcher]) -> None:
    alone, viewer = trained_ahead
    run, far = viewer.viewer.run, viewer.viewer.run.ahead.step
    if run.worker is not None:
        alone.runs.scheduler._ended(run.worker, "killed")
    alone.until(lambda: step(viewer) > far + 20)
    assert are_of(viewer, table(0))


def test_alarms_come_with_their_frames() -> None:
    """Without a penalty unseen actions become overrated, some hundred updates from the start."""
    alone = OneThread(ahead=12.0)
    config = RunConfig("double-crossing", {}, (Lane("q-learning"),), budget=4000)
    viewers = [alone.watch(alone.runs.open(config, private=True)) for _ in range(2)]
    for viewer in viewers:
        viewer.say("speed", value=60)
        viewer.say("play")
    run = viewers[0].viewer.run
    alone.until(lambda: viewers[0].of("alarm"))
    assert run.ahead is not None
    assert viewers[0].of("alarm")[0]["step"] == step(viewers[0])
    assert run.ahead.step > step(viewers[0]) + 100


def test_messages_are_shown_as_far_apart_as_their_frames_were() -> None:
    ahead = Ahead(0)
    for turn in (100.0, 7.0):  # the clock of another turn says nothing
        ahead.begin()
        for number in range(3):
            ahead.keep({"kind": "frame", "time": turn + number, "step": number}, NOTHING)
            ahead.keep({"kind": "alarm"}, NOTHING)
    kinds = [[header["kind"] for header, _ in ahead.watch(seconds)] for seconds in (0.0, 0.9, 0.2, 1.0, 5.0)]
    assert [len(found) for found in kinds] == [2, 0, 2, 4, 4]
    assert (ahead.empty, ahead.left) == (True, 0)
    ahead.keep({"kind": "frame", "time": 9.5, "step": 3}, NOTHING)
    ahead.keep({"kind": "frame", "time": 14.5, "step": 3}, NOTHING)  # the same, with what somebody asked to see
    assert ahead.left == pytest.approx(0.5)
    assert [len(list(ahead.watch(seconds))) for seconds in (0.4, 0.2)] == [0, 2]
