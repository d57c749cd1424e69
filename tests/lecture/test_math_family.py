"""The family trained: AWR, AWAC and CRR side by side, IQL at every expectile, MPO at every bound.

What the learners end with is held against fixed points that are computed from the data without a learner, and those
against closed forms and against loops over rows.
"""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import expit

import offrl_core as orl
from offrl_core.evaluation.empirical import behavior_values, constrained_values
from offrl_lecture.base.run import Run
from offrl_lecture.constraining_q import courses as constraining
from offrl_lecture.deadly_triad import courses as triad
from offrl_lecture.reweighting import courses, fixed_points, methods
from offrl_lecture.reweighting.scene_expectile import spread
from offrl_lecture.reweighting.scene_side_by_side import ends
from offrl_lecture.training.course import learners
from offrl_lecture.training.datasets import roads, roads_truth
from offrl_lecture.training.walks import ends_at, most_likely_walk

GAMMA = 0.95
SIDES = list(courses.SIDES)


def cell(name: str) -> int:
    return roads().mdp.state_names.index(name)


def random_walks(seed: int, rows: int = 60) -> orl.Dataset:
    """Rows in no order that a world would give, with several actions in most states."""
    rng = np.random.default_rng(seed)
    return orl.Dataset.from_columns(
        rng.integers(0, 5, rows),
        rng.integers(0, 3, rows),
        rng.normal(size=rows),
        rng.random(rows) < 0.2,
        next_observations=rng.integers(0, 6, rows),
        n_actions=3,
        n_states=6,
        gamma=0.8,
    )


# --- expectiles ---------------------------------------------------------------------------------------------------


@given(
    st.lists(st.tuples(st.floats(-10, 10), st.floats(0.01, 1)), min_size=1, max_size=6),
    st.floats(0.01, 0.99),
)
def test_an_expectile_balances_its_pulls(pairs, tau) -> None:
    x, p = np.array(pairs).T
    p = p / p.sum()
    v = float(fixed_points.expectile(x, p, tau))
    up, down = (p * np.maximum(x - v, 0)).sum(), (p * np.maximum(v - x, 0)).sum()
    assert tau * up == pytest.approx((1 - tau) * down, abs=1e-9)
    # What has no share has no say.
    assert float(fixed_points.expectile(np.append(x, 99.0), np.append(p, 0.0), tau)) == pytest.approx(v)


def test_expectiles_in_closed_form() -> None:
    # Of 0 and q with shares 1 − p and p: v = q · τp / (τp + (1 − τ)(1 − p)).
    for tau in (0.1, 0.5, 0.9, 0.99):
        expected = 2.0 * tau * 0.4 / (tau * 0.4 + (1 - tau) * 0.6)
        assert fixed_points.expectile(np.array([2.0, 0.0]), np.array([0.4, 0.6]), tau) == pytest.approx(expected)
    x, p = np.array([3.0, -1.0, 0.5]), np.array([0.2, 0.5, 0.3])
    assert fixed_points.expectile(x, p, 0.5) == pytest.approx(x @ p)
    assert fixed_points.expectile(x, p, 1 - 1e-9) == pytest.approx(3.0, abs=1e-6)
    assert fixed_points.expectile(np.zeros((2, 3)), np.zeros((2, 3)), 0.7).tolist() == [0.0, 0.0]


def slow_iql(data: orl.Dataset, tau: float) -> dict[int, float]:
    """`V` by loops over rows and a bisection in each state."""
    v = dict.fromkeys(range(6), 0.0)
    for _ in range(200):
        targets: dict[tuple[int, int], list[float]] = {}
        for row in range(len(data)):
            s, a, ahead = int(data.observations[row]), int(data.actions[row]), int(data.next_observations[row])
            y = data.rewards[row] + (0.0 if data.terminations[row] else data.gamma * v[ahead])
            targets.setdefault((s, a), []).append(float(y))
        for state in range(6):
            mine = [(len(ys), sum(ys) / len(ys)) for (s, _), ys in targets.items() if s == state]
            if not mine:
                continue
            low, high = min(q for _, q in mine), max(q for _, q in mine)
            for _ in range(60):
                middle = (low + high) / 2
                pull = sum(n * (tau if q > middle else 1 - tau) * (q - middle) for n, q in mine)
                low, high = (middle, high) if pull > 0 else (low, middle)
            v[state] = (low + high) / 2
    return v


def test_iqls_end_is_the_fixed_point_of_its_two_regressions() -> None:
    for seed, tau in ((1, 0.5), (2, 0.7), (3, 0.9)):
        data = random_walks(seed)
        v = fixed_points.iql_end(data, tau)[1]
        assert v == pytest.approx([slow_iql(data, tau)[s] for s in range(6)], abs=1e-8)


def test_iqls_expectile_goes_from_the_behaviours_value_to_the_best_in_the_data() -> None:
    for world in ("double-crossing", "four-rooms"):
        data = courses.truth_of(world).dataset
        half = fixed_points.iql_end(data, 0.5)
        assert half[1] == pytest.approx(behavior_values(data, GAMMA)[1], abs=1e-9)
        best = data.mdp.initial @ constrained_values(data, GAMMA)[1]
        values = [float(data.mdp.initial @ fixed_points.iql_end(data, tau)[1]) for tau in courses.EXPECTILES]
        assert values == sorted(values)
        assert values[-1] == pytest.approx(best, rel=0.01)
        learned = courses.expectile_course(world).frames()[-1]
        assert learned["v"] @ data.mdp.initial == pytest.approx(values, abs=2e-3)


def iql_policy(data: orl.Dataset, q: np.ndarray, v: np.ndarray, beta: float, cap: float) -> np.ndarray:
    """`π(a|s) ∝ n(s,a) · min(exp(β (Q − V)), w_max)`, `(S, A)`; 0 for actions without rows."""
    with np.errstate(invalid="ignore"):
        mass = np.where(data.counts > 0, data.counts * fixed_points.capped_exp(beta * (q - v[:, None]), cap), 0.0)
    return np.asarray(mass / np.maximum(mass.sum(axis=1, keepdims=True), 1e-300))


def test_iqls_policy_is_its_closed_form_at_the_crossing() -> None:
    data, learned = roads(), courses.expectile_course("double-crossing").frames()[-1]
    crossing, tau = cell("(5,4)"), courses.EXPECTILES.index(0.8)
    q, v = fixed_points.iql_end(data, 0.8)
    for k, beta in enumerate(courses.BETAS):
        exact = iql_policy(data, q, v, beta, courses.IQL_CAP)[crossing]
        on, down = 1, 2
        odds = 30 * min(math.exp(beta * (q[crossing, on] - v[crossing])), 100)
        odds /= 50 * min(math.exp(beta * (q[crossing, down] - v[crossing])), 100)
        assert exact[on] / exact[down] == pytest.approx(odds)
        mine = learned["policy"][tau, k, crossing]
        assert mine[on] / (mine[on] + mine[down]) == pytest.approx(exact[on], abs=5e-3)


def test_a_higher_expectile_is_a_greedier_policy_on_the_roads_and_not_in_the_rooms() -> None:
    low, high, beta = courses.EXPECTILES.index(0.5), courses.EXPECTILES.index(0.99), courses.BETAS.index(10.0)
    numbers = {}
    for world in ("double-crossing", "four-rooms"):
        last = courses.expectile_course(world).frames()[-1]
        numbers[world] = [
            (last["kl"][k, beta], last["return"][k, beta], spread(world, last["q"][k])) for k in (low, high)
        ]
    (kl, true, apart), (kl_high, true_high, apart_high) = numbers["double-crossing"]
    assert kl_high > 1.4 * kl
    assert true_high > 1.4 * true
    assert apart_high > 1.4 * apart
    (kl, true, apart), (kl_high, true_high, apart_high) = numbers["four-rooms"]
    assert kl_high < 0.5 * kl
    assert true_high < 0.85 * true
    assert apart_high < 0.85 * apart


def test_with_equal_weights_every_relative_clones_but_mpo_which_stays() -> None:
    data = orl.load_dataset("two-actions", reward_plus=0.5, reward_minus=0.5, count_plus=9, count_minus=1)
    for relative in methods.FAMILY:
        lane = relative.lane()
        critic = {"initial_spread": 0.0} if relative.judge in ("critic", "expectile") else {}
        if relative.shape == "step":
            continue  # no advantage is above 0: no weight is 1
        learner = orl.Learner(data, lane.algorithm, **lane.hyperparameters, **critic)
        learner.advance(600)
        kept = [0.5, 0.5] if relative.name == "mpo" else [0.9, 0.1]
        assert learner.snapshot().policy[0, 0] == pytest.approx(kept, abs=1e-4), relative.name


# --- AWR, AWAC and CRR --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("tau", courses.TEMPERATURES)
def test_where_awac_ends_in_closed_form(tau: float) -> None:
    """At each crossing the odds are those of the rows times `exp` of the gap of `Q`, the second crossing first."""
    q, policy = fixed_points.critic_end(roads(), tau, cap=100)
    second = expit(math.log(20 / 30) + GAMMA**3 / tau)  # down to the goal: its reward comes four steps on
    on, down = GAMMA**5 * second * GAMMA**3, 0.3 * GAMMA**2
    first = expit(math.log(30 / 50) + (on - down) / tau)
    assert policy[cell("(5,9)"), 2] == pytest.approx(second, abs=1e-9)
    assert policy[cell("(5,4)"), 1] == pytest.approx(first, abs=1e-9)
    assert (q[cell("(5,4)"), 1], q[cell("(5,4)"), 2]) == pytest.approx((on, down))
    returns = ends()["critic"][courses.TEMPERATURES.index(tau)]
    assert returns == pytest.approx(GAMMA**3 * (first * on + (1 - first) * down))


def test_what_was_recorded_is_monte_carlo_at_one_end_and_one_step_at_the_other() -> None:
    data = roads()
    whole, step = (fixed_points.recorded(data, trace_decay) for trace_decay in (1.0, 0.0))
    assert whole.returns == pytest.approx(data.returns_to_go(GAMMA))
    assert step.values == pytest.approx(behavior_values(data, GAMMA)[1], abs=1e-9)
    # At λ = 1 the walks from S that went on are worth nothing: all of them ended in T.
    crossing = cell("(5,4)")
    went_on = (data.observations == crossing) & (data.actions == 1)
    assert went_on.sum() == 30
    assert not whole.returns[went_on].any()
    assert whole.values[crossing] == pytest.approx(50 / 80 * 0.3 * GAMMA**2)


def test_the_learners_end_where_the_data_say_they_end() -> None:
    last = courses.side_course().frames()[-1]
    returns = np.median(last["return"], axis=2)
    assert returns[SIDES.index("awr")] == pytest.approx(ends()["awr"], abs=3e-3)
    for name in ("awac", "crr-exp"):
        assert returns[SIDES.index(name)] == pytest.approx(ends()["critic"], abs=9e-3)
    place = courses.TEMPERATURES.index(0.3)
    judged = fixed_points.recorded(roads(), 0.95)
    crossing = cell("(5,4)")
    learned = last["advantage"][SIDES.index("awr"), place].mean(axis=0)
    for k, action in enumerate((1, 2)):
        rows = (roads().observations == crossing) & (roads().actions == action)
        assert learned[k] == pytest.approx((judged.returns[rows] - judged.values[crossing]).mean(), abs=1e-3)
    exact = fixed_points.awr_policy(roads(), judged, 0.3, cap=20)[crossing]
    assert last["probability"][SIDES.index("awr"), place, 0] == pytest.approx(exact[[1, 2]], abs=6e-3)


def test_only_a_critic_of_the_learned_policy_joins_the_roads() -> None:
    last, place = courses.side_course().frames()[-1], courses.TEMPERATURES.index(0.05)
    walks = {name: ends_at(most_likely_walk(last["policy"][i, place])) for i, name in enumerate(SIDES)}
    assert walks == {"awr": "D", "awac": "G", "crr-binary": "G", "crr-exp": "G"}
    returns = dict(zip(SIDES, np.median(last["return"][:, place], axis=1), strict=True))
    assert returns["awr"] < 0.24
    assert min(returns[name] for name in SIDES[1:]) > 0.95 * roads_truth().optimal
    hot = dict(zip(SIDES, np.median(last["return"][:, -1], axis=1), strict=True))
    assert hot["awac"] == pytest.approx(roads_truth().behavior, abs=0.02)


def test_where_the_binary_filter_is_shut_a_guess_lies_above_every_recorded_action() -> None:
    (learner,) = [made for made in learners(courses.side_run(0.05)) if made.algorithm.name == "crr"][:1]
    assert learner.snapshot().policy.shape[0] == courses.SIDE_SEEDS
    learner.advance(300)
    snapshot, seen = learner.snapshot(), roads().counts > 0
    road = courses._best_road()
    held = np.where(seen, snapshot.q, -np.inf).max(axis=2)[:, road]
    average = (snapshot.policy * snapshot.q).sum(axis=2)[:, road]
    shut = (average > held + 1e-6).any(axis=1)
    assert shut.any()
    assert (shut == courses.side_course().frames()[-1]["shut"][SIDES.index("crr-binary"), 0]).all()


# --- MPO ----------------------------------------------------------------------------------------------------------


def test_the_e_step_by_hand() -> None:
    # Two actions, prior ½ each, Q = 0 and 1: q = σ(1/η), and KL(q ‖ ½) = log 2 − H(q).
    prior, q = np.full((1, 2), 0.5), np.array([[0.0, 1.0]])
    improved = fixed_points.tilted(prior, q, 0.5)[0]
    assert improved[1] == pytest.approx(expit(2.0))
    divergence = math.log(2) + sum(p * math.log(p) for p in improved)
    assert fixed_points.kl(improved[None], prior)[0] == pytest.approx(divergence)
    assert fixed_points.e_step(prior, q, np.ones(1), divergence) == pytest.approx(0.5, rel=1e-6)
    assert fixed_points.e_step(prior, q, np.ones(1), 1.0) == 1e-4  # log 2 is the furthest there is


@pytest.mark.parametrize("prior", courses.PRIORS)
def test_the_learners_temperature_is_the_root_of_its_bound(prior: str) -> None:
    last = courses.mpo_course(0.5).frames()[-1]
    rows = roads().counts.sum(axis=1) / len(roads())
    met = 0
    for k, epsilon in enumerate(courses.EPSILONS):
        at = courses.PRIORS.index(prior), k
        before, q, eta = (last[name][at].astype(float) for name in ("prior", "q", "eta"))
        exact = fixed_points.e_step(before, q, rows, epsilon)
        divergence = rows @ fixed_points.kl(fixed_points.tilted(before, q, float(eta)), before)
        assert divergence <= 1.05 * epsilon
        if exact > 0.05:
            assert eta == pytest.approx(exact, rel=1e-2)
            assert divergence == pytest.approx(epsilon, rel=2e-2)
            met += 1
    assert met >= 2


def test_mpo_leaves_the_data_where_cloning_cannot() -> None:
    last, bound = courses.mpo_course(0.5).frames()[-1], courses.EPSILONS.index
    believed, true, unseen = (np.median(last[name], axis=2) for name in ("believed", "return", "unseen"))
    policy, behavior = 0, 1
    assert unseen[policy, bound(0.1)] > 0.2
    assert believed[policy, bound(0.1)] > roads_truth().optimal + 0.2
    assert (true[policy] < 0.05).all()  # whatever the bound of a step
    assert last["awac_unseen"].max() < 0.01
    assert last["awac_return"].min() > 0.54
    # The prior π_β holds it while the bound is small.
    assert unseen[behavior, bound(0.03)] < 0.01
    assert true[behavior, bound(0.1)] > 2 * roads_truth().behavior
    assert unseen[behavior, bound(1.0)] > 0.1
    assert true[behavior, bound(1.0)] < 0.05


def test_mpo_finds_the_road_where_no_guess_looks_better() -> None:
    last = courses.mpo_course(0.0).frames()[-1]
    assert np.median(last["return"][0, courses.EPSILONS.index(0.1)]) > 0.55


# --- what scenes open in the playground is what they train -----------------------------------------------------------


def trained(run: Run, step: int) -> np.ndarray:
    """`(M, …)` the policies of a run's first learner."""
    learner = learners(run)[0]
    learner.advance(step)
    return np.asarray(learner.snapshot().policy)


def test_a_scenes_run_is_the_member_that_its_course_trains() -> None:
    place, frame = courses.TEMPERATURES.index(0.3), 3
    side = courses.side_course().frames(frame)[frame]
    assert trained(courses.side_run(0.3), 5 * frame)[0] == pytest.approx(side["policy"][0, place], abs=1e-6)
    tau, beta = courses.EXPECTILES.index(0.9), courses.BETAS.index(10.0)
    course = courses.expectile_course("four-rooms").frames(frame)[frame]
    alone = trained(courses.expectile_run("four-rooms", 0.9, 10.0), 10 * frame)
    assert alone[0] == pytest.approx(course["policy"][tau, beta], abs=1e-5)
    mpo = courses.mpo_course(0.5).frames(frame)[frame]
    alone = trained(courses.mpo_run(("behavior",), 0.3, 0.5), 10 * frame)
    assert alone[0] == pytest.approx(mpo["policy"][1, courses.EPSILONS.index(0.3)], abs=1e-5)
    bcq = constraining.bcq_roads().frames(frame)[frame]
    alone = trained(constraining.bcq_run("roads", 0.3), 4 * frame)
    returns = roads_truth().of(alone)[0]
    members = bcq["return"].reshape(len(constraining.RHOS), -1)[constraining.RHOS.index(0.3)]
    assert returns == pytest.approx(members, abs=1e-6)
    loop = triad.loop_course("gaps").frames(frame)[frame]
    assert roads_truth().of(trained(triad.loop_run("gaps", "td"), 2 * frame))[0] == pytest.approx(loop["return"])
