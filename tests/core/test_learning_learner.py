"""The Learner's own behaviour: members, live changes, checkpoints, divergence, snapshots, histories."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest
from learning_cases import one_state, random_data, vectors

import offrl_core as orl
from offrl_core.hyperparameters import HyperparameterError
from offrl_core.learning.feed import DRAWS, draws
from offrl_core.learning.metrics import metrics

DATA = random_data(1, rows=200)


def test_members_are_the_product_in_the_order_given_seeds_fastest() -> None:
    learner = orl.Learner(DATA, "bcq", gamma=[0.5, 0.9], rho=[0, 0.1, 0.3], seeds=2)
    assert len(learner.members) == 12
    values = [(m.values["gamma"], m.values["rho"], m.seed) for m in learner.members]
    assert values == [(g, p, k) for g in (0.5, 0.9) for p in (0, 0.1, 0.3) for k in (0, 1)]
    assert learner.members[5].label == "gamma=0.5 rho=0.3 seed=1"
    assert [m.index for m in learner.members] == list(range(12))
    assert learner.hyperparameters["rho"] == [0, 0.1, 0.3]
    assert orl.Learner(DATA, "bc").members[0].label == ""
    assert [m.seed for m in orl.Learner(DATA, "bc", seeds=[7, 3]).members] == [7, 3]


def test_structural_axes_train_side_by_side() -> None:
    learner = orl.Learner(DATA, "cql", form=["lecture-c", "paper"], alpha=[0.1, 1.0], seeds=2)
    learner.advance(30)
    together = learner.snapshot().q
    for place, (form, alpha, seed) in enumerate(
        (f, x, k) for f in ("lecture-c", "paper") for x in (0.1, 1.0) for k in (0, 1)
    ):
        alone = orl.Learner(DATA, "cql", form=form, alpha=alpha, seeds=[seed])
        alone.advance(30)
        np.testing.assert_array_equal(alone.snapshot().q[0], together[place])
    mixed = orl.Learner(vectors(), "bcq", approximator="mlp", hidden=["16", "32-32"], batch_size=[8, 16])
    mixed.advance(3)
    assert np.isfinite(mixed.snapshot().q).all()


def test_members_beyond_the_cache_are_trained_in_blocks_and_stay_the_same() -> None:
    wide = orl.Learner(vectors(), "bc", approximator="mlp", seeds=20)
    assert len(wide._programs) > 1
    wide.advance(5)
    alone = orl.Learner(vectors(), "bc", approximator="mlp", seeds=[19])
    alone.advance(5)
    np.testing.assert_array_equal(wide.snapshot().policy[19], alone.snapshot().policy[0])


def test_too_many_members_are_refused() -> None:
    with pytest.raises(HyperparameterError, match="1100 members are too many"):
        orl.Learner(DATA, "bcq", rho=[i / 100 for i in range(100)], seeds=11)
    for seeds in (0, -1, 1.5, "3", [], [0.5], [-1], [True]):
        with pytest.raises(HyperparameterError, match="seed"):
            orl.Learner(DATA, "bc", seeds=seeds)


def test_rows_are_drawn_from_seed_and_step_alone() -> None:
    np.testing.assert_array_equal(draws(5, 2, 100, 8), draws(5, 2, 100, 8))
    assert draws(5, 2, 100, 8).shape == (DRAWS, 8)
    assert not np.array_equal(draws(5, 2, 100, 8), draws(5, 3, 100, 8))
    assert not np.array_equal(draws(5, 2, 100, 8), draws(6, 2, 100, 8))
    many = draws(0, 0, 10, 4000).ravel()
    np.testing.assert_allclose(np.bincount(many, minlength=10) / len(many), 0.1, atol=0.005)


@pytest.mark.parametrize("approximator", ["table", "linear", "mlp"])
def test_steps_in_any_portions_are_the_same(approximator: str) -> None:
    whole, pieces = (orl.Learner(DATA, "iql", approximator=approximator, batch_size=16) for _ in range(2))
    whole.advance(75)
    for portion in (1, 2, 30, 31, 0, 11):
        pieces.advance(portion)
    np.testing.assert_array_equal(whole.snapshot().policy, pieces.snapshot().policy)


def test_set() -> None:
    learner = orl.Learner(DATA, "bcq", rho=[0.0, 0.2], gamma=[0.5, 0.7, 0.9], seeds=2)
    learner.set(gamma=[0.1, 0.2, 0.3], rho=0.25)
    assert learner.hyperparameters["gamma"] == [0.1, 0.2, 0.3]
    assert learner.hyperparameters["rho"] == [0.25, 0.25]
    assert [v["gamma"] for v in learner._values] == [0.1, 0.1, 0.2, 0.2, 0.3, 0.3] * 2
    before = learner._values
    for bad, match in (
        ({"gamma": [0.1, 0.2]}, "2 values given, but it is an axis of 3"),
        ({"target_rate": [0.1, 0.2]}, "not an opened axis"),
        ({"gamma": 1.5}, "must be a number from 0 to 1"),
        ({"batch_size": 8}, "restarts the run"),
        ({"initial_spread": 1.0}, "restarts the run"),
        ({"beta": 1.0}, "unknown hyperparameter 'beta'"),
        ({"rho": 0.5, "gamma": -1}, "gamma = -1"),
    ):
        with pytest.raises(HyperparameterError, match=match):
            learner.set(**bad)
        assert learner._values == before


def test_set_acts_on_the_next_update_and_only_there() -> None:
    learner = orl.Learner(DATA, "mc-q", learning_rate=0.5, gamma=0.9)
    learner.advance(1)
    first = learner.snapshot().q
    learner.set(learning_rate=1.0, gamma=0.0)
    np.testing.assert_array_equal(learner.snapshot().q, first)
    learner.advance(1)
    total = np.zeros((DATA.n_states, DATA.n_actions))
    np.add.at(total, (DATA.observations, DATA.actions), DATA.rewards)
    seen = DATA.counts > 0
    np.testing.assert_allclose(learner.snapshot().q[0][seen], (total / np.maximum(DATA.counts, 1))[seen], atol=1e-5)


def test_a_switched_target_network_starts_from_now() -> None:
    learner = orl.Learner(DATA, "q-learning")
    learner.advance(10)
    learner.set(target_update="hard", target_period=1000)
    program = learner._programs[0][1]
    np.testing.assert_array_equal(program.parts.target, program.parts.parameters)


def test_states_of_other_learners_are_refused() -> None:
    learner = orl.Learner(DATA, "bcq", seeds=2)
    with pytest.raises(ValueError, match="algorithm 'cql'"):
        learner.load_state_dict(orl.Learner(DATA, "cql", seeds=2).state_dict())
    with pytest.raises(ValueError, match="seeds"):
        learner.load_state_dict(orl.Learner(DATA, "bcq", seeds=3).state_dict())
    with pytest.raises(ValueError, match="shape"):
        learner.load_state_dict(orl.Learner(random_data(5, rows=50), "bcq", seeds=2).state_dict())
    for data in (b"", b"abc", orl.Learner(DATA, "cql", seeds=2).to_bytes()[:200]):
        with pytest.raises(ValueError, match="not a learner's state"):
            learner.from_bytes(data)
    learner.advance(1)


def test_the_diverged_stop_and_the_others_go_on() -> None:
    data = orl.load_dataset("deadly-triad")
    learner = orl.Learner(data, "q-learning", approximator="linear", gamma=[1.0, 0.4, 0.9, 0.5])
    assert learner.advance(300) == 300
    assert [(d.index, d.step, d.what, d.member) for d in learner.divergences] == [
        (0, 128, "q", "gamma=1"),
        (2, 151, "q", "gamma=0.9"),
    ]
    assert learner.diverged is learner.divergences[0]
    assert learner.active == [1, 3]
    assert str(learner.diverged) == "stopped before update 128 (gamma=1): q became inf, state 0, action 1"
    snapshot = learner.snapshot()
    assert snapshot.step == 300
    np.testing.assert_array_equal(snapshot.q[0, 0], [2.0**127, np.inf])  # the weight is finite, what it means no longer
    alone = orl.Learner(data, "q-learning", approximator="linear", gamma=0.4)
    alone.advance(300)
    np.testing.assert_array_equal(snapshot.q[1], alone.snapshot().q[0])
    learner.set(gamma=0.3)
    saved = learner.to_bytes()
    learner.advance(50)
    again = orl.Learner(data, "q-learning", approximator="linear", gamma=[1.0, 0.4, 0.9, 0.5])
    again.from_bytes(saved)
    again.advance(50)
    np.testing.assert_array_equal(again.snapshot().q, learner.snapshot().q)
    assert [d.step for d in again.divergences] == [128, 151]


@pytest.mark.parametrize("portion", [1, 7, 500])
def test_divergence_is_found_at_its_update_however_one_steps(portion: int) -> None:
    learner = orl.Learner(orl.load_dataset("deadly-triad"), "q-learning", approximator="linear")
    done = sum(learner.advance(portion) for _ in range(0, 500, portion))
    assert (done, learner.step, learner.diverged.step) == (127, 127, 128)


def test_overflow_is_traced_to_the_row_it_came_from() -> None:
    data = one_state([0, 1, 1], [0.1, 9.5, 0.2])
    learner = orl.Learner(data, "rwr", temperature=[0.1, 1.0], signal="reward")
    assert learner.advance(10) == 10
    (record,) = learner.divergences
    assert (record.what, record.value, record.row, record.action, record.state) == ("weight", "inf", 1, 1, 0)
    assert learner.snapshot().metrics["weight_max"][0] == np.inf
    network = orl.Learner(vectors(), "emrl", approximator="linear", optimizer="sgd", learning_rate=2.0)
    network.advance(5)
    assert network.step == 5


def test_snapshot_of_a_new_learner() -> None:
    snapshot = orl.Learner(DATA, "bcq", initial_value=3.0, initial_spread=0.0).snapshot()
    assert snapshot.step == 0
    np.testing.assert_array_equal(snapshot.q, 3.0)
    np.testing.assert_allclose(snapshot.behavior, 1 / DATA.n_actions)
    np.testing.assert_allclose(snapshot.policy, 1 / DATA.n_actions)  # all equal: ties are shared
    assert snapshot.weights is None
    with pytest.raises(AttributeError):
        snapshot.step = 1


def test_snapshots_do_not_change_afterwards() -> None:
    learner = orl.Learner(DATA, "awac", seeds=2)
    snapshot = learner.snapshot()
    copies = {name: np.copy(getattr(snapshot, name)) for name in ("q", "v", "policy", "weights", "advantages")}
    learner.advance(20)
    for name, copy in copies.items():
        np.testing.assert_array_equal(getattr(snapshot, name), copy)


def test_metrics_by_hand() -> None:
    learner = orl.Learner(DATA, "awac", seeds=2, temperature=0.7)
    learner.advance(40)
    s = learner.snapshot()
    counts = DATA.counts
    seen, visited = counts > 0, counts.sum(axis=1) > 0
    share = counts.sum(axis=1) / len(DATA)
    for m in range(2):
        assert s.metrics["q_data"][m] == pytest.approx(s.q[m][seen].mean(), rel=1e-5)
        assert s.metrics["q_missing"][m] == pytest.approx(s.q[m][~seen & visited[:, None]].mean(), rel=1e-5)
        assert s.metrics["q_max"][m] == s.q[m][visited].max()
        entropy = -(s.policy[m] * np.log(s.policy[m])).sum(axis=1)
        assert s.metrics["entropy"][m] == pytest.approx(share @ entropy, rel=1e-5)
        assert s.metrics["mass_unseen"][m] == pytest.approx(
            share @ np.where(seen, 0, s.policy[m]).sum(axis=1), rel=1e-4
        )
        starts = np.bincount(DATA.initial_observations, minlength=DATA.n_states) / DATA.n_episodes
        assert s.metrics["value_start"][m] == pytest.approx(starts @ s.v[m], rel=1e-5)
        w = np.exp((s.q[m] - s.v[m][:, None]) / 0.7)[DATA.observations, DATA.actions].astype(float)
        assert s.metrics["effective_sample_size"][m] == pytest.approx(w.sum() ** 2 / (len(w) * (w**2).sum()), rel=1e-3)
        assert s.metrics["weight_max_share"][m] == pytest.approx(w.max() / w.sum(), rel=1e-3)
        assert s.metrics["weight_median"][m] == pytest.approx(np.sort(w)[len(w) // 2], rel=1e-3)
        assert s.metrics["weight_p90"][m] == pytest.approx(np.sort(w)[len(w) * 9 // 10], rel=1e-3)


def test_every_metric_says_what_it_is() -> None:
    for name, metric in metrics().items():
        assert metric.name == name
        assert metric.title
        assert metric.formula
        assert metric.help.endswith(".")
        assert metric.bad.endswith(".")
        assert metric.panel in ("return", "q", "loss", "weights", "policy")


def test_train_gives_a_table() -> None:
    data = orl.load_dataset("double-crossing")
    history = orl.train(data, "bcq", steps=90, snapshot_every=40, rho=[0.05, 0.9], seeds=2)
    assert [s.step for s in history.snapshots] == [0, 40, 80, 90]
    table = history.metrics
    assert len(table) == 16
    assert table.columns[:4].tolist() == ["step", "member", "seed", "rho"]
    last = table[table.step == 90]
    assert last["rho"].tolist() == [0.05, 0.05, 0.9, 0.9]
    expected = data.mdp.evaluate(history.final.policy, 0.95, endless="limit")
    np.testing.assert_allclose(last["return"], expected)
    assert history.final.step == 90
    stopped = orl.train(
        orl.load_dataset("deadly-triad"), "q-learning", approximator="linear", steps=500, snapshot_every=50
    )
    assert stopped.final.step == 127
    for steps, every in ((0, None), (10, 0)):
        with pytest.raises(ValueError, match="must be 1 or more"):
            orl.train(data, "bc", steps=steps, snapshot_every=every)
    with pytest.raises(ValueError, match="steps = -1"):
        orl.Learner(data, "bc").advance(-1)


def test_steps_per_epoch() -> None:
    assert orl.Learner(DATA, "bc").steps_per_epoch == 1
    assert orl.Learner(DATA, "bc", batch_size=64).steps_per_epoch == -(-len(DATA) // 64)


def test_merged_rows_are_the_same_as_all_rows() -> None:
    learner = orl.Learner(DATA, "iql", batch_size=0, approximator="linear", encoding="one-hot", optimizer="sgd")
    merged = learner.rows.merged((), np.array([0.9]))
    assert len(merged) < len(DATA)
    assert merged.count.sum() == len(DATA)
    assert merged.share.sum() == pytest.approx(1, rel=1e-6)
    for row in range(len(DATA)):
        first = merged.first[merged.of_row[row]]
        for column in (DATA.observations, DATA.actions, DATA.rewards, DATA.next_observations, DATA.terminations):
            assert column[first] == column[row]


def test_explain_says_what_the_update_used() -> None:
    data = orl.load_dataset("double-crossing")
    learner = orl.Learner(data, "q-learning", seeds=3)
    learner.advance(40)
    row = 20
    told = learner.explain(row, 1)
    steps = {step["name"]: step["value"] for step in told["steps"]}
    q = learner.snapshot().q[1].astype(float)
    s, a, n = data.observations[row], data.actions[row], data.next_observations[row]
    assert (told["state"], told["action"], told["next_state"]) == (s, a, n)
    assert steps["chosen"] == q[n].argmax()
    assert steps["target"] == pytest.approx(data.rewards[row] + 0.95 * q[n].max(), rel=1e-6)
    assert steps["delta"] == pytest.approx(steps["target"] - q[s, a], abs=1e-6)
    assert steps["chosen_count"] == data.counts[n, q[n].argmax()]
    seen = data.counts[n] > 0
    assert steps["constrained"] == pytest.approx(0.95 * q[n][seen].max(), rel=1e-6)
    assert steps["q_after"][0] == pytest.approx(q[s, a], rel=1e-6)
    learner.advance(1)
    assert steps["q_after"][1] == pytest.approx(learner.snapshot().q[1, s, a], rel=1e-6)
    unseen = int(np.flatnonzero(data.counts[s] == 0)[0])
    nothing = learner.explain((int(s), unseen), 0)
    assert (nothing["in_data"], nothing["count"], nothing["row"]) == (False, 0, None)
    for place, member in ((len(data), 0), (-1, 0), ((0, 9), 0), ((999, 0), 0), (0, 3)):
        with pytest.raises(ValueError, match="not allowed"):
            learner.explain(place, member)


def test_explain_says_where_a_row_stands() -> None:
    data = orl.load_dataset("double-crossing")
    learner = orl.Learner(data, "bcq")
    s, a = 4, 1
    same = np.flatnonzero((data.observations == s) & (data.actions == a))
    assert len(same) > 2
    # From one row of the pair to the next, and back.
    walked, row = [], int(same[0])
    while row is not None:
        told = learner.explain(row)
        assert (told["state"], told["action"], told["count"], told["rows"]) == (s, a, len(same), len(data))
        assert told["pair"]["at"] == len(walked)
        assert told["pair"]["previous"] == (walked[-1] if walked else None)
        walked.append(row)
        row = told["pair"]["following"]
    assert walked == same.tolist()
    # Along an episode: its rows are neighbours in the data, the last one ends it.
    row = int(data.episode_starts[7])
    told = learner.explain(row + 2)
    length = int(data.episode_starts[8]) - row
    assert told["episode"] == {"number": 7, "step": 2, "length": length, "first": row}
    last = learner.explain(row + length - 1)
    assert last["terminated"]
    assert last["next_action"] is None


def test_explain_a_row_of_vectors_shows_them() -> None:
    data = vectors()
    learner = orl.Learner(data, "bcq", approximator="mlp", hidden="16")
    told = learner.explain(3)
    assert told["observation"] == data.observations[3].tolist()
    assert told["next_observation"] == data.next_observations[3].tolist()
    assert told["pair"] == {"at": 0, "of": 1, "previous": None, "following": None}


def test_explain_a_weight() -> None:
    data = one_state([0, 0, 0, 1], [0.5, 0.5, 0.5, 2.0])
    learner = orl.Learner(data, "marwil", beta=2.0, weight_max=5.0)
    learner.advance(3000)
    told = learner.explain((0, 1))
    steps = {step["name"]: step["value"] for step in told["steps"]}
    v = 0.875
    assert steps["value"] == pytest.approx(v, abs=1e-4)
    assert steps["advantage"] == pytest.approx(2 - v, abs=1e-4)
    assert steps["raw_weight"] == pytest.approx(np.exp(2 * (2 - v)), rel=1e-3)
    assert steps["weight"] == 5
    low = np.exp(2 * (0.5 - v))
    assert steps["share"] == pytest.approx(5 / (5 + 3 * low), rel=1e-3)
    pi = steps["probability"]
    assert steps["gradient"] == pytest.approx([5 * (1 - pi), 5 * (pi - 1)], rel=1e-3)
    assert r"A &= y - V(s) = 1.125" in told["equation"]
    assert learner.algorithm.numbers(told) == told["equation"]


def test_training_needs_no_plot_no_tensors_and_no_tables() -> None:
    code = (
        "import sys, offrl_core as orl; d = orl.load_dataset('double-crossing');"
        "l = orl.Learner(d, 'bcq'); l.advance(2); l.snapshot();"
        "print([m for m in ('torch', 'streamlit', 'plotly', 'pandas') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
