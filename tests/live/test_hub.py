"""The hub with real worker processes: sharing, viewers, queue, copies, deaths, and what is let go."""

import json
import os
import signal
import time
from collections.abc import Callable, Iterator

import numpy as np
import pytest

from offrl_core.dataset import Dataset
from offrl_live.runs import wire
from offrl_live.runs.checks import ConfigError
from offrl_live.runs.commands import parse
from offrl_live.runs.config import Lane, RunConfig
from offrl_live.runs.engine import Engine
from offrl_live.runs.timeline import Checkpoint
from offrl_live.serving.hub import Hub, HubFull, HubSettings, UnknownRun
from offrl_live.serving.viewer import Viewer

CQL = RunConfig("double-crossing", {}, (Lane("cql"),), budget=0)
NOISY = RunConfig("double-crossing", {}, (Lane("cql", hyperparameters={"batch_size": 64}),), budget=0)


@pytest.fixture
def hub() -> Iterator[Hub]:
    running = Hub(HubSettings(workers=1)).start()
    yield running
    running.close()


def until(what: Callable[[], object], seconds: float = 20.0):
    """Wait until `what()` is true and return it."""
    deadline = time.monotonic() + seconds
    while not (found := what()):
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.01)
    return found


class Watcher:
    """A viewer that reads all its messages."""

    def __init__(self, hub: Hub, run_id: str, after: int = -1) -> None:
        self.hub = hub
        self.viewer: Viewer = hub.join(run_id, lambda: None, after=after)
        self.texts: list[dict] = []
        self.binaries: list[dict] = []
        self.count = 0

    def read(self) -> "Watcher":
        for message in self.viewer.messages():
            if isinstance(message, str):
                self.texts.append(json.loads(message))
            else:
                header, payload = wire.split(message)
                self.binaries.append({**header, "payload": payload})
        return self

    def say(self, cmd: str, **arguments) -> int:
        self.count += 1
        self.hub.command(self.viewer, parse(json.dumps({"cmd": cmd, "id": self.count, **arguments})))
        return self.count

    def of(self, kind: str) -> list[dict]:
        return [m for m in self.read().texts if m["type"] == kind] + [m for m in self.binaries if m["kind"] == kind]

    def answer(self, number: int) -> dict:
        return until(lambda: next((m for m in self.read().texts if m.get("id") == number), None))

    def state(self) -> dict:
        return self.of("state")[-1]

    def wait_for(self, state: str) -> dict:
        until(lambda: self.of("state") and self.state()["state"] == state)
        return self.state()

    def frames(self) -> list[dict]:
        self.read()
        return [f for m in self.binaries if m["kind"] in ("frame", "backlog") for f in m.get("frames", [m])]

    def leave(self) -> None:
        self.hub.leave(self.viewer)


def test_workers_are_warm_before_the_first_run(hub: Hub) -> None:
    # One for each run that may train, and one for a run to be built meanwhile.
    assert len(hub._registry.scheduler.processes) == 2
    until(lambda: all(process.ready for process in hub._registry.scheduler.processes))


def test_equal_configurations_are_one_run(hub: Hub) -> None:
    first = hub.open(CQL)
    assert hub.open(RunConfig.from_json(CQL.to_json())) == first
    assert hub.open(CQL, private=True) != first
    assert hub.open(NOISY) != first
    assert len(first) >= 20


def test_a_viewer_is_greeted_in_order(hub: Hub) -> None:
    watcher = Watcher(hub, hub.open(CQL))
    until(watcher.frames)
    assert watcher.binaries[0]["kind"] == "static"
    hello = watcher.of("hello")[0]
    assert hello["run"]["config"] == CQL.to_json()
    assert hello["truth"]["optimal"] == pytest.approx(0.95**11)
    assert [f["step"] for f in watcher.frames()] == [0]
    assert watcher.wait_for("paused")["alone"] is True


def test_training_reaches_all_who_play_and_a_pause_is_ones_own(hub: Hub) -> None:
    run_id = hub.open(NOISY)
    one, two = Watcher(hub, run_id), Watcher(hub, run_id)
    until(two.frames)
    one.say("play")
    until(lambda: len(one.frames()) > 3)
    # Nobody is pulled along: who has not pressed play keeps looking at what he looks at.
    assert len(two.frames()) == 1
    two.say("play")
    until(lambda: len(two.frames()) > 3)
    one.say("pause")
    seen = len(one.frames())
    until(lambda: len(two.frames()) > seen + 5)
    assert hub.info(run_id)["state"] == "running"
    assert len(one.frames()) == seen
    # Play brings what was missed.
    one.say("play")
    until(lambda: len(one.frames()) > seen + 5)
    missed = [f["seq"] for f in one.frames()]
    assert missed == list(range(missed[0], missed[-1] + 1))
    one.say("pause")
    two.say("pause")
    assert two.wait_for("paused")["playing"] is False
    last = until(lambda: hub.info(run_id)["state"] == "paused" and hub.info(run_id)["step"])
    until(lambda: one.frames()[-1]["step"] == two.frames()[-1]["step"] == last)


def test_alone_a_change_acts_in_place_and_is_marked(hub: Hub) -> None:
    run_id = hub.open(CQL)
    watcher = Watcher(hub, run_id)
    watcher.say("play")
    until(lambda: len(watcher.frames()) > 3)
    assert watcher.answer(watcher.say("set", lane=0, values={"alpha": 3.0}))["type"] == "accepted"
    (mark,) = until(lambda: watcher.of("mark"))
    assert mark["what"] == {"alpha": [0.1, 3.0]}
    assert hub.current(run_id)[0]["alpha"] == 3.0
    config = hub.info(run_id)["config"]
    assert [(c.step, dict(c.values)) for c in config.changes] == [(mark["step"], {"alpha": 3.0})]
    # It is no longer what others get who open the configuration it began as.
    assert hub.open(CQL) != run_id
    late = Watcher(hub, run_id)
    until(lambda: late.of("mark"))
    declared = {h["name"]: h["value"] for h in late.of("hello")[0]["lanes"][0]["hyperparameters"]}
    assert declared["alpha"] == 3.0


def test_a_choice_that_is_changed_live_brings_its_equation(hub: Hub) -> None:
    run_id = hub.open(RunConfig("double-crossing", {}, (Lane("cql", hyperparameters={"form": "lecture-d"}),)))
    watcher = Watcher(hub, run_id)
    until(watcher.frames)
    (lane,) = watcher.of("hello")[0]["lanes"]
    penalty = r"\left(\log\sum_{b} e^{Q(s',b)} - Q(s',a')\right)^2"
    assert lane["formulas"]["loss_penalty"] == rf"\alpha\,\mathbb{{E}}\left[{penalty}\right]"
    assert penalty in lane["equation"]
    watcher.say("set", lane=0, values={"form": "lecture-a"})
    (news,) = until(lambda: watcher.of("equation"))
    assert news["lane"] == 0
    assert news["formulas"]["loss_penalty"] == r"\alpha\,\mathbb{E}\left[\sum_{b} Q(s',b)\right]"
    assert r"\mathcal{R} = \sum_{b} Q(s',b)" in news["equation"]
    late = Watcher(hub, run_id)
    until(lambda: late.of("hello"))
    assert late.of("hello")[0]["lanes"][0]["formulas"] == news["formulas"]
    late.leave()
    # A number leaves the equation as it is.
    assert watcher.answer(watcher.say("set", lane=0, values={"alpha": 2.0}))["type"] == "accepted"
    until(lambda: len(watcher.of("mark")) == 2)
    assert len(watcher.of("equation")) == 1


def test_a_drag_while_paused_is_one_mark_and_one_change(hub: Hub) -> None:
    run_id = hub.open(CQL)
    watcher = Watcher(hub, run_id)
    until(watcher.frames)
    for values in ({"alpha": 0.5}, {"alpha": 2.0}, {"gamma": 0.9}):
        assert watcher.answer(watcher.say("set", lane=0, values=values))["type"] == "accepted"
    until(lambda: len(watcher.of("mark")) == 3)
    came_to = {"alpha": [0.1, 2.0], "gamma": [0.95, 0.9]}
    assert watcher.of("mark")[-1]["what"] == came_to
    late = Watcher(hub, run_id)
    until(lambda: late.of("mark"))
    assert [mark["what"] for mark in late.of("mark")] == [came_to]
    # Who opens what the run has become finds the run itself.
    assert hub.open(CQL.changed(0, 0, {"alpha": 2.0, "gamma": 0.9})) == run_id


def test_beside_others_a_change_acts_in_a_copy(hub: Hub) -> None:
    run_id = hub.open(NOISY)
    one, two = Watcher(hub, run_id), Watcher(hub, run_id)
    one.say("play")
    two.say("play")
    until(lambda: len(two.frames()) > 6)
    two.say("pause")
    at = two.frames()[-1]
    two.say("set", lane=0, values={"alpha": 2.0})
    moved = until(lambda: two.of("moved"))[0]
    assert (moved["step"], moved["parent"]) == (at["step"], run_id)
    assert hub.info(run_id)["config"] == NOISY
    two.leave()
    copy = Watcher(hub, moved["run_id"], after=moved["after"])
    until(lambda: copy.frames() and copy.state()["state"] == "paused")
    # Only what is new is sent: the copy at the step of the change, with the change.
    assert [f["step"] for f in copy.frames()] == [at["step"]]
    assert [c.step for c in hub.info(moved["run_id"])["config"].changes] == [at["step"]]
    assert hub.info(moved["run_id"])["parent"]["what"] == {"alpha": 2.0}
    newcomer = Watcher(hub, moved["run_id"])
    until(lambda: len(newcomer.frames()) > 1)
    assert newcomer.frames()[0]["step"] == 0
    engine = Engine(NOISY.changed(at["step"], 0, {"alpha": 2.0}))
    engine.advance(at["step"])
    frame = hub.export(moved["run_id"]).frames[-1]
    np.testing.assert_array_equal(frame.fields["q"], engine.look().tables["q"])


def test_a_branch_continues_to_the_bit_and_the_trunk_stays(hub: Hub) -> None:
    run_id = hub.open(NOISY)
    watcher = Watcher(hub, run_id)
    watcher.say("play")
    until(lambda: hub.info(run_id)["step"] > 300)
    watcher.say("pause")
    watcher.wait_for("paused")
    with pytest.raises(ConfigError, match="has come to step"):
        hub.branch(run_id, 10**6, 0, {"alpha": 1.0})
    step = 137
    branch = hub.branch(run_id, step, 0, {"gamma": 0.9})
    until(lambda: hub.info(branch)["state"] == "paused")
    hub.play(branch)
    until(lambda: hub.info(branch)["step"] > step + 20)
    hub.pause(branch)
    until(lambda: hub.info(branch)["state"] == "paused")
    frames = hub.export(branch).frames
    assert frames[0].step == 0
    assert step in [f.step for f in frames]
    engine = Engine(NOISY.changed(step, 0, {"gamma": 0.9}))
    engine.advance(frames[-1].step)
    np.testing.assert_array_equal(frames[-1].fields["q"], engine.look().tables["q"])
    assert hub.info(run_id)["config"] == NOISY


def test_steps_and_reset(hub: Hub) -> None:
    run_id = hub.open(NOISY)
    watcher = Watcher(hub, run_id)
    watcher.wait_for("paused")
    watcher.say("step", unit="update")
    watcher.say("step", unit="epoch")
    per_epoch = watcher.of("hello")[0]["steps_per_epoch"]
    until(lambda: watcher.frames()[-1]["step"] == 1 + per_epoch)
    assert hub.info(run_id)["state"] == "paused"
    watcher.say("set", lane=0, values={"alpha": 0.7})
    until(lambda: watcher.of("mark"))
    watcher.say("reset")
    moved = until(lambda: watcher.of("moved"))[0]
    assert moved["step"] == -1
    fresh = hub.info(moved["run_id"])
    assert (fresh["step"], fresh["config"].changes) == (0, ())
    assert hub.current(moved["run_id"])[0]["alpha"] == 0.7


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
    assert sum(info["state"] == "running" for info in hub.runs()) == 1


def test_who_waits_gets_a_turn() -> None:
    hub = Hub(HubSettings(workers=1, turn=0.6)).start()
    try:
        one, two = hub.open(CQL), hub.open(NOISY)
        hub.play(one)
        hub.play(two)
        until(lambda: hub.info(two)["step"] > 3)
        steps = hub.info(one)["step"]
        until(lambda: hub.info(one)["step"] > steps)
        # Taking turns does not change the numbers.
        hub.pause(two)
        until(lambda: hub.info(two)["state"] == "paused")
        frame = hub.export(two).frames[-1]
        engine = Engine(NOISY)
        engine.advance(frame.step)
        np.testing.assert_array_equal(frame.fields["q"], engine.look().tables["q"])
    finally:
        hub.close()


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
    hub = Hub(HubSettings(workers=2)).start()
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
        np.testing.assert_array_equal(frames[-1].fields["q"], engine.look().tables["q"])
        until(lambda: len(hub._registry.scheduler.processes) == 3)
    finally:
        hub.close()


def test_a_checkpoint_beyond_the_last_frame_does_no_harm(hub: Hub) -> None:
    run_id = hub.open(NOISY)
    hub.play(run_id)
    until(lambda: hub.info(run_id)["step"] > 40)
    hub.pause(run_id)
    until(lambda: hub.info(run_id)["state"] == "paused")
    run = hub._registry.runs[run_id]
    engine = Engine(NOISY)
    engine.advance(run.step + 7)
    with hub._lock:
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


def test_what_nobody_watches_pauses_and_is_let_go() -> None:
    hub = Hub(HubSettings(workers=1, pause_after=0.6, drop_after=2.0)).start()
    try:
        run_id = hub.open(NOISY)
        watcher = Watcher(hub, run_id)
        watcher.say("play")
        until(lambda: hub.info(run_id)["state"] == "running")
        watcher.leave()
        assert hub.info(run_id)["state"] == "running"
        until(lambda: hub.info(run_id)["state"] == "paused", 5)
        until(lambda: all(info["id"] != run_id for info in hub.runs()), 5)
        with pytest.raises(UnknownRun):
            hub.info(run_id)
        # Who comes back with an old link gets the same run from its configuration.
        back = Watcher(hub, run_id)
        until(lambda: back.of("hello"))
        assert back.of("hello")[0]["run"]["config"] == NOISY.to_json()
        with pytest.raises(UnknownRun):
            hub.join("never-was-a-run", lambda: None)
    finally:
        hub.close()


def test_a_budget_that_is_spent_can_be_lengthened(hub: Hub) -> None:
    run_id = hub.open(RunConfig("double-crossing", {}, NOISY.lanes, budget=30))
    watcher = Watcher(hub, run_id)
    watcher.say("play")
    assert watcher.wait_for("finished")["reason"].startswith("budget spent: 30")
    assert watcher.state()["playing"] is False
    watcher.say("play")
    until(lambda: watcher.state()["step"] == 60 and watcher.state()["state"] == "finished")
    assert watcher.state()["budget"] == 60


def test_the_fastest_playing_viewer_sets_the_speed(hub: Hub) -> None:
    run_id = hub.open(NOISY)
    one, two = Watcher(hub, run_id), Watcher(hub, run_id)
    one.say("speed", value=20)
    one.say("play")
    two.say("play")
    two.say("speed", value=50)
    assert hub.info(run_id)["speed"] == 50
    two.say("speed", value=0)
    assert hub.info(run_id)["speed"] == 0
    two.say("pause")
    assert hub.info(run_id)["speed"] == 20


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


def test_other_members_are_sent_on_demand(hub: Hub) -> None:
    lane = Lane("bcq", hyperparameters={"rho": (0.0, 0.1, 0.3)})
    run_id = hub.open(RunConfig("double-crossing", {}, (lane,), budget=0))
    watcher = Watcher(hub, run_id)
    watcher.say("play")
    until(lambda: len(watcher.frames()) > 5)
    watcher.say("pause")
    watcher.wait_for("paused")
    number = watcher.say("history", member=2)
    (history,) = until(lambda: watcher.of("history"))
    assert (history["id"], history["member"]) == (number, 2)
    frames = hub.export(run_id).frames
    assert [f["seq"] for f in history["frames"]] == [f.seq for f in frames]
    last = wire.unpack(history["frames"][-1]["fields"], history["payload"])
    np.testing.assert_array_equal(last["q"], frames[-1].fields["q"][2])
    watcher.say("view", member=1, members=[0, 2])
    shown = until(lambda: [f for f in watcher.of("frame") if f.get("members") == [0, 2]])[-1]
    both = wire.unpack(shown["fields"], shown["payload"])
    np.testing.assert_array_equal(both["policy"], frames[-1].fields["policy"][[0, 2]])
    numbers = [watcher.say("history", member=0) for _ in range(20)]
    answers = [watcher.answer(number) for number in numbers[16:]]
    assert [answer["type"] for answer in answers] == ["refused"] * 4
    assert answers[0]["message"] == "earlier answers are still on their way"
    assert watcher.answer(watcher.say("view", member=3))["message"].endswith("members 0 to 2")
    assert watcher.answer(watcher.say("select", state=24))["type"] == "refused"
    assert watcher.answer(watcher.say("explain", member=0, row=0))["data"]["row"] == 0


def test_a_large_world_sends_small_frames_and_the_selected_state_whole(hub: Hub) -> None:
    run_id = hub.open(RunConfig("icu-sepsis", {}, (Lane("bcq"),), budget=0))
    watcher = Watcher(hub, run_id)
    until(watcher.frames, 40)
    watcher.say("select", state=100)
    for mode in ("q", "truth", "weights", "behavior"):
        watcher.say("view", member=0, mode=mode)
    watcher.say("step", unit="update")
    until(lambda: watcher.frames()[-1]["step"] == 1)
    sizes = [len(m["payload"]) for m in watcher.binaries if m["kind"] == "frame"]
    assert max(sizes) < 63_000
    frames = hub.export(run_id).frames
    newest = [m for m in watcher.binaries if m["kind"] == "frame"][-1]
    arrays = wire.unpack(newest["fields"], newest["payload"])
    exact = frames[-1].fields
    assert newest["selected"]["state"] == 100
    for row, name in enumerate(newest["selected"]["rows"]):
        np.testing.assert_array_equal(arrays["selected"][row], exact[name][0, 100].astype(np.float32))
    span = exact["q"].max() - exact["q"].min()
    assert np.abs(arrays["q"] - exact["q"][0]).max() <= span / 254
    (selected,) = watcher.of("selected")
    rows = wire.unpack(selected["fields"], selected["payload"])["selected"]
    assert selected["steps"] == [0]
    np.testing.assert_array_equal(rows[0, selected["rows"].index("q")], frames[0].fields["q"][0, 100])


def test_a_dataset_of_ones_own_trains_in_a_worker(hub: Hub) -> None:
    data = Dataset.from_columns([0, 1] * 20, [0, 1, 1, 0] * 10, [0.0, 1.0, 0.0, 0.0] * 10, [False, True] * 20)
    name = hub.add_dataset(data)
    run_id = hub.open(RunConfig(name, {}, (Lane("constrained-q"),), budget=50))
    hub.play(run_id)
    until(lambda: hub.info(run_id)["state"] == "finished")
    engine = Engine(RunConfig(name, {}, (Lane("constrained-q"),)))
    engine.advance(50)
    np.testing.assert_array_equal(hub.export(run_id).frames[-1].fields["q"], engine.look().tables["q"])


def test_a_server_has_its_limits() -> None:
    hub = Hub(HubSettings(workers=1, max_runs=2, max_viewers=1)).start()
    try:
        first, second = hub.open(CQL), hub.open(NOISY)
        Watcher(hub, second)
        with pytest.raises(HubFull, match="1 viewers"):
            hub.join(first, lambda: None)
        third = hub.open(RunConfig("double-crossing", {}, (Lane("bc"),)))
        assert {info["id"] for info in hub.runs()} == {second, third}
    finally:
        hub.close()


def test_too_much_memory_lets_the_unwatched_go_first() -> None:
    hub = Hub(HubSettings(workers=1, memory=60_000)).start()
    try:
        watched, alone = hub.open(NOISY), hub.open(CQL)
        watcher = Watcher(hub, watched)
        until(lambda: hub.info(alone)["nbytes"])
        watcher.say("play")
        until(lambda: all(info["id"] != alone for info in hub.runs()))
        until(lambda: hub.info(watched)["step"] > 500)
        until(lambda: hub.info(watched)["nbytes"] < 60_000)
    finally:
        hub.close()


@pytest.mark.parametrize("text", ["0", "many", "-2", "1.5"])
def test_a_wrong_number_of_workers_is_refused(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    monkeypatch.setenv("OFFRL_WORKERS", text)
    with pytest.raises(ValueError, match="OFFRL_WORKERS"):
        Hub()
