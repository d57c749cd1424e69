"""A hub and its viewers: what each is sent, changes in place and in copies, and a run's limits."""

import numpy as np
import pytest

from offrl_live.runs import wire
from offrl_live.runs.config import Lane, RunConfig
from offrl_live.runs.engine import Engine
from offrl_live.serving.hub import Hub
from tests.live.watching import CQL, NOISY, Watcher, until


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
    # Nobody is pulled along: a viewer that has not pressed play keeps its frame.
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
    assert hub.info(run_id)["config"].current(0)["alpha"] == 3.0
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
    # Opening what the run has become finds the run itself.
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
    np.testing.assert_array_equal(frame.fields["q"], engine.snapshot().tables["q"])


def test_a_branch_continues_to_the_bit_and_the_trunk_stays(hub: Hub) -> None:
    run_id = hub.open(NOISY)
    watcher = Watcher(hub, run_id)
    watcher.say("play")
    until(lambda: hub.info(run_id)["step"] > 300)
    watcher.say("pause")
    watcher.wait_for("paused")
    refused = watcher.answer(watcher.say("branch", step=10**6, lane=0, values={"alpha": 1.0}))
    assert "has come to step" in refused["message"]
    step = 137
    watcher.say("branch", step=step, lane=0, values={"gamma": 0.9})
    branch = until(lambda: watcher.of("moved"))[0]["run_id"]
    until(lambda: hub.info(branch)["step"] > step + 20)
    hub.pause(branch)
    until(lambda: hub.info(branch)["state"] == "paused")
    frames = hub.export(branch).frames
    assert frames[0].step == 0
    assert step in [f.step for f in frames]
    engine = Engine(NOISY.changed(step, 0, {"gamma": 0.9}))
    engine.advance(frames[-1].step)
    np.testing.assert_array_equal(frames[-1].fields["q"], engine.snapshot().tables["q"])
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
    assert hub.info(moved["run_id"])["config"].current(0)["alpha"] == 0.7


def test_a_budget_that_is_spent_can_be_lengthened(hub: Hub) -> None:
    run_id = hub.open(RunConfig("double-crossing", {}, NOISY.lanes, budget=30))
    watcher = Watcher(hub, run_id)
    watcher.say("play")
    assert watcher.wait_for("finished")["reason"].startswith("its budget of 30")
    assert watcher.state()["playing"] is False
    watcher.say("play")
    until(lambda: watcher.state()["step"] == 60 and watcher.state()["state"] == "finished")
    assert watcher.state()["budget"] == 60


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
    # One stored frame, as it looks from here, however many were sent before.
    step = frames[3].step
    watcher.say("frame", step=step)
    one = until(lambda: [m for m in watcher.of("backlog") if [f["step"] for f in m["frames"]] == [step]])[-1]
    (head,) = one["frames"]
    assert head["members"] == [0, 2]
    np.testing.assert_array_equal(wire.unpack(head["fields"], one["payload"])["q"], frames[3].fields["q"][[0, 2]])
    # An earlier step's numbers, with the values of then.
    assert watcher.answer(watcher.say("explain", member=0, row=0, step=step))["step"] == step
    refused = watcher.answer(watcher.say("explain", member=0, row=0, step=10**6))
    assert "has come to step" in refused["message"]
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
