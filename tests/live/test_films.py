"""Films over the wire: asked for by a viewer, made beside the training, answered to that viewer alone."""

import numpy as np
import pytest

import offrl_core as orl
from offrl_core.evaluation.film import film
from offrl_live.runs import wire
from offrl_live.runs.commands import CommandError, parse
from offrl_live.runs.config import Lane, RunConfig
from offrl_live.runs.engine import Engine
from offrl_live.runs.films import world_message
from offrl_live.serving.hub import Hub
from tests.live.test_session import Bench
from tests.live.watching import Watcher, until

SMALL = {"hidden": "16", "batch_size": 32}
BCQ = RunConfig("double-crossing", {}, (Lane("bcq", seeds=2),), budget=0)
POLE = RunConfig("cartpole", {"episodes": 30}, (Lane("bcq", "mlp", 2, SMALL),), budget=0)


def ask(bench: Bench, **more) -> int:
    bench.do("film", **{"step": None, "member": 0, "seed": 0, "policy": None, "checkpoint": None, **more})
    return bench.order


def films(bench: Bench) -> list[tuple[dict, dict]]:
    return [(header, arrays) for header, arrays, _ in bench.sent if header["kind"] == "film"]


def test_a_standing_run_shows_its_policy() -> None:
    bench = Bench()
    bench.start(BCQ)
    hello = bench.of("built")[0]["hello"]
    assert hello["film"] == {"world": "double-crossing", "horizon": 200, "why_not": ""}
    number = ask(bench, member=1, seed=3)
    bench.run(lambda: films(bench))
    header, arrays = films(bench)[0]
    engine = Engine(BCQ)
    expected = film(engine.dataset.mdp, engine.snapshot().tables["policy"][1], 200, 3)
    np.testing.assert_array_equal(arrays["observations"], expected.observations.T)
    np.testing.assert_array_equal(arrays["actions"], expected.actions.T)
    np.testing.assert_allclose(arrays["rewards"], expected.rewards.T)
    assert (header["id"], header["viewer"], header["step"], header["member"]) == (number, 1, 0, 1)
    assert (header["seed"], header["horizon"], header["gamma"]) == (3, 200, 0.95)
    assert tuple(header["endings"]) == expected.endings
    assert header["lengths"] == expected.lengths.tolist()
    assert bench.worker.wait() is None


def test_the_run_trains_on_while_a_film_is_made_and_its_numbers_stay() -> None:
    bench = Bench()
    bench.start(POLE)
    bench.do("play", limit=0, keep_on=False)
    bench.run(lambda: bench.of("frame")[-1]["step"] >= 500)
    saved = next((h["step"], data) for h, _, data in bench.sent if h["kind"] == "checkpoint")
    run = bench.worker.session.engine
    first = run.step
    # Far from the checkpoint: the film takes many slices, and the run has its own between them.
    ask(bench, step=400, checkpoint=saved)
    bench.run(lambda: films(bench))
    assert run.step > first
    header, arrays = films(bench)[0]
    bench.do("pause")
    engine = Engine(POLE)
    engine.advance(400)
    expected = film(engine.dataset.world, engine.lanes[0].policy_of(0), 200)
    assert header["step"] == 400
    np.testing.assert_array_equal(arrays["observations"], expected.observations.swapaxes(0, 1))
    engine.advance(run.step - engine.step)
    assert engine.checkpoint() == run.checkpoint()


def test_a_newer_wish_replaces_the_older() -> None:
    bench = Bench()
    bench.start(BCQ)
    first, second = ask(bench), ask(bench, seed=1)
    bench.run(lambda: films(bench))
    assert [(h["id"], h["seed"]) for h, _ in films(bench)] == [(second, 1)]
    (refused,) = [h for h in bench.of("reply") if h["type"] == "refused"]
    assert refused["id"] == first
    assert "another step" in refused["message"]


def test_an_earlier_steps_numbers_are_those_of_that_step_with_the_values_in_force_then() -> None:
    bench = Bench()
    bench.start(BCQ)
    what = {"row": 0}
    engine = bench.worker.session.engine
    for updates, rho in ((4, 0.04), (6, 0.9)):
        engine.advance(updates)
        bench.do("set", lane=0, values={"rho": rho})
    bench.do("explain", member=1, what=what, step=7, checkpoint=None)
    bench.do("film", step=7, member=1, seed=0, policy=None, checkpoint=None)
    bench.run(lambda: films(bench) and [h for h in bench.of("reply") if h["type"] == "explain"])
    (answer,) = [h for h in bench.of("reply") if h["type"] == "explain"]
    alone = Engine(BCQ)
    alone.advance(4)
    alone.set(0, {"rho": 0.04})
    alone.advance(3)
    assert answer["step"] == 7
    assert answer["data"] == wire.json_data(alone.explain(1, what))
    assert answer["data"] != wire.json_data(engine.explain(1, what))
    # What no step can answer is refused there as well.
    bench.do("explain", member=0, what={"state": 0, "action": 99}, step=2, checkpoint=None)
    bench.run(lambda: not bench.worker.session.look_back.busy)
    assert bench.of("reply")[-1]["type"] == "refused"


def test_commands_are_checked() -> None:
    assert parse('{"cmd":"film","step":3,"member":1,"seed":9}').arguments == {"step": 3, "member": 1, "seed": 9}
    assert parse('{"cmd":"film"}').arguments == {}
    for wrong in ('"step":-1', '"step":null', '"seed":4294967296', '"member":0.5', '"horizon":3'):
        with pytest.raises(CommandError):
            parse('{"cmd":"film",' + wrong + "}")


def test_a_viewer_gets_its_film_and_nobody_else(hub: Hub) -> None:
    run_id = hub.open(POLE)
    watcher, other = Watcher(hub, run_id), Watcher(hub, run_id)
    assert "not ready" in watcher.answer(watcher.say("film"))["message"]
    until(watcher.frames)
    watcher.say("play")
    until(lambda: watcher.frames()[-1]["step"] > 60)
    early = next(f["step"] for f in watcher.frames() if f["step"] > 20)
    number = watcher.say("film", step=early, member=1, seed=2)
    (message,) = until(lambda: watcher.of("film"))
    assert message["id"] == number
    assert message["step"] == early
    engine = Engine(POLE)
    engine.advance(early)
    expected = film(engine.dataset.world, engine.lanes[0].policy_of(1), 200, 2)
    arrays = wire.unpack(message["fields"], message["payload"])
    np.testing.assert_array_equal(arrays["observations"], expected.observations.swapaxes(0, 1))
    watcher.say("pause")
    state = watcher.wait_for("paused")
    assert "has come to step" in watcher.answer(watcher.say("film", step=state["step"] + 1))["message"]
    assert "members 0 to 1" in watcher.answer(watcher.say("film", member=2))["message"]
    # Answered also by a run that rests: its worker is brought back.
    watcher.say("stop")
    watcher.say("film", seed=5)
    until(lambda: any(m["seed"] == 5 for m in watcher.of("film")))
    assert other.of("film") == []
    tabular = Watcher(hub, hub.open(BCQ))
    until(tabular.frames)
    tabular.say("film", step=0, member=1)
    (message,) = until(lambda: tabular.of("film"))
    assert message["step"] == 0
    digits = Watcher(hub, hub.open(RunConfig("digits-bandit", {}, (Lane("bc", "mlp", 1, SMALL),))))
    until(digits.frames)
    assert "single decision" in digits.answer(digits.say("film"))["message"]


def test_a_recording_carries_the_world_itself() -> None:
    for name, stochastic in (("double-crossing", False), ("frozen-lake", True)):
        data = orl.load_dataset(name)
        mdp = data.mdp
        assert mdp is not None
        message = world_message(data)
        assert message is not None
        header, arrays = wire.decode(message)
        P = np.zeros((mdp.n_states * mdp.n_actions, mdp.n_states))
        R = np.zeros(len(P))
        for pair, (first, end) in enumerate(zip(arrays["first"], arrays["first"][1:], strict=False)):
            for place in range(first, end):
                P[pair, arrays["next"][place]] += arrays["probability"][place]
                R[pair] += arrays["probability"][place] * arrays["reward"][place]
        np.testing.assert_allclose(P.reshape(mdp.P.shape), mdp.P, atol=1e-7)
        np.testing.assert_allclose(R.reshape(mdp.R.shape), mdp.R, atol=1e-6)
        np.testing.assert_allclose(arrays["initial"], mdp.initial)
        assert (arrays["probability"] > 0).all()
        assert (arrays["probability"] < 1).any() == stochastic
        assert header["endings"] == {str(s): mdp.ending(s) for s in np.flatnonzero(mdp.terminal)}
    assert world_message(orl.load_dataset("cartpole")) is None
