"""Sentences that teach, on screen and in docstrings: what they claim is what one measures."""

from __future__ import annotations

import functools
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from learning_cases import one_state, returns_to_go

import offrl_core as orl
from offrl_core.algos.losses import softmax

Array = np.ndarray


@functools.cache
def dataset(name: str) -> orl.Dataset:
    return orl.load_dataset(name)


@functools.cache
def truth(name: str) -> orl.Truth:
    return orl.Truth(dataset(name))


def trained(name: str | orl.Dataset, system: str, updates: int, **choices: Any) -> orl.Learner:
    learner = orl.Learner(dataset(name) if isinstance(name, str) else name, system, **choices)
    learner.advance(updates)
    return learner


def believed_and_true(learner: orl.Learner) -> tuple[Array, Array]:
    """The value at the start and the true return of every member."""
    snapshot = learner.snapshot()
    return snapshot.metrics["value_start"], truth(learner.dataset.name).of(snapshot.policy)[0]


def divergence(learner: orl.Learner) -> Array:
    """`E_s KL(π_θ ‖ π_β)` with a hundredth of uniform mixed into the data's frequencies."""
    data, policy = learner.dataset, learner.snapshot().policy.astype(float)
    near = 0.99 * data.behavior_policy + 0.01 / data.n_actions
    visits = data.counts.sum(axis=1)
    logs = np.log(np.where(policy > 0, policy, 1)) - np.log(near)
    return (policy * logs).sum(axis=2) @ visits / visits.sum()


def start(name: str) -> int:
    """The world's only start."""
    (state,) = np.flatnonzero(dataset(name).mdp.initial > 0)
    return int(state)


# --- weights ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("reward", "fits"), [(-103.98, False), (-103.96, True), (88.72, True), (88.73, False)], ids=str
)
def test_where_the_exponential_leaves_float32(reward: float, fits: bool) -> None:
    """`exp` is 0 below log 2^−150 = −103.97, half the smallest denormal, and infinite above 88.72."""
    learner = orl.Learner(one_state([0], [reward]), "rwr", signal="reward", temperature=1.0)
    weight = learner.snapshot().metrics["weight_max"][0]
    assert (0 < weight < np.inf) == fits
    assert "−103.97" in (type(learner.algorithm).__doc__ or "")


def test_a_running_norm_frees_beta_of_the_rewards_unit_once_it_has_followed() -> None:
    data = dataset("double-crossing")
    tenfold = replace(data, rewards=10 * data.rewards)

    def apart(**choices: Any) -> float:
        one, ten = (trained(d, "marwil", 300, beta=1.0, **choices).snapshot().policy for d in (data, tenfold))
        return float(np.abs(one - ten).max())

    assert apart(normalization="none") > 0.1
    assert apart(normalization="running", norm_rate=1e-8) > 0.1
    assert apart(normalization="running", norm_rate=1.0) < 1e-5
    assert pytest.approx(0.01, rel=0.01) == 1 - (1 - 1e-8) ** 1e6


def test_awr_is_greediest_between_cloning_and_the_cap() -> None:
    bridge = orl.load_dataset("bridge", episodes=60)
    cold, between, hot = divergence(trained(bridge, "awr", 600, temperature=[0.001, 0.14, 100.0]))
    assert hot < 0.01 < cold < 0.8 * between


def test_more_draws_let_fewer_rows_pass_and_leave_states_as_they_began() -> None:
    draws = trained("double-crossing", "crr", 600, baseline="max", baseline_draws=[1, 4, 64]).snapshot()
    passing = draws.metrics["effective_sample_size"]  # of weights 0 and 1: the share that passes
    assert passing[0] > 0.8 > 0.4 > passing[1] >= passing[2]
    assert draws.metrics["entropy"][0] < 0.25 < 0.7 < draws.metrics["entropy"][2]
    mean = trained("double-crossing", "crr", 600, baseline="mean").snapshot()
    np.testing.assert_allclose(draws.policy[0], mean.policy[0], atol=1e-6)


def test_a_higher_expectile_raises_v_and_may_lead_back_to_cloning() -> None:
    """On the double crossing the order of actions changes with V; in the four rooms advantages only become smaller."""
    expectiles = [0.5, 0.9, 0.999]
    stitching, rooms = (
        trained(name, "iql", 600, expectile=expectiles, initial_spread=0.0)
        for name in ("double-crossing", "four-rooms")
    )
    assert (np.diff(divergence(stitching)) > 0.01).all()
    np.testing.assert_allclose(divergence(rooms), [0.053, 0.025, 0.019], atol=0.001)
    values, returns = believed_and_true(rooms)
    assert (np.diff(values) > 0.03).all()
    assert values[2] == pytest.approx(0.377, abs=0.001) == pytest.approx(truth("four-rooms").in_support, abs=0.001)
    assert returns[2] == pytest.approx(0.13, abs=0.005)


# --- MPO -------------------------------------------------------------------------------------------------------------


def test_mpo_leaves_the_data_under_either_prior_and_stays_within_what_is_counted() -> None:
    free = trained("double-crossing", "mpo", 1500, prior="behavior", epsilon=1.0)
    believed, true = believed_and_true(free)
    assert free.snapshot().metrics["mass_unseen"][0] == pytest.approx(0.11, abs=0.015)
    assert (believed[0], true[0]) == (pytest.approx(1.05, abs=0.02), pytest.approx(0.0, abs=0.01))
    for prior in ("policy", "behavior"):
        kept = trained("double-crossing", "mpo", 700, prior=prior, epsilon=1.0, constraint="counted", seeds=2)
        believed, true = believed_and_true(kept)
        assert (kept.snapshot().metrics["mass_unseen"] == 0).all()
        np.testing.assert_allclose(believed, true, atol=2e-3)
        np.testing.assert_allclose(true, truth("double-crossing").in_support, atol=5e-3)


def test_counting_changes_nothing_where_the_data_shows_every_action() -> None:
    data = orl.load_dataset("frozen-lake", episodes=300)
    assert (data.counts[data.counts.sum(axis=1) > 0] > 0).all()
    one, two = (trained(data, "mpo", 60, constraint=c).snapshot() for c in ("none", "counted"))
    np.testing.assert_allclose(one.policy, two.policy, atol=1e-6)
    np.testing.assert_allclose(one.q, two.q, atol=1e-6)


@pytest.mark.parametrize("constraint", ["none", "counted"])
def test_the_dual_is_what_the_critic_gives_the_e_step(constraint: str) -> None:
    """Strong duality: at the η that meets the bound `ηε + ηE log E e^{Q/η}` is `E_s Σ_a q Q′`."""
    learner = trained("four-rooms", "mpo", 200, prior="behavior", constraint=constraint)
    program = learner._programs[0][1]
    batch = program.evaluate(program.sampler.draw(learner.step))
    system, hp = learner.algorithm, program.hp
    dual = system.losses(batch, hp)["dual"]
    improved = softmax(system.tilted(batch, hp, system.log_prior(batch, hp)))
    assert dual.value[0] == pytest.approx(
        batch.mean_over_states((improved * batch["target_q"]).sum(axis=1))[0], abs=1e-4
    )


# --- values ----------------------------------------------------------------------------------------------------------


def test_what_the_penalty_does_to_values() -> None:
    """In the paper's form the value ends above the true return in the four rooms, on both sides on the double crossing;
    missing actions sink, and a pair moves by `α (π_β − softmax Q)`."""
    alphas = [0.01, 0.1, 1.0]
    for name, expected in (("four-rooms", [0.04, 0.31, 2.44]), ("double-crossing", [0.01, -0.07, 0.11])):
        learner = trained(name, "cql", 3000, form="paper", alpha=alphas)
        believed, true = believed_and_true(learner)
        np.testing.assert_allclose(believed - true, expected, atol=0.015)
        assert (np.diff(learner.snapshot().metrics["q_missing"]) < -1).all()
    data = one_state([0, 0, 0, 1], [0.0, 0.0, 0.0, 0.0], n_actions=3)
    learner = orl.Learner(data, "cql", form="paper", alpha=0.5, initial_spread=0.0)
    program = learner._programs[0][1]
    batch = program.evaluate(program.sampler.draw(0))
    gradient = learner.algorithm.losses(batch, program.hp)["penalty"].gradients["q"][0, :, 0]
    np.testing.assert_allclose(-gradient, 0.5 * (np.array([0.75, 0.25, 0.0]) - 1 / 3), atol=1e-6)


@pytest.mark.parametrize("form", ["lecture-a", "lecture-b", "lecture-c", "lecture-d"])
def test_no_lecture_form_reaches_a_start_that_is_no_next_state(form: str) -> None:
    for name in ("double-crossing", "single-crossing"):
        assert start(name) not in dataset(name).next_observations
    here = start("double-crossing")
    missing = dataset("double-crossing").counts[here] == 0
    before = orl.Learner(dataset("double-crossing"), "cql").snapshot().q[0, here]
    learner = trained("double-crossing", "cql", 300, form=form)
    np.testing.assert_array_equal(learner.snapshot().q[0, here, missing], before[missing])
    believed, true = believed_and_true(learner)
    assert (believed[0], true[0]) == (pytest.approx(0.653, abs=5e-4), 0)  # nothing but initial noise


def test_rounding_decides_about_a_frequency_of_rho_itself() -> None:
    """Where every action occurs the clone of two in ten ends above .2; beside actions that do not occur, below."""
    tenths = one_state([0] * 8 + [1] * 2, [0.0] * 10)
    assert trained(tenths, "bcq", 200, rho=0.2).snapshot().allowed[0, 0].all()
    data = dataset("double-crossing")
    (crossing,) = np.flatnonzero((data.behavior_policy == 0.375).any(axis=1))
    passing = trained(data, "bcq", 1000, rho=[0.37, 0.375]).snapshot().allowed[:, crossing]
    assert passing.sum(axis=1).tolist() == [2, 1]


def test_greedy_on_recorded_returns_never_arrives_where_all_are_negative() -> None:
    learner = trained("cliff-walking", "mc-q", 200)
    assert truth("cliff-walking").of(learner.snapshot().policy)[0][0] == pytest.approx(-100.0)  # −1 a step for ever
    assert learner.snapshot().metrics["mass_unseen"][0] > 0


# --- what all share --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("system", ["q-learning", "iql", "mpo"])
def test_a_target_copy_without_delay_is_none(system: str) -> None:
    none, hard, soft = (
        trained("double-crossing", system, 60, **choices).snapshot().policy
        for choices in (
            {"target_update": "none"},
            {"target_update": "hard", "target_period": 1},
            {"target_update": "soft", "target_rate": 1.0},
        )
    )
    np.testing.assert_array_equal(none, hard)
    np.testing.assert_array_equal(none, soft)


def test_a_target_held_still_slows_down_what_is_learned_and_what_diverges() -> None:
    data = dataset("double-crossing")
    seen, best = data.counts > 0, trained(data, "constrained-q", 300).snapshot().q[0]
    delayed = trained(data, "constrained-q", 300, target_update="hard", target_period=[1, 30, 100, 300]).snapshot().q
    assert (np.diff(np.abs(delayed - best)[:, seen].mean(axis=1)) > 0.01).all()
    rates = trained(data, "constrained-q", 300, target_update="soft", target_rate=[0.003, 0.01, 0.1]).snapshot().q
    assert (np.diff(np.abs(rates - best)[:, seen].mean(axis=1)) < -0.01).all()
    theta = [
        trained("deadly-triad", "q-learning", 100, approximator="linear", target_update="hard", target_period=k)
        .snapshot()
        .q.max()
        for k in (1, 10, 100)
    ]
    assert theta[0] > 1e30 > 1e4 > theta[1] > 1e3 > 10 > theta[2]  # Q(s, 2) = 2θ: θ doubles with every copy


def test_a_step_of_one_puts_a_value_where_its_rows_point() -> None:
    data = dataset("double-crossing")
    total, seen = np.zeros(data.counts.shape), data.counts > 0
    np.add.at(total, (data.observations, data.actions), returns_to_go(data, data.gamma))
    means = total[seen] / data.counts[seen]
    one = trained(data, "mc-q", 1, learning_rate=1.0).snapshot().q[0, seen]
    np.testing.assert_allclose(one, means, atol=1e-6)
    more = trained(data, "mc-q", 1, learning_rate=1.5).snapshot().q[0, seen]
    np.testing.assert_allclose(more, 1.5 * means, atol=1e-6)


def test_more_rows_an_update_mean_less_noise_and_all_rows_none() -> None:
    def noise(size: int) -> float:
        learner = trained("double-crossing", "iql", 150, seeds=8, batch_size=size, initial_spread=0.0)
        return float(np.ptp(learner.snapshot().policy, axis=0).mean())

    few, more, all_rows = noise(4), noise(256), noise(0)
    assert few > 10 * more > 0
    assert all_rows == 0


# --- metrics and alarms ----------------------------------------------------------------------------------------------


def test_chance_leaves_a_td_error_at_the_fixed_point() -> None:
    data = orl.load_dataset("frozen-lake", episodes=300)
    early, late = (trained(data, "constrained-q", n).snapshot() for n in (800, 1000))
    np.testing.assert_allclose(early.q, late.q, atol=1e-4)
    assert late.metrics["td_error"][0] > 0.05


def test_a_perfect_clone_of_a_random_walk_has_the_entropy_for_its_loss() -> None:
    data = orl.load_dataset("u-maze", episodes=30)
    learner = trained(data, "bcq", 1500)
    visits = data.counts.sum(axis=1)
    terms = data.behavior_policy * np.log(np.where(data.behavior_policy > 0, data.behavior_policy, 1))
    entropy = -(terms.sum(axis=1) @ visits) / visits.sum()
    assert learner.snapshot().metrics["loss_behavior"][0] == pytest.approx(entropy, abs=1e-4)
    assert entropy > 1.2


def test_a_mean_hides_that_the_maximum_chooses_fiction() -> None:
    metrics = trained("double-crossing", "q-learning", 300).snapshot().metrics
    assert metrics["q_missing"][0] < 0.1 < 0.8 < metrics["q_data"][0]
    assert metrics["mass_unseen"][0] == pytest.approx(0.195, abs=0.01)


def test_marwils_estimate_is_of_the_behaviour() -> None:
    believed, true = believed_and_true(trained("double-crossing", "marwil", 600))
    assert believed[0] == pytest.approx(truth("double-crossing").behavior, abs=1e-3)
    assert true[0] > believed[0] + 0.1


def test_the_temperature_is_in_the_unit_of_q() -> None:
    """The E-step's divergence stays ε: where Q is ten times as large, so is η."""
    data = dataset("four-rooms")
    tenfold = replace(data, rewards=10 * data.rewards)
    etas = [
        trained(d, "mpo", 300, prior="behavior", constraint="counted", initial_spread=0.0).snapshot().metrics
        for d in (data, tenfold)
    ]
    assert etas[1]["temperature"][0] == pytest.approx(10 * etas[0]["temperature"][0], rel=0.01)
    assert etas[1]["kl"][0] == pytest.approx(etas[0]["kl"][0], abs=1e-4)


def test_vanished_weights_come_back_with_a_higher_temperature_or_a_baseline() -> None:
    data = orl.load_dataset("cliff-walking", episodes=60)
    behavior = orl.Truth(data).of(data.behavior_policy[None])[0][0]

    def earned(system: str, **choices: Any) -> tuple[float, float]:
        snapshot = trained(data, system, 300, **choices).snapshot()
        return float(orl.Truth(data).of(snapshot.policy)[0][0]), float(snapshot.metrics["weight_max"][0])

    cold, weight = earned("rwr", temperature=0.005)
    assert (weight, cold < 2 * behavior) == (0, True)
    assert earned("rwr", temperature=20.0)[0] > behavior / 4
    assert earned("marwil", normalization="running", norm_start=1.0, norm_rate=0.01, beta=1.0)[0] > behavior / 4
