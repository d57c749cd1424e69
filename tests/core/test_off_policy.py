"""Off-policy estimates against hand-worked numbers, enumerated episodes, and exact values on small MDPs."""

from __future__ import annotations

import functools
import itertools

import numpy as np
import pytest
from learning_cases import noisy_world

from offrl_core import Dataset, DatasetError, TabularMDP
from offrl_core.evaluation.empirical import empirical_mdp
from offrl_core.evaluation.estimates import estimate_behavior
from offrl_core.evaluation.fitted_q import fitted_q_evaluation
from offrl_core.evaluation.importance_sampling import WEIGHTINGS, importance_sampling

POLICY = np.array([[0.8, 0.2], [0.3, 0.7], [0.6, 0.4]])


def chain() -> TabularMDP:
    """Three states and an end; action 1 in state 0 ends at once, all moves are certain."""
    P = np.zeros((4, 2, 4))
    P[0, 0, 1] = P[0, 1, 3] = P[1, 0, 2] = P[1, 1, 0] = P[2, 0, 3] = P[2, 1, 1] = 1.0
    R = np.array([[1.0, 5.0], [-2.0, 0.5], [3.0, 1.0], [0.0, 0.0]])
    return TabularMDP(P, R, [1.0, 0, 0, 0], [False, False, False, True])


def whole(policy: np.ndarray) -> np.ndarray:
    """A policy of the three live states, with any row for the end."""
    return np.vstack([policy, [0.5, 0.5]])


def every_episode(horizon: int) -> Dataset:
    """Each sequence of actions once: exactly what a uniform policy expects to record in `chain`."""
    mdp = chain()
    columns: dict[str, list] = {name: [] for name in ("s", "a", "r", "end", "next", "episode")}
    for number, actions in enumerate(itertools.product(range(2), repeat=horizon)):
        state = 0
        for action in actions:
            following = int(mdp.P[state, action].argmax())
            row = (state, action, mdp.R[state, action], following == 3, following, number)
            for name, value in zip(columns, row, strict=True):
                columns[name].append(value)
            state = following
            if state == 3:
                break
    return Dataset.from_columns(
        columns["s"],
        columns["a"],
        columns["r"],
        columns["end"],
        episode_ids=columns["episode"],
        next_observations=columns["next"],
        n_actions=2,
        n_states=4,
    )


def value_within(horizon: int, gamma: float) -> float:
    """The return of `POLICY` in `chain` when every episode is cut after `horizon` steps."""
    mdp, v = chain(), np.zeros(4)
    for _ in range(horizon):
        v = np.where(mdp.terminal, 0.0, (whole(POLICY) * (mdp.R + gamma * mdp.P @ v)).sum(axis=1))
    return float(v[0])


@pytest.mark.parametrize("weighting", WEIGHTINGS)
@pytest.mark.parametrize("gamma", [0.9, 1.0])
def test_importance_sampling_over_every_episode_is_exact(weighting: str, gamma: float) -> None:
    data = every_episode(6)
    estimate = importance_sampling(
        data, whole(POLICY), gamma, weighting=weighting, behavior=np.full((4, 2), 0.5), resamples=0
    )
    assert estimate.value == pytest.approx(value_within(6, gamma), abs=1e-12)


def two_episodes() -> Dataset:
    """One state; episode 0 takes 0 then 1 for rewards 1 and 2, episode 1 takes 1 for reward 10."""
    return Dataset.from_columns([0, 0, 0], [0, 1, 1], [1.0, 2.0, 10.0], [False, True, True], n_states=1)


@pytest.mark.parametrize(
    ("weighting", "value"),
    [
        # π = (.8, .2) against ½: ratios 1.6 and .4, so weights 1.6, .64 in episode 0 and .4 in episode 1; γ = ½.
        ("ordinary", (0.64 * (1 + 1.0) + 0.4 * 10) / 2),
        ("weighted", (0.64 * 2 + 0.4 * 10) / (0.64 + 0.4)),
        ("per-decision", (1.6 * 1 + 0.64 * 1.0 + 0.4 * 10) / 2),
        # at time 0 both episodes run; at time 1 the ended one keeps its weight .4 below the line
        ("weighted-per-decision", (1.6 * 1 + 0.4 * 10) / (1.6 + 0.4) + 0.5 * (0.64 * 2) / (0.64 + 0.4)),
    ],
)
def test_hand_worked_weights(weighting: str, value: float) -> None:
    estimate = importance_sampling(
        two_episodes(), np.array([[0.8, 0.2]]), 0.5, weighting=weighting, behavior=np.full(3, 0.5)
    )
    assert estimate.value == pytest.approx(value, rel=1e-12)
    assert estimate.effective_sample_size == pytest.approx((0.64 + 0.4) ** 2 / (0.64**2 + 0.4**2))


@pytest.mark.parametrize("weighting", WEIGHTINGS)
def test_on_policy_is_the_mean_return(weighting: str) -> None:
    data = noisy_world().sample(whole(POLICY), 200, 50, seed=1)
    estimate = importance_sampling(data, whole(POLICY), 0.9, weighting=weighting, behavior=whole(POLICY))
    assert estimate.value == pytest.approx(data.episode_returns(0.9).mean(), rel=1e-9)
    assert estimate.effective_sample_size == pytest.approx(200)
    assert estimate.low < estimate.value < estimate.high


def reference(data: Dataset, policy: np.ndarray, behavior: np.ndarray, gamma: float) -> float:
    """Weighted per-decision importance sampling by the definition, loop by loop."""
    episodes = []
    for start, end in zip(data.episode_starts, data.episode_ends, strict=True):
        weight, rows = 1.0, []
        for row in range(start, end + 1):
            s, a = data.observations[row], data.actions[row]
            weight *= policy[s, a] / behavior[s, a]
            rows.append((weight, data.rewards[row]))
        episodes.append(rows)
    total = 0.0
    for t in range(max(map(len, episodes))):
        top = sum(rows[t][0] * rows[t][1] for rows in episodes if t < len(rows))
        bottom = sum(rows[min(t, len(rows) - 1)][0] for rows in episodes)
        total += gamma**t * top / bottom if bottom > 0 else 0.0
    return total


def test_weighted_per_decision_is_its_definition() -> None:
    behavior = np.full((4, 2), 0.5)
    data = noisy_world().sample(behavior, 60, 40, seed=2)
    sharp = np.array([[1.0, 0.0], [0.3, 0.7], [0.5, 0.5]])  # some weights are 0 from some row on
    for policy in (whole(POLICY), whole(sharp)):
        found = importance_sampling(data, policy, 0.95, weighting="weighted-per-decision", behavior=behavior)
        assert found.value == pytest.approx(reference(data, policy, behavior, 0.95), rel=1e-9)


@functools.cache
def many_episodes() -> Dataset:
    """What a uniform policy records in `noisy_world`."""
    return noisy_world().sample(np.full((4, 2), 0.5), 20_000, 100, seed=3)


@pytest.mark.parametrize("weighting", WEIGHTINGS)
@pytest.mark.parametrize("known", [True, False])
def test_importance_sampling_comes_near_the_truth(weighting: str, known: bool) -> None:
    behavior = np.full((4, 2), 0.5)
    truth = noisy_world().evaluate(whole(POLICY), 0.9)
    estimate = importance_sampling(
        many_episodes(), whole(POLICY), 0.9, weighting=weighting, behavior=behavior if known else None, confidence=0.95
    )
    error = (estimate.high - estimate.low) / (2 * 1.96)
    assert error < 0.1
    assert abs(estimate.value - truth) < 4 * error


def test_interval_covers_the_truth_about_as_often_as_it_says() -> None:
    mdp, behavior = noisy_world(), np.full((4, 2), 0.5)
    truth = mdp.evaluate(whole(POLICY), 0.9)
    covered = 0
    for seed in range(60):
        data = mdp.sample(behavior, 400, 100, seed=seed)
        found = importance_sampling(data, whole(POLICY), 0.9, weighting="per-decision", behavior=behavior)
        covered += found.low <= truth <= found.high
    assert 48 <= covered <= 60  # 95 % promised; heavy tails cost some


def test_products_beyond_a_double_stay_sound() -> None:
    rows, episodes = 2000, 3
    actions = np.zeros(rows * episodes, dtype=int)
    ends = np.arange(rows * episodes) % rows == rows - 1
    rewards = np.repeat([1.0, 2.0, 6.0], rows)
    data = Dataset.from_columns(np.zeros(rows * episodes, dtype=int), actions, rewards, ends, n_actions=2)
    for share in (0.001, 0.9):  # weights of about 1e+5995 and 1e+89
        for weighting, value in (("weighted", 3.0 * rows), ("weighted-per-decision", 3.0 * rows)):
            found = importance_sampling(
                data, np.array([[0.99, 0.01]]), 1.0, weighting=weighting, behavior=np.full(len(actions), share)
            )
            assert found.value == pytest.approx(value)
            assert found.effective_sample_size == pytest.approx(3)
    huge = importance_sampling(
        data, np.array([[0.99, 0.01]]), 1.0, weighting="ordinary", behavior=np.full(len(actions), 0.001)
    )
    assert huge.value == np.inf  # said, not hidden: the estimate itself is beyond a double


def test_a_policy_that_the_data_never_follows() -> None:
    data = two_episodes()
    never = np.array([[1.0, 0.0]])
    for weighting in ("weighted", "weighted-per-decision"):
        found = importance_sampling(data, never, 1.0, weighting=weighting)
        assert found.effective_sample_size == 0
        assert np.isnan(found.value)
    # Action 0 is what episode 0 begins with: only its first reward has a weight.
    assert importance_sampling(data, never, 1.0, weighting="per-decision", behavior=np.full(3, 0.5)).value == 1.0
    assert importance_sampling(data, never, 1.0, weighting="ordinary").value == 0.0


THIRDS, PARTIAL = np.array([[0.4, 0.3, 0.3]]), np.array([[0.6, 0.4, 0.0]])
"""A policy of one state, and a behaviour that never takes the third of its actions."""


def pulled(actions: np.ndarray) -> Dataset:
    """Rewards ½, 1 and 5/3 of the three actions, so that `THIRDS` earns 1, and .5 within `PARTIAL`."""
    rewards, ends = np.array([0.5, 1.0, 5 / 3])[actions], np.ones(len(actions), bool)
    return Dataset.from_columns(np.zeros(len(actions), int), actions, rewards, ends, n_actions=3, n_states=1)


def one_pull(rows: int, seed: int) -> Dataset:
    """As many episodes by `PARTIAL`."""
    return pulled(np.random.default_rng(seed).choice(3, rows, p=PARTIAL[0]))


@pytest.mark.parametrize("weighting", ["ordinary", "per-decision"])
def test_unbiased_is_what_is_covered(weighting: str) -> None:
    """The mean over every log of two episodes, as likely as it is: the true return if every action is covered, although
    most logs lack one; without what the behaviour never takes if not, however narrow the interval."""

    def mean(behavior: np.ndarray) -> float:
        total = 0.0
        for actions in itertools.product(np.flatnonzero(behavior[0]), repeat=2):
            log = pulled(np.array(actions))
            found = importance_sampling(log, THIRDS, weighting=weighting, behavior=behavior, resamples=0)
            total += float(np.prod(behavior[0, list(actions)])) * found.value
        return total

    assert mean(np.array([[0.5, 0.3, 0.2]])) == pytest.approx(1.0, abs=1e-12)
    assert mean(PARTIAL) == pytest.approx(0.5, abs=1e-12)
    many = importance_sampling(one_pull(20_000, 0), THIRDS, weighting=weighting, behavior=PARTIAL, resamples=50)
    assert many.low < 0.5 < many.high < 0.52
    assert many.unseen == pytest.approx(0.3, abs=1e-12)


def test_weighted_forms_give_the_return_of_what_stays_within() -> None:
    for weighting in ("weighted", "weighted-per-decision"):
        found = importance_sampling(one_pull(20_000, 0), THIRDS, weighting=weighting, behavior=PARTIAL)
        assert found.value == pytest.approx(0.5 / 0.7, abs=0.005)
        assert found.unseen == pytest.approx(0.3, abs=1e-12)


def test_coverage_is_the_behaviours_own() -> None:
    """What a log lacks by chance is covered all the same; where only the recorded actions' probabilities are known, or
    none, the record decides."""
    log, full = one_pull(50, 0), np.array([[0.5, 0.3, 0.2]])
    assert importance_sampling(log, THIRDS, behavior=full).unseen == 0.0
    assert importance_sampling(log, THIRDS, behavior=lambda states: full[states]).unseen == 0.0
    for behavior in (PARTIAL, lambda states: PARTIAL[states], PARTIAL[0][log.actions], None, estimate_behavior(log)):
        assert importance_sampling(log, THIRDS, behavior=behavior).unseen == pytest.approx(0.3, abs=1e-12)
    assert importance_sampling(log, PARTIAL, behavior=PARTIAL).unseen == 0.0
    nothing = importance_sampling(log, np.array([[0.0, 0.0, 1.0]]), behavior=PARTIAL)
    assert nothing.unseen == 1.0
    assert np.isnan(nothing.value)
    with pytest.raises(DatasetError, match="behavior is that of 50 rows; the data has 60"):
        importance_sampling(one_pull(60, 1), THIRDS, behavior=estimate_behavior(log))


@pytest.mark.parametrize("gamma", [0.0, 0.9, 1.0])
def test_uncovered_visits_are_those_of_the_policy(gamma: float) -> None:
    """The share of visits to pairs that the behaviour never takes, against exact visits in the world, which end there;
    fitted Q evaluation counts the same."""
    mdp = noisy_world()
    behavior = whole(np.array([[0.5, 0.5], [1.0, 0.0], [0.5, 0.5]]))
    data = mdp.sample(behavior, 20_000, 100, seed=8)
    covered = behavior > 0
    moves = mdp.P.copy()
    moves[~covered] = [0, 0, 0, 1]
    paid = [
        TabularMDP(moves, reward, mdp.initial, mdp.terminal).evaluate(whole(POLICY), gamma)
        for reward in ((~covered).astype(float), np.ones((4, 2)))
    ]
    share = paid[0] / paid[1]
    assert 0.15 < share < 0.35
    for given in (behavior, None):
        found = importance_sampling(data, whole(POLICY), gamma, behavior=given, resamples=0)
        assert found.unseen == pytest.approx(share, rel=0.03)
    assert fitted_q_evaluation(data, whole(POLICY), gamma, resamples=0).unseen == pytest.approx(share, rel=0.03)


def test_coverage_of_weights_beyond_a_double() -> None:
    """Two states, 2 000 rows to an episode, weights of up to 1e+5995: in the second state half is uncovered."""
    rows = 2000
    states = np.repeat([0, 1], [rows - 1, 1])
    data = Dataset.from_columns(states, np.zeros(rows, int), np.ones(rows), states == 1, n_actions=2, n_states=2)
    policy = np.array([[0.99, 0.01], [0.5, 0.5]])
    found = importance_sampling(data, policy, 1.0, weighting="ordinary", behavior=np.full(rows, 0.001))
    # The last visit weighs 990 times the one before, and so on: all but all of the visits are to the second state.
    share = (0.5 + 0.01 / 989) / (1 + 1 / 989)
    assert found.unseen == pytest.approx(share, rel=1e-9)


def test_coverage_of_continuous_observations() -> None:
    """With the behaviour's own probabilities as exact as in numbered states; a forest, which smooths, finds less; an
    action that nobody ever takes is never covered."""
    behavior = whole(np.array([[0.3, 0.7], [1.0, 0.0], [0.9, 0.1]]))
    log = noisy_world().sample(behavior, 500, 100, seed=6)
    data = scattered(log, 7)
    acts = lambda points: whole(POLICY)[nearest(points)]  # noqa: E731
    exact = importance_sampling(log, whole(POLICY), 0.9, behavior=behavior, resamples=0).unseen
    told = importance_sampling(data, acts, 0.9, behavior=lambda points: behavior[nearest(points)], resamples=0).unseen
    assert told == pytest.approx(exact, rel=1e-12)
    assert exact > 0.15
    assert 0 < importance_sampling(data, acts, 0.9, resamples=0).unseen < exact
    wider = Dataset.from_columns(
        data.observations, data.actions, data.rewards, data.terminations, data.truncations, n_actions=3
    )
    third = lambda points: np.tile([0.5, 0.25, 0.25], (len(points), 1))  # noqa: E731
    for given in (None, np.full(len(wider), 0.5)):
        assert importance_sampling(wider, third, 0.9, behavior=given, resamples=0).unseen >= 0.25 - 1e-12


def test_arguments_out_of_range_are_refused() -> None:
    data = two_episodes()
    policy = np.array([[0.5, 0.5]])
    for message, act in {
        "weighting = 'both' is not allowed": lambda: importance_sampling(data, policy, weighting="both"),
        r"gamma = 1\.5": lambda: importance_sampling(data, policy, 1.5),
        r"policy has shape \(2, 2\)": lambda: importance_sampling(data, np.eye(2)),
        "sum to 1": lambda: importance_sampling(data, np.array([[0.5, 0.1]])),
        "row 0 probability 0": lambda: importance_sampling(data, policy, behavior=np.array([[0.0, 1.0]])),
        "row 2 probability 0": lambda: importance_sampling(data, policy, behavior=np.array([0.5, 0.5, 0.0])),
        "confidence = 1": lambda: fitted_q_evaluation(data, policy, confidence=1),
        "resamples = -1": lambda: fitted_q_evaluation(data, policy, resamples=-1),
        r"returned shape \(1, 2\)": lambda: fitted_q_evaluation(data, lambda observations: policy),
    }.items():
        with pytest.raises(DatasetError, match=message):
            act()


def test_fitted_q_is_the_value_in_the_empirical_mdp() -> None:
    data = noisy_world().sample(np.full((4, 2), 0.5), 300, 100, seed=5)
    assert (data.counts[:3] > 0).all()
    P, R = np.zeros((4, 2, 4)), np.zeros((4, 2))
    for s, a, r, after, end in zip(
        data.observations, data.actions, data.rewards, data.next_observations, data.terminations, strict=True
    ):
        P[s, a, 3 if end else after] += 1
        R[s, a] += r
    counts = P.sum(axis=2, keepdims=True)
    P, R = P / np.maximum(counts, 1), R / np.maximum(counts[..., 0], 1)
    P[3, :, 3] = 1
    initial = np.bincount(data.initial_observations, minlength=4) / data.n_episodes
    by_hand = TabularMDP(P, R, initial, [False, False, False, True])
    found = fitted_q_evaluation(data, whole(POLICY), 0.9)
    assert found.value == pytest.approx(by_hand.evaluate(whole(POLICY), 0.9), rel=1e-12)
    assert found.unseen == 0.0
    assert found.low < found.value < found.high
    assert abs(found.value - noisy_world().evaluate(whole(POLICY), 0.9)) < 2 * (found.high - found.low)
    function = fitted_q_evaluation(data, lambda states: whole(POLICY)[states], 0.9, resamples=0)
    assert function.value == found.value


@pytest.mark.parametrize("gamma", [0.9, 1.0])
def test_fitted_q_with_certain_moves_and_full_coverage_is_exact(gamma: float) -> None:
    found = fitted_q_evaluation(every_episode(5), whole(POLICY), gamma, resamples=10)
    assert found.value == pytest.approx(chain().evaluate(whole(POLICY), gamma), rel=1e-12)


def test_fitted_q_tells_what_rests_on_an_assumption() -> None:
    # State 0, action 0 pays 1 and ends; action 1 was never taken there.
    data = Dataset.from_columns([0, 0], [0, 0], [1.0, 1.0], [True, True], n_actions=2)
    policy = np.array([[0.75, 0.25]])
    for assumed, value in ((0.0, 0.75), (-4.0, -0.25), (1.0, 1.0)):
        found = fitted_q_evaluation(data, policy, 0.9, unseen_value=assumed, resamples=2)
        assert found.value == pytest.approx(value)
        assert found.unseen == pytest.approx(0.25)
    assert fitted_q_evaluation(data, np.array([[1.0, 0.0]]), 0.9).unseen == 0.0


def test_fitted_q_without_an_end_is_refused_at_gamma_one() -> None:
    data = Dataset.from_columns([0, 1], [0, 0], [1.0, 1.0], [False, False], next_observations=[1, 0])
    with pytest.raises(DatasetError, match=r"in the model of the data: .*never ends"):
        fitted_q_evaluation(data, np.ones((2, 1)), 1.0)
    assert fitted_q_evaluation(data, np.ones((2, 1)), 0.5).value == pytest.approx(2.0)


def test_a_loop_of_the_model_that_pays_nothing_is_worth_nothing() -> None:
    """From state 0 action 0 ends with 1 half of the time and goes on to state 1 otherwise, where only action 1, unseen
    by the policy, leaves a loop without rewards: `J = 1/2`, of one visit before the loop none is unseen."""
    data = Dataset.from_columns(
        [0, 0, 1, 1], [0, 0, 0, 1], [1.0, 0.0, 0.0, 5.0], [True, False, False, True], next_observations=[0, 1, 1, 0]
    )
    stays = np.array([[1.0, 0.0], [1.0, 0.0]])
    found = fitted_q_evaluation(data, stays, 1.0, resamples=0)
    starts = (data.initial_observations == 0).mean()
    assert found.value == pytest.approx(0.5 * starts)
    assert found.unseen == 0.0
    wants = np.array([[0.5, 0.5], [1.0, 0.0]])  # action 1 in state 0 has no data: half of the visits before the loop
    assert fitted_q_evaluation(data, wants, 1.0, resamples=0).unseen == pytest.approx(0.5)


def test_a_draw_of_the_bootstrap_may_lack_the_way_out() -> None:
    """Two episodes of one action: one ends, one is cut. Drawn twice, the cut one alone would never end."""
    data = Dataset.from_columns([0, 0], [0, 0], [1.0, 0.0], [True, False], [False, True], next_observations=[0, 0])
    estimate = fitted_q_evaluation(data, np.array([[1.0]]), 1.0)
    assert estimate.value == pytest.approx(1.0)
    assert (estimate.low, estimate.high) == (0.0, 1.0)


def test_a_known_behavior_is_used_for_the_effective_sample_size() -> None:
    data = noisy_world().sample(whole(np.full((3, 2), 0.5)), 50, 20, seed=0)
    target = whole(POLICY)
    ratios = target[data.observations, data.actions] / 0.5
    found = fitted_q_evaluation(data, target, 0.9, behavior=np.full(len(data), 0.5), resamples=2)
    assert found.effective_sample_size == pytest.approx(ratios.sum() ** 2 / (ratios**2).sum())
    assert found.effective_sample_size != fitted_q_evaluation(data, target, 0.9, resamples=2).effective_sample_size


def test_empirical_mdp_counts_episodes_as_asked() -> None:
    data = two_episodes()
    once, twice = empirical_mdp(data), empirical_mdp(data, np.array([1.0, 2.0]))
    assert once.R[0].tolist() == [1.0, 6.0]
    assert twice.R[0].tolist() == [1.0, (2.0 + 2 * 10.0) / 3]
    np.testing.assert_allclose(once.P[0], [[1.0, 0.0], [0.0, 1.0]])
    with pytest.raises(DatasetError, match="needs tabular data"):
        empirical_mdp(Dataset.from_columns([[0.5]], [0], [0.0], [True]))


def scattered(data: Dataset, seed: int) -> Dataset:
    """The same log with each state shown as a point near a place of its own: no point is seen twice."""
    rng = np.random.default_rng(seed)
    places = np.array([[0.0, 0.0], [1.0, 0.0], [0.0, 1.0], [1.0, 1.0]])

    def show(states: np.ndarray) -> np.ndarray:
        return (places[states] + rng.uniform(-0.3, 0.3, (len(states), 2))).astype(np.float32)

    return Dataset.from_columns(
        show(data.observations),
        data.actions,
        data.rewards,
        data.terminations,
        data.truncations,
        next_observations=show(data.next_observations),
        n_actions=data.n_actions,
    )


def nearest(points: np.ndarray) -> np.ndarray:
    """The state that a point shows."""
    return (points[:, 0] > 0.5) + 2 * (points[:, 1] > 0.5)


def test_continuous_observations() -> None:
    mdp = noisy_world()
    behavior = whole(np.array([[0.3, 0.7], [0.6, 0.4], [0.9, 0.1]]))
    log = mdp.sample(behavior, 1500, 100, seed=6)
    data = scattered(log, 7)
    truth = mdp.evaluate(whole(POLICY), 0.9)
    found = fitted_q_evaluation(data, lambda points: whole(POLICY)[nearest(points)], 0.9, resamples=20)
    assert found.value == pytest.approx(truth, abs=0.15)
    assert found.low <= found.value <= found.high
    assert found.effective_sample_size < len(data)
    # Exact frequencies of the hidden states are what the forest ought to come near.
    exact, found = estimate_behavior(log), estimate_behavior(data)
    assert np.abs(found.taken - exact.taken).mean() < 0.1
    assert (found.covered == exact.covered).mean() > 0.95
    weighted = importance_sampling(data, lambda points: whole(POLICY)[nearest(points)], 0.9, weighting="per-decision")
    assert abs(weighted.value - truth) < 0.5
    assert weighted.low < truth < weighted.high


def test_continuous_fitted_q_at_other_discounts_and_unseen_actions() -> None:
    data = scattered(noisy_world().sample(np.full((4, 2), 0.5), 400, 100, seed=8), 9)
    uniform = lambda points: np.full((len(points), 2), 0.5)  # noqa: E731
    zero = fitted_q_evaluation(data, uniform, 0.0, resamples=0)
    assert zero.value == pytest.approx(noisy_world().evaluate(np.full((4, 2), 0.5), 0.0), abs=0.15)
    one = fitted_q_evaluation(data, uniform, 1.0, resamples=0)
    assert one.value == pytest.approx(noisy_world().evaluate(np.full((4, 2), 0.5), 1.0), abs=0.6)
    wider = Dataset.from_columns(
        data.observations, data.actions, data.rewards, data.terminations, data.truncations, n_actions=3
    )
    third = fitted_q_evaluation(wider, lambda points: np.tile([0.0, 0.0, 1.0], (len(points), 1)), 0.9, unseen_value=2.0)
    assert third.value == pytest.approx(2.0)
    assert third.unseen == pytest.approx(1.0)
