"""The engine: the same numbers however it is driven, live changes at their step, the truth beside them."""

import numpy as np
import pytest

import offrl_core as orl
from offrl_core.evaluation.rollouts import measure
from offrl_core.learning.metric_catalogue import metrics
from offrl_live.runs import datasets, truths
from offrl_live.runs.checks import ConfigError
from offrl_live.runs.config import Change, Lane, RunConfig
from offrl_live.runs.engine import Engine
from offrl_live.runs.snapshot import RunSnapshot
from offrl_live.runs.wire import dumps, json_data

MLP = {"hidden": "16", "batch_size": 32}
LANES = (
    Lane("bcq", seeds=2, hyperparameters={"rho": (0.05, 0.3)}),
    Lane("cql", "mlp", hyperparameters=MLP),
)


def config(lanes=LANES, **fields) -> RunConfig:
    return RunConfig("double-crossing", {}, lanes, **fields)


def same(one: RunSnapshot, other: RunSnapshot) -> None:
    """Equal to the bit."""
    assert one.step == other.step
    assert one.metrics.keys() == other.metrics.keys()
    assert one.tables.keys() == other.tables.keys()
    for name, array in {**one.metrics, **one.tables}.items():
        other_array = {**other.metrics, **other.tables}[name]
        assert array.tobytes() == other_array.tobytes(), name


def test_slices_do_not_change_the_numbers() -> None:
    whole, sliced = Engine(config()), Engine(config())
    whole.advance(300)
    for updates in (1, 2, 97, 200):
        sliced.advance(updates)
        sliced.snapshot()
    same(whole.snapshot(), sliced.snapshot())


def test_a_checkpoint_continues_to_the_bit() -> None:
    first = Engine(config())
    first.advance(120)
    saved = first.checkpoint()
    first.advance(180)
    second = Engine(config())
    second.restore(saved)
    assert second.step == 120
    second.advance(180)
    same(first.snapshot(), second.snapshot())


def test_live_changes_act_at_their_step_and_are_replayed() -> None:
    live = Engine(config())
    live.advance(100)
    live.set(0, {"gamma": 0.5})
    live.advance(50)
    saved = live.checkpoint()
    live.advance(30)
    live.set(1, {"form": "paper", "alpha": 2.0})
    live.advance(40)
    assert live.config.changes == (Change(100, 0, {"gamma": 0.5}), Change(180, 1, {"alpha": 2.0, "form": "paper"}))
    assert [(m.step, m.lane, m.what["gamma"]) for m in live.marks[:1]] == [(100, 0, [0.95, 0.5])]

    again = Engine(live.config)
    again.advance(220)
    same(live.snapshot(), again.snapshot())
    assert again.marks == live.marks

    from_checkpoint = Engine(live.config)
    from_checkpoint.restore(saved)
    from_checkpoint.advance(70)
    same(live.snapshot(), from_checkpoint.snapshot())
    unchanged = Engine(config())
    unchanged.advance(220)
    assert unchanged.snapshot().tables["q"].tobytes() != live.snapshot().tables["q"].tobytes()


def test_a_drag_at_one_step_is_one_change_to_the_bit() -> None:
    copies = {"target_update": "hard", "target_period": 50}
    lanes = (Lane("iql"), Lane("q-learning", "mlp", hyperparameters={**MLP, **copies}))
    live = Engine(config(lanes))
    live.advance(30)
    for lane, values in (
        (0, {"expectile": 0.6}),
        (0, {"target_update": "hard"}),
        # There and back again within one step: the target network that was there must be there still.
        (1, {"target_update": "none"}),
        (0, {"expectile": 0.7}),
        (1, {"target_update": "hard", "gamma": 0.8}),
    ):
        live.set(lane, values)
        saved = live.checkpoint()
    live.advance(25)
    assert [(m.step, m.lane, dict(m.what)) for m in live.marks] == [
        (30, 0, {"expectile": [0.9, 0.7], "target_update": ["none", "hard"]}),
        (30, 1, {"target_update": ["hard", "hard"], "gamma": [0.95, 0.8]}),
    ]
    again = Engine(live.config)
    again.advance(55)
    same(live.snapshot(), again.snapshot())
    from_checkpoint = Engine(live.config)
    from_checkpoint.restore(saved)
    assert from_checkpoint.marks == live.marks
    from_checkpoint.advance(25)
    same(live.snapshot(), from_checkpoint.snapshot())


def test_a_branch_from_a_step_that_was_changed_has_its_own_values_there() -> None:
    trunk = Engine(config().changed(60, 0, {"learning_rate": 0.2}))
    trunk.advance(60)
    branched = Engine(trunk.config.changed(60, 0, {"learning_rate": 0.7}))
    branched.restore(trunk.checkpoint())
    branched.advance(40)
    anew = Engine(branched.config)
    anew.advance(100)
    same(branched.snapshot(), anew.snapshot())


def test_a_branch_is_the_run_with_another_future() -> None:
    trunk = Engine(config().changed(60, 0, {"learning_rate": 0.2}))
    trunk.advance(100)
    saved = trunk.checkpoint()
    trunk.advance(100)
    branched = trunk.config.changed(150, 0, {"rule": "relative"})
    fast, slow = Engine(branched), Engine(branched)
    fast.restore(saved)
    fast.advance(100)
    slow.advance(200)
    same(fast.snapshot(), slow.snapshot())


def test_a_refused_change_changes_nothing() -> None:
    engine, other = Engine(config()), Engine(config())
    engine.advance(20)
    for lane, values, words in (
        (0, {"gamma": 2.0}, "gamma = 2.0 is not allowed"),
        (0, {"rho": 0.2}, "open axis"),
        (0, {"initial_value": 1.0}, "restarts the run"),
        (0, {"alpha": 1.0}, "unknown hyperparameter"),
        (0, {"gamma": 0.5, "learning_rate": -1}, "learning_rate = -1"),
        (5, {"gamma": 0.5}, "lane = 5"),
        (0, {}, "at least one"),
    ):
        with pytest.raises(ConfigError, match=words):
            engine.set(lane, values)
    engine.advance(20)
    other.advance(40)
    same(engine.snapshot(), other.snapshot())
    assert engine.marks == []


def test_lanes_are_the_learners_they_would_be_alone() -> None:
    engine = Engine(config())
    engine.advance(150)
    snapshot, data = engine.snapshot(), orl.load_dataset("double-crossing")
    alone = orl.Learner(data, "cql", approximator="mlp", **MLP)
    alone.advance(150)
    np.testing.assert_array_equal(snapshot.tables["q"][4:], alone.snapshot().q)
    # A member of an axis is the learner of that value and seed; cql has no clone of the behaviour, bcq has.
    single = orl.Learner(data, "bcq", rho=0.3, seeds=[1])
    single.advance(150)
    np.testing.assert_array_equal(snapshot.tables["q"][3], single.snapshot().q[0])
    assert np.isnan(snapshot.tables["behavior"][4]).all()
    assert not np.isnan(snapshot.tables["behavior"][:4]).any()
    described = [(m["lane"], m["algorithm"], m["values"].get("rho"), m["seed"]) for m in engine.members]
    assert described == [
        (0, "bcq", 0.05, 0),
        (0, "bcq", 0.05, 1),
        (0, "bcq", 0.3, 0),
        (0, "bcq", 0.3, 1),
        (1, "cql", None, 0),
    ]


def test_the_truth_stands_beside_the_estimate() -> None:
    engine = Engine(config((Lane("bcq"), Lane("bc"))))
    engine.advance(1000)
    snapshot, data = engine.snapshot(), orl.load_dataset("double-crossing")
    returns = [data.mdp.evaluate(policy, 0.95) for policy in snapshot.tables["policy"].astype(float)]
    np.testing.assert_allclose(snapshot.metrics["return"], returns, rtol=1e-5)
    assert snapshot.metrics["return"][0] == pytest.approx(0.95**11, abs=1e-5)
    assert snapshot.metrics["return"][1] == pytest.approx(0.230, abs=2e-3)
    assert snapshot.metrics["gap"][0] == pytest.approx(0.0, abs=1e-4)
    q_pi = data.mdp.q_value(snapshot.tables["policy"][0].astype(float), 0.95)
    np.testing.assert_allclose(snapshot.tables["q_pi"][0], q_pi, atol=1e-5)
    seen = data.counts > 0
    assert snapshot.metrics["q_data_true"][0] == pytest.approx(q_pi[seen].mean(), abs=1e-5)
    assert "q_pi" not in engine.snapshot(truth=False).tables


def test_a_live_discount_changes_the_truth() -> None:
    engine = Engine(config((Lane("bcq"),)))
    before = engine.truth()
    engine.advance(10)
    engine.set(0, {"gamma": 0.5})
    after = engine.truth()
    assert before["optimal"] == pytest.approx(0.95**11)
    assert after["optimal"] > 0
    assert after["optimal"] < 0.02
    assert after["gamma"] == 0.5
    assert engine.static()["q_star"].max() != pytest.approx(before["optimal"])


def test_members_that_run_away_stop_and_the_others_go_on() -> None:
    # exp(G/0.01) overflows float32 for G = 1.
    engine = Engine(config((Lane("rwr", hyperparameters={"temperature": (0.01, 1.0)}), Lane("bc"))))
    engine.advance(50)
    assert engine.step == 50
    assert not engine.stopped
    (alarm,) = engine.divergences()
    assert (alarm.kind, alarm.member, alarm.step) == ("diverged", 0, 50)
    assert "stopped before update 1" in alarm.cause
    assert "weight overflowed to infinity" in alarm.cause
    assert engine.divergences() == []
    policy = engine.snapshot().tables["policy"]
    assert np.isfinite(policy).all()
    alone = Engine(config((Lane("rwr", hyperparameters={"temperature": 1.0}),)))
    alone.advance(50)
    np.testing.assert_array_equal(policy[1], alone.snapshot().tables["policy"][0])


def test_a_run_without_members_left_stops_at_its_last_finite_step() -> None:
    wild = {"learning_rate": 2.0, "optimizer": "sgd", "hidden": "16"}
    engine = Engine(config((Lane("q-learning", "mlp", hyperparameters=wild),)))
    engine.advance(2000)
    assert engine.stopped
    (alarm,) = engine.divergences()
    assert (alarm.kind, alarm.step) == ("diverged", engine.step)
    assert 0 < engine.step < 100
    assert "overflowed to infinity" in engine.why_stopped
    # The update before made parameters that are finite, but not all that follows from them is: that is shown.
    exact = engine.lanes[0].snapshot()
    np.testing.assert_array_equal(engine.snapshot().tables["q"], exact.q)
    assert not np.isfinite(exact.q).all()
    stopped = engine.step
    engine.advance(10)
    assert engine.step == stopped


def test_it_describes_itself_in_plain_data() -> None:
    engine = Engine(config())
    hello = engine.describe()
    assert len(dumps(json_data(hello))) > 1000
    assert (hello["states"], len(hello["actions"]), len(hello["members"])) == (24, 4, 5)
    assert {"return", "gap", "q_data", "q_missing", "value_start"} <= {m["name"] for m in hello["metrics"]}
    rho = next(h for h in hello["lanes"][0]["hyperparameters"] if h["name"] == "rho")
    assert (rho["value"], rho["live"]) == ([0.05, 0.3], True)
    assert engine.static()["counts"].sum() == hello["rows"]


def test_a_transition_can_be_looked_into() -> None:
    engine = Engine(config())
    engine.advance(50)
    numbers = engine.explain(4, {"row": 0})
    assert numbers["row"] == 0
    assert numbers["steps"]
    for member, what in ((9, {"row": 0}), (0, {"row": 10**9}), (0, {"state": 0, "action": 99})):
        with pytest.raises(ValueError, match=r"no such|not allowed"):
            engine.explain(member, what)


def test_continuous_states_are_seen_at_their_probes() -> None:
    rng = np.random.default_rng(0)
    ends = np.arange(1, 101) % 10 == 0
    data = orl.Dataset.from_columns(rng.normal(size=(100, 3)), rng.integers(0, 2, 100), ends * 1.0, ends)
    engine = Engine(RunConfig(datasets.keep(data), {}, (Lane("bcq", "mlp", hyperparameters=MLP),)))
    engine.advance(20)
    snapshot = engine.snapshot()
    assert snapshot.tables["q"].shape == (1, engine.describe()["states"], 2)
    static = engine.static()
    assert static["probes"].shape == (100, 3)
    for probe, action in ((0, int(static["probe_actions"][0])), (57, int(static["probe_actions"][57]))):
        found = engine.explain(0, {"state": probe, "action": action})
        assert found["observation"] == static["probes"][probe].tolist()
        assert found["in_data"]
    assert "return" not in snapshot.metrics


def test_a_number_says_where_it_is_of_the_probes_only() -> None:
    said = "Taken over 256 rows of the data, the probes."
    many, all_of_them = orl.load_dataset("maze"), orl.load_dataset("double-crossing")
    for name, metric in metrics().items():
        assert truths.declared(name, many).help.endswith(said) == metric.probed
        assert truths.declared(name, all_of_them).help == metric.help
    assert {"weight_median", "weight_p90", "effective_sample_size", "entropy"} <= {
        name for name, metric in metrics().items() if metric.probed
    }


def test_where_the_world_is_no_known_mdp_returns_are_measured() -> None:
    lane = Lane("bc", "mlp", hyperparameters={"hidden": "16", "learning_rate": (0.001, 0.003)})
    engine = Engine(RunConfig("cartpole", {}, (lane, Lane("bcq", "mlp", hyperparameters={"gamma": 0.9}))))
    engine.advance(30)
    metrics = engine.snapshot().metrics
    world, gamma = engine.dataset.world, engine.dataset.gamma
    expected = [measure(world, engine.lanes[0].policy, gamma), measure(world, engine.lanes[1].policy, 0.9)]
    for name in ("mean", "low", "high"):
        column = metrics["return" if name == "mean" else f"return_{name}"]
        np.testing.assert_allclose(column, np.concatenate([getattr(e, name) for e in expected]), rtol=1e-5)
    assert metrics["gap"][2] == pytest.approx(metrics["value_start"][2] - metrics["return"][2], abs=1e-4)
    assert {"return", "return_low"} <= {m["name"] for m in engine.describe()["metrics"]}


def test_the_digits_are_judged_exactly() -> None:
    engine = Engine(RunConfig("digits-bandit", {}, (Lane("bc", "mlp", 2, {"hidden": "16"}),)))
    engine.advance(20)
    metrics, static = engine.snapshot().metrics, engine.static()
    expected = engine.dataset.world.exact_returns(engine.lanes[0].policy)
    for name in ("return", "return_low", "return_high"):
        np.testing.assert_allclose(metrics[name], expected, rtol=1e-6)
    assert static["q_star"].shape == (engine.describe()["states"], 10)
    np.testing.assert_array_equal(static["q_star"].sum(axis=1), 1)
    assert engine.describe()["truth"]["exact"] is True


def test_a_log_without_a_world_is_drawn_from_its_rows() -> None:
    names = ("home", "list", "out")
    data = orl.Dataset.from_columns(
        [0, 0, 1],
        [0, 1, 0],
        [0.0, 0.0, 1.0],
        [False, False, True],
        next_observations=[0, 1, 2],
        observation_names=names,
    )
    layout = Engine(RunConfig(datasets.keep(data), {}, (Lane("bc"),))).describe()["layout"]
    assert layout["kind"] == "table"
    assert [layout["labels"][i] for i in range(3)] == ["home", "list", "out"]
    assert layout["terminal"] == (2,)
    assert json_data(layout) == {**layout, **{k: list(v) for k, v in layout.items() if isinstance(v, tuple)}}
    rng = np.random.default_rng(0)
    vectors = orl.Dataset.from_columns(rng.normal(size=(40, 3)), [0, 1] * 20, np.zeros(40), [False, True] * 20)
    layout = Engine(RunConfig(datasets.keep(vectors), {}, (Lane("bc", "mlp", hyperparameters=MLP),))).describe()[
        "layout"
    ]
    assert layout["kind"] == "plane"
    assert len(layout["names"]) == 5
