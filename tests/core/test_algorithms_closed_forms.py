"""One state: every reweighting has a closed form, and the table must reach it."""

from __future__ import annotations

import numpy as np
import pytest
from learning_cases import one_state

import offrl_core as orl
from offrl_core.declarations import HyperparameterError


def learned(data: orl.Dataset, name: str, steps: int = 1000, **choices: object) -> orl.Snapshot:
    learner = orl.Learner(data, name, **choices)
    assert learner.advance(steps) == steps
    return learner.snapshot()


ACTIONS, REWARDS = [0, 0, 0, 1, 1, 2], [0.5, 0.5, 0.5, 1.0, 1.0, 2.0]
DATA = one_state(ACTIONS, REWARDS, n_actions=3)
BEHAVIOR = np.array([3, 2, 1]) / 6
REWARD = np.array([0.5, 1.0, 2.0])


def normalized(x: np.ndarray) -> np.ndarray:
    return x / x.sum()


def test_bc_is_the_behaviour() -> None:
    np.testing.assert_allclose(learned(DATA, "bc").policy[0, 0], BEHAVIOR, atol=1e-4)


def test_bc_in_the_lecture_example_learns_one_half() -> None:
    data = one_state([0, 1], [0.9, 0.1])
    np.testing.assert_allclose(learned(data, "bc").policy[0, 0], [0.5, 0.5], atol=1e-6)
    np.testing.assert_allclose(learned(data, "emrl").policy[0, 0], [0.9, 0.1], atol=1e-4)


def test_emrl_is_proportional_to_behaviour_times_reward() -> None:
    np.testing.assert_allclose(learned(DATA, "emrl").policy[0, 0], normalized(BEHAVIOR * REWARD), atol=1e-4)


@pytest.mark.parametrize(
    ("name", "f"),
    [
        ("abs", np.abs),
        ("relu", lambda r: np.maximum(r, 0)),
        ("shifted", lambda r: r - r.min()),
        ("softplus", lambda r: np.log1p(np.exp(r))),
        ("exp", np.exp),
    ],
)
def test_weight_functions(name: str, f: object) -> None:
    rewards = np.array([-0.5, 0.25, 1.0])
    data = one_state(ACTIONS, [rewards[a] for a in ACTIONS], n_actions=3)
    expected = normalized(BEHAVIOR * f(rewards))  # type: ignore[operator]
    policy = learned(data, "emrl", 3000, weight_function=name).policy[0, 0]
    np.testing.assert_allclose(policy, expected, atol=1e-3)


@pytest.mark.parametrize("temperature", [0.5, 1.0, 3.0])
@pytest.mark.parametrize("normalization", ["none", "naive", "log-sum-exp"])
def test_rwr_is_the_behaviour_times_boltzmann(temperature: float, normalization: str) -> None:
    policy = learned(DATA, "rwr", temperature=temperature, normalization=normalization, signal="reward").policy[0, 0]
    np.testing.assert_allclose(policy, normalized(BEHAVIOR * np.exp(REWARD / temperature)), atol=1e-4)


def test_rwr_on_full_coverage_is_the_softmax_of_rewards() -> None:
    data = one_state([0, 1, 2], [0.5, 1.0, 2.0], n_actions=3)
    np.testing.assert_allclose(
        learned(data, "rwr", temperature=1.0).policy[0, 0], normalized(np.exp(REWARD)), atol=1e-4
    )


@pytest.mark.parametrize("value_target", ["td", "mc"])
def test_marwil_uses_the_advantage_over_the_mean(value_target: str) -> None:
    advantage = REWARD - BEHAVIOR @ REWARD
    snapshot = learned(DATA, "marwil", beta=2.0, value_target=value_target)
    np.testing.assert_allclose(snapshot.v[0, 0], BEHAVIOR @ REWARD, atol=1e-5)
    np.testing.assert_allclose(snapshot.policy[0, 0], normalized(BEHAVIOR * np.exp(2 * advantage)), atol=1e-4)
    np.testing.assert_allclose(snapshot.weights[0, 0], np.exp(2 * advantage), rtol=1e-4)
    np.testing.assert_allclose(snapshot.advantages[0, 0], advantage, atol=1e-5)


def test_awr_is_marwil_with_a_cap() -> None:
    advantage = REWARD - BEHAVIOR @ REWARD
    weight = np.minimum(np.exp(advantage / 0.25), 20)
    snapshot = learned(DATA, "awr", temperature=0.25, weight_max=20)
    np.testing.assert_allclose(snapshot.policy[0, 0], normalized(BEHAVIOR * weight), atol=1e-4)
    assert snapshot.metrics["clipped"][0] == pytest.approx(BEHAVIOR[weight == 20].sum(), abs=1e-6)


@pytest.mark.parametrize("approximator", ["table", "mlp"])
def test_crr_never_stops_before_the_better_action(approximator: str) -> None:
    """Over the best of `m` draws the better action's advantage is `(1 − π)^m`, lost in the rounding of `Q` from `π` =
    .987 on at `m` = 4, from .887 at 8, from .697 at 16, and from one half at 32; cloning stopped there."""
    data = one_state([0, 1], [1.0, 0.0])
    draws = [1, 2, 4, 8, 16, 32, 64]
    how: dict[str, object] = {"approximator": approximator}
    if approximator == "mlp":
        how |= {"hidden": "16"}
    together = learned(data, "crr", baseline="max", baseline_draws=draws, **how)
    alone = learned(data, "crr", baseline="max", baseline_draws=32, **how)
    averaged = learned(data, "crr", **how)
    for policy in (*together.policy[:, 0], alone.policy[0, 0]):
        assert policy[1] < 0.0025
        np.testing.assert_allclose(policy, averaged.policy[0, 0], atol=1e-6)
    np.testing.assert_array_equal(together.weights[:, 0], np.tile([1.0, 0.0], (len(draws), 1)))


@pytest.mark.parametrize("draws", [4, 32])
def test_crr_shows_an_advantage_of_the_size_that_passed(draws: int) -> None:
    data = one_state([0, 1], [1.0, 0.0])
    learner = orl.Learner(data, "crr", baseline="max", baseline_draws=draws)
    learner.advance(1000)
    steps = {s["name"]: s["value"] for s in learner.explain((0, 0))["steps"]}
    worse, values = 1 - float(steps["probability"]), steps["q_all"]
    assert steps["weight"] == 1
    assert steps["advantage"] == pytest.approx(worse**draws * (values[0] - values[1]), rel=2e-4 * draws)
    assert steps["best"] == pytest.approx(1.0, abs=1e-6)


def test_iql_weighs_against_its_expectile() -> None:
    snapshot = learned(DATA, "iql", expectile=0.8, beta=1.5, weight_max=0)
    v = snapshot.v[0, 0]
    pull = np.where(v > REWARD, 0.2, 0.8) * BEHAVIOR
    assert (pull * (REWARD - v)).sum() == pytest.approx(0, abs=1e-5)
    np.testing.assert_allclose(snapshot.policy[0, 0], normalized(BEHAVIOR * np.exp(1.5 * (REWARD - v))), atol=1e-4)


def test_effective_sample_size_and_shares() -> None:
    metrics = learned(DATA, "rwr", 10, temperature=1.0, signal="reward").metrics
    w = np.exp(np.array(REWARDS))
    assert metrics["effective_sample_size"][0] == pytest.approx(w.sum() ** 2 / (6 * (w**2).sum()), rel=1e-5)
    assert metrics["weight_max_share"][0] == pytest.approx(w.max() / w.sum(), rel=1e-5)
    assert metrics["weight_max"][0] == pytest.approx(w.max(), rel=1e-6)
    assert learned(DATA, "emrl", 1, weight_function="abs").metrics["weight_median"][0] == pytest.approx(0.75)


def test_emrl_runs_away_by_one_step_size_per_update() -> None:
    learner = orl.Learner(one_state([0, 1], [1.0, -1.0]), "emrl", learning_rate=[0.25, 1.0])
    for step in range(1, 8):
        learner.advance(1)
        policy = learner.snapshot().policy[:, 0]
        np.testing.assert_allclose(np.log(policy[:, 0] / policy[:, 1]), [0.25 * step, step], rtol=1e-5)


def test_emrl_with_negative_rewards_ends_on_the_worse_action() -> None:
    data = one_state([0] * 9 + [1], [-1.0] * 9 + [-2.0])
    uniform = orl.Learner(data, "emrl")
    uniform.advance(400)
    assert uniform.snapshot().policy[0, 0, 1] > 0.99
    # The stationary point w·(π_β r) = π·Σ: 9/11. A push to either side grows.
    for push, ends in ((1e-3, 0), (-1e-3, 1)):
        learner = orl.Learner(data, "emrl")
        state = learner.state_dict()
        gap = np.log(0.818182 + push) - np.log(1 - 0.818182 - push)
        state["programs"][0]["arrays"]["parameters"].reshape(1, 2, 2)[0, :, 0] = [gap, 0.0]
        learner.load_state_dict(state)
        learner.advance(2000)
        assert learner.snapshot().policy[0, 0, ends] > 0.99


def test_naive_exponentials_leave_float32() -> None:
    over = orl.Learner(one_state([0, 1], [8.9, 0.1]), "rwr", temperature=0.1, signal="reward")
    assert over.advance(5) == 0
    assert (over.diverged.what, over.diverged.value, over.diverged.action) == ("weight", "inf", 0)
    fine = orl.Learner(one_state([0, 1], [8.87, 0.1]), "rwr", temperature=0.1, signal="reward")
    assert fine.advance(5) == 5
    under = orl.Learner(
        one_state([0, 1], [-10.5, -10.6]), "rwr", temperature=0.1, signal="reward", normalization="naive"
    )
    assert under.advance(5) == 0
    assert (under.diverged.what, under.diverged.value) == ("weight", "nan")
    safe = orl.Learner(
        one_state([0, 1], [-10.5, -10.6]), "rwr", temperature=0.1, signal="reward", normalization="log-sum-exp"
    )
    assert safe.advance(1000) == 1000
    np.testing.assert_allclose(safe.snapshot().policy[0, 0], normalized(np.exp([1.0, 0.0])), atol=1e-4)


def test_a_cap_on_the_exponent_is_no_cap() -> None:
    """As some code of IQL has it: `exp(min(β A, 100))` leaves float32, `min(exp(β A), 100)` does not."""
    data = one_state([0, 1], [10.0, -10.0])
    capped = orl.Learner(data, "iql", clip=["weight", "exponent"], beta=10.0, weight_max=100, expectile=0.5)
    assert capped.advance(50) == 50
    (record,) = capped.divergences
    assert (record.index, record.what, record.value, record.action) == (1, "weight", "inf", 0)
    assert capped.snapshot().metrics["weight_max"][0] == 100


def test_running_norm_of_marwil() -> None:
    learner = orl.Learner(
        DATA, "marwil", normalization="running", norm_start=100.0, norm_rate=0.5, beta=1.0, learning_rate=1.0
    )
    rewards = np.array(REWARDS)
    square, v = 100.0, 0.0
    for _ in range(3):  # a snapshot shows the norm and the weights that the next update uses
        square = square + 0.5 * (((rewards - v) ** 2).mean() - square)
        snapshot, told = learner.snapshot(), learner.explain(5)
        assert snapshot.metrics["advantage_scale"][0] == pytest.approx(np.sqrt(square), rel=1e-5)
        weight = np.exp((REWARD - v) / np.sqrt(square))
        np.testing.assert_allclose(snapshot.weights[0, 0], weight, rtol=1e-5)
        assert {s["name"]: s["value"] for s in told["steps"]}["weight"] == pytest.approx(weight[2], rel=1e-5)
        learner.advance(1)
        np.testing.assert_allclose(learner._programs[0][1].memory["square"], square, rtol=1e-5)
        v = float(learner.snapshot().v[0, 0])
        assert v == pytest.approx(rewards.mean(), rel=1e-5)  # one step of 1 puts V at the mean
    still = orl.Learner(DATA, "marwil", normalization="running", norm_rate=1e-8)
    still.advance(50)
    assert still.snapshot().metrics["advantage_scale"][0] == pytest.approx(10, abs=1e-4)


def test_the_toy_of_the_deadly_triad_doubles() -> None:
    data = orl.load_dataset("deadly-triad")
    learner = orl.Learner(data, "q-learning", approximator="linear")
    for step in range(8):
        np.testing.assert_array_equal(learner.snapshot().q[0, 0], [2.0**step, 2.0 ** (step + 1)])
        learner.advance(1)
    assert learner.advance(1000) == 119
    assert (learner.step, learner.diverged.step, learner.diverged.what) == (127, 128, "q")
    assert learner.advance(10) == 0


@pytest.mark.parametrize(("gamma", "theta"), [(0.9, 1.8), (0.5, 1.0), (0.4, 0.8)])
def test_the_toy_grows_exactly_above_one_half(gamma: float, theta: float) -> None:
    learner = orl.Learner(orl.load_dataset("deadly-triad"), "q-learning", approximator="linear", gamma=gamma)
    learner.advance(1)
    assert learner.snapshot().q[0, 0, 0] == pytest.approx(theta, rel=1e-6)


def test_the_table_of_the_toy_is_bounded_and_wrong() -> None:
    learner = orl.Learner(orl.load_dataset("deadly-triad"), "q-learning", gamma=0.9, initial_value=1.0)
    learner.advance(500)
    np.testing.assert_allclose(learner.snapshot().q[0, 0], [0.9, 1.0], atol=1e-5)


def test_learning_rate_is_the_tabular_step() -> None:
    learner = orl.Learner(DATA, "mc-q", learning_rate=0.25)
    learner.advance(1)
    np.testing.assert_allclose(learner.snapshot().q[0, 0], 0.25 * REWARD, rtol=1e-6)


def test_refusals() -> None:
    with pytest.raises(HyperparameterError, match="unknown algorithm 'nope'"):
        orl.Learner(DATA, "nope")
    with pytest.raises(HyperparameterError, match=r"rho = 2 is not allowed: it must be a number from 0 to 1"):
        orl.Learner(DATA, "bcq", rho=2)
    with pytest.raises(HyperparameterError, match="unknown hyperparameter 'rho'"):
        orl.Learner(DATA, "bc", rho=0.1)
    with pytest.raises(HyperparameterError, match="approximator = 'forest' is not allowed"):
        orl.Learner(DATA, "bc", approximator="forest")
    with pytest.raises(HyperparameterError, match="empty list"):
        orl.Learner(DATA, "bcq", rho=[])
