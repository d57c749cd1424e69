"""The deadly triad: every number the lecture names, from recursions written here a second time by hand."""

import itertools
import math

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from offrl_lecture.deadly_triad import baird, remedies
from offrl_lecture.deadly_triad import toy as triad
from offrl_lecture.deadly_triad.remedies import Remedy
from offrl_lecture.deadly_triad.toy import Switches, Toy
from tests.hypothesis_profiles import examples

unit = st.floats(0, 1)
rates = st.floats(0.01, 1)
starts = st.floats(-3, 3).filter(lambda x: abs(x) > 0.01)
ALL_SWITCHES = [Switches(a, b, o) for a in (True, False) for b in (True, False) for o in (True, False)]


def expected_step(theta, gamma, lr, p):
    """θ ← θ − lr·E[(Q(s,a) − γ max_a' Q(s,a'))·a], from the definition."""
    best = max(theta, 2 * theta)
    return theta - lr * ((1 - p) * (theta - gamma * best) + p * 2 * (2 * theta - gamma * best))


# --- the update ---------------------------------------------------------------------------------------------------


def test_first_update_with_its_numbers():
    # θ = 1 − [1 − 2] = 2
    step = triad.update(1.0, 1, gamma=1.0, learning_rate=1.0)
    assert (step.value, step.best, step.target, step.new) == (1.0, 2.0, 2.0, 2.0)


def test_update_of_a_row_that_shows_two():
    # θ = 1 − .5·(2 − .9·2)·2 = .8
    assert triad.update(1.0, 2, gamma=0.9, learning_rate=0.5).new == pytest.approx(0.8, rel=1e-6)


def test_doubles_until_float32_ends_at_step_128():
    q = triad.trajectory(Toy(), 130)
    assert q.dtype == np.float32
    assert q[:11, 0].tolist() == [2.0**k for k in range(11)]
    assert np.isfinite(q[127, 0])
    assert q[128, 0] == np.inf
    assert np.isinf(q[127, 1])  # Q(s,2) = 2θ overflows one step earlier
    assert np.isnan(q[130, 0])  # inf − inf


def test_single_updates_reach_infinity_at_the_same_step():
    theta, step = 1.0, 0
    while math.isfinite(theta):
        theta, step = triad.update(theta, 1, 1.0, 1.0).new, step + 1
    assert step == 128


# --- growth, border, map ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("gamma", "lr", "share", "factor"),
    [(1.0, 1.0, 0.0, 2.0), (1.0, 0.1, 0.0, 1.1), (0.5, 0.7, 0.0, 1.0), (0.9, 0.5, 0.0, 1.4), (0.9, 1.0, 1.0, 0.6)],
)
def test_growth_for_positive_theta(gamma, lr, share, factor):
    assert triad.growth(gamma, lr, share) == pytest.approx(factor, rel=1e-12)


@given(starts, unit, rates, unit)
def test_growth_is_the_expected_step(theta, gamma, lr, p):
    factor = triad.growth(gamma, lr, p, 1 if theta > 0 else -1)
    assert theta * factor == pytest.approx(expected_step(theta, gamma, lr, p), rel=1e-9, abs=1e-12)


@given(unit, rates)
def test_negative_theta_never_grows_with_data_of_one_action(gamma, lr):
    assert triad.growth(gamma, lr, 0.0, sign=-1) == pytest.approx(1 + lr * (gamma - 1), abs=1e-12)
    assert triad.outcome(Toy(-1.0, gamma, lr, 0.0)) in ("settles", "stands still")


@given(unit, rates, unit)
def test_border_is_where_the_factor_is_one(gamma, lr, p):
    assert triad.growth(triad.border(p), lr, p) == pytest.approx(1.0, abs=1e-12)
    assume(abs(gamma - triad.border(p)) > 1e-6)
    assert (triad.growth(gamma, lr, p) > 1) == (gamma > triad.border(p))


def test_named_borders():
    assert triad.border(0.0) == 0.5
    assert triad.border(1.0) == 1.0
    assert triad.border_share(0.9) == pytest.approx(2 / 3, abs=1e-12)
    assert triad.outcome(Toy(1.0, 0.9, 0.1, 0.66)) == "diverges"
    assert triad.outcome(Toy(1.0, 0.9, 0.1, 0.67)) == "settles"


@given(st.floats(0, 0.999), rates)
def test_at_gamma_one_every_share_below_one_diverges(p, lr):
    assert triad.outcome(Toy(1.0, 1.0, lr, p)) == "diverges"


def test_seeing_more_of_the_other_action_only_slows_it():
    factors = [float(triad.growth(1.0, 1.0, p)) for p in (0.0, 0.25, 0.5, 0.75, 1.0)]
    assert factors == [2.0, 1.75, 1.5, 1.25, 1.0]


@settings(max_examples=examples(200))
@given(starts, unit, rates, unit)
def test_outcome_is_what_the_recursion_does(theta, gamma, lr, p):
    up, down = (float(triad.growth(gamma, lr, p, sign)) for sign in (1, -1))
    assume(min(abs(abs(f) - 1) for f in (up, down, up * down, 1 - up)) > 0.01 or p == 0)
    assume(abs(up - 1) > 0.01 and abs(down - 1) > 0.01 and abs(up) > 0.01 and abs(down) > 0.01)
    assume(abs(abs(up * down) - 1) > 0.01)
    end = theta
    for _ in range(4000):
        end = expected_step(end, gamma, lr, p)
        if abs(end) > 1e100:
            break
    expected = {"diverges": abs(end) > 1e10, "overshoots": abs(end) > 1e10, "settles": abs(end) < 1e-3}
    assert expected[triad.outcome(Toy(theta, gamma, lr, p))]


# --- the three switches -------------------------------------------------------------------------------------------


def test_each_cure_at_gamma_nine_tenths():
    toy = Toy(1.0, 0.9, 0.1, 0.0)
    assert triad.limit(toy, Switches()) == (np.inf, np.inf)
    assert triad.limit(toy, Switches(approximation=False)) == (
        pytest.approx(1.8),
        2.0,
    )  # γ·θ₂: no divergence, still wrong
    assert triad.limit(toy, Switches(bootstrapping=False)) == (0.0, 0.0)  # the truth
    assert triad.limit(toy, Switches(off_policy=False)) == (0.0, 0.0)


def test_at_gamma_one_on_policy_stands_still_and_the_table_settles_on_the_unseen_value():
    assert triad.limit(Toy(), Switches(off_policy=False)) == (1.0, 2.0)
    assert triad.limit(Toy(), Switches(approximation=False)) == (2.0, 2.0)


def test_only_the_full_triad_diverges():
    toy = Toy(1.0, 0.9, 0.1, 0.3)
    diverging = [on for on in ALL_SWITCHES if not all(np.isfinite(triad.limit(toy, on)))]
    assert diverging == [Switches(True, True, True)]


@settings(max_examples=examples(150), deadline=None)
@given(
    starts,
    st.sampled_from([0.0, 0.3, 0.8, 0.9, 1.0]),
    st.sampled_from([0.2, 0.5, 1.0]),
    st.sampled_from([0.0, 0.1, 0.5, 0.9, 1.0]),
    st.sampled_from(ALL_SWITCHES),
)
def test_limits_are_where_long_runs_end(theta, gamma, lr, p, on):
    toy = Toy(theta, gamma, lr, p)
    end = triad.trajectory(toy, 6000, on, dtype=np.float64)[-1]
    exact = triad.limit(toy, on)
    for reached, limit in zip(end, exact, strict=True):
        if np.isnan(limit):  # oscillates without shrinking
            assert not abs(reached) < 1e-6
        elif np.isinf(limit):
            assert not abs(reached) < 1e6
        else:
            assert reached == pytest.approx(limit, abs=1e-3)


def test_refused_values_are_named():
    for bad in ({"theta": math.inf}, {"gamma": 1.1}, {"learning_rate": 0.0}, {"share": -0.1}):
        with pytest.raises(triad.ToyError, match=f"{next(iter(bad))} = "):
            Toy(**bad)


# --- remedies -----------------------------------------------------------------------------------------------------


@given(starts, st.floats(0, 1), st.floats(0.01, 0.25), st.integers(1, 30), unit)
def test_target_network_factor_is_one_period_of_its_steps(theta, gamma, lr, period, p):
    toy, remedy = Toy(theta, gamma, lr, p), Remedy("target-network", period=period)
    frozen, online = theta, theta
    for _ in range(period):
        best = max(frozen, 2 * frozen)
        online -= lr * ((1 - p) * (online - gamma * best) + p * 2 * (2 * online - gamma * best))
    factor = remedies.target_network_factor(gamma, lr, period, p, 1 if theta > 0 else -1)
    assert theta * factor == pytest.approx(online, rel=1e-9, abs=1e-12)
    assert remedies.remedy_trajectory(toy, remedy, period)[-1] == pytest.approx(online, rel=1e-9, abs=1e-12)


def test_target_network_in_the_lecture_form():
    for gamma, lr, period in ((1.0, 0.5, 4), (0.8, 0.1, 25), (0.6, 1.0, 3)):
        expected = 2 * gamma + (1 - 2 * gamma) * (1 - lr) ** period
        assert remedies.target_network_factor(gamma, lr, period) == pytest.approx(expected, rel=1e-12)
    assert remedies.target_network_factor(1.0, 0.3, 1) == pytest.approx(float(triad.growth(1.0, 0.3)))
    # Slower per step, never a cure: over K steps it grows less than K plain steps do, yet above 1.
    for period in (2, 10, 100):
        factor = remedies.target_network_factor(1.0, 0.1, period)
        assert 1.0 < factor < 1.1**period


@pytest.mark.parametrize("name", ["none", "target-network", "double", "clipped"])
def test_no_cure(name):
    assert remedies.verdict(Toy(1.0, 0.9, 0.1, 0.0), Remedy(name)) == ("diverges", np.inf)
    assert remedies.remedy_trajectory(Toy(1.0, 0.9, 0.1, 0.0), Remedy(name), 2000)[-1] > 1e9


def test_clipped_double_grows_like_the_lower_network():
    thetas = remedies.remedy_trajectory(Toy(1.0, 1.0, 0.1), Remedy("clipped", second=1.0), 50)
    assert thetas == pytest.approx(1.1 ** np.arange(51), rel=1e-9)


@pytest.mark.parametrize("lr", [1.0, 0.1, 0.001])
def test_a_small_learning_rate_only_slows(lr):
    assert remedies.verdict(Toy(1.0, 0.9, lr), Remedy("none"))[0] == "diverges"


def test_residual_gradient_goes_to_the_truth():
    # ½(θ − 2γθ)² has gradient (1−2γ)²θ: at γ = 1, lr = .25 the factor is .75.
    thetas = remedies.remedy_trajectory(Toy(1.0, 1.0, 0.25), Remedy("residual"), 3)
    assert thetas == pytest.approx([1, 0.75, 0.5625, 0.421875])
    assert remedies.verdict(Toy(1.0, 1.0, 0.25), Remedy("residual")) == ("settles", 0.0)


def test_constrained_and_bcq():
    assert remedies.verdict(Toy(1.0, 0.9, 0.25), Remedy("constrained")) == ("settles", 0.0)
    assert remedies.verdict(Toy(1.0, 1.0, 0.25), Remedy("constrained")) == ("stands still", 1.0)
    # One row of a = 2 is enough to let Ā through; BCQ's threshold closes the door again.
    rare = Toy(1.0, 0.9, 0.25, 0.05)
    assert remedies.verdict(rare, Remedy("constrained"))[0] == "diverges"
    assert remedies.verdict(rare, Remedy("bcq", rho=0.04))[0] == "diverges"
    assert remedies.verdict(rare, Remedy("bcq", rho=0.05)) == ("settles", 0.0)
    assert remedies.allowed_actions(Toy(share=0.4), Remedy("bcq", rho=0.9)) == (1,)
    assert remedies.allowed_actions(Toy(share=0.6), Remedy("bcq", rho=0.9)) == (2,)


@given(st.sampled_from(remedies.CQL_FORMS), st.floats(-4, 4), unit)
def test_cql_penalties_and_their_gradients(form, theta, share):
    def by_hand(t):
        rows = []
        for action, weight in ((1, 1 - share), (2, share)):
            z = math.log(math.exp(t) + math.exp(2 * t)) - action * t
            rows.append(weight * {"lecture-a": 3 * t, "lecture-b": 3 * t - action * t, "lecture-d": z * z}.get(form, z))
        return sum(rows)

    assert remedies.penalty(form, theta, share) == pytest.approx(by_hand(theta), abs=1e-9)
    numeric = (by_hand(theta + 1e-5) - by_hand(theta - 1e-5)) / 2e-5
    assert remedies.penalty_gradient(form, theta, share) == pytest.approx(numeric, abs=1e-6)


def test_critical_alpha():
    assert remedies.critical_alpha("paper", 1.0, 1.0) == pytest.approx(1.3679, abs=5e-5)
    assert remedies.critical_alpha("paper", 1.0, 1.0) == pytest.approx(1 + math.exp(-1), rel=1e-12)
    assert remedies.critical_alpha("lecture-a", 1.0, 1.0) == pytest.approx(1 / 3)
    assert remedies.critical_alpha("lecture-b", 1.0, 1.0) == pytest.approx(1 / 2)
    assert remedies.critical_alpha("paper", 1.0, 0.4) == 0.0


@pytest.mark.parametrize("form", remedies.CQL_FORMS)
@pytest.mark.parametrize("gamma", [0.8, 0.95, 1.0])
@pytest.mark.parametrize("theta", [0.5, 1.0])
def test_cql_cures_only_above_the_critical_alpha(form, gamma, theta):
    toy, border = Toy(theta, gamma, 0.1), remedies.critical_alpha(form, theta, gamma)
    below, above = Remedy(f"cql-{form}", alpha=border - 0.01), Remedy(f"cql-{form}", alpha=border + 0.01)
    assert remedies.remedy_trajectory(toy, below, 1)[-1] > theta
    assert remedies.remedy_trajectory(toy, above, 1)[-1] < theta
    end, value = remedies.verdict(toy, above)
    assert value < theta
    if gamma < 1:
        assert end == "settles"
        assert remedies.remedy_trajectory(toy, above, 20000)[-1] == pytest.approx(value, abs=1e-3)
        assert value < 0  # pessimism: below the truth
    else:
        assert value == -np.inf
        long = remedies.remedy_trajectory(toy, above, 20000)
        assert long[-1] < long[10000] < -1


@pytest.mark.parametrize("form", ["lecture-a", "lecture-b", "lecture-c", "paper"])
def test_cql_below_the_critical_alpha_still_diverges(form):
    for gamma in (0.8, 1.0):
        border = remedies.critical_alpha(form, 1.0, gamma)
        assert remedies.verdict(Toy(1.0, gamma, 0.1), Remedy(f"cql-{form}", alpha=border * 0.99)) == (
            "diverges",
            np.inf,
        )


def test_cql_forms_a_and_b_settle_far_below_the_truth():
    toy = Toy(1.0, 0.9, 0.1)
    assert remedies.verdict(toy, Remedy("cql-lecture-a", alpha=1.0))[1] == pytest.approx(-3 / 0.1)
    assert remedies.verdict(toy, Remedy("cql-lecture-b", alpha=1.0))[1] == pytest.approx(-2 / 0.1)


@pytest.mark.parametrize("name", remedies.REMEDIES)
def test_every_verdict_is_where_a_long_run_ends(name):
    alphas = (0.35, 1.0, 3.0) if name.startswith("cql") else (1.0,)
    for theta, gamma, p, alpha in itertools.product((-1.0, 0.5, 1.0), (0.3, 0.8, 0.9), (0.0, 0.05, 0.3), alphas):
        toy, remedy = Toy(theta, gamma, 0.1, p), Remedy(name, alpha=alpha)
        _, value = remedies.verdict(toy, remedy)
        end = remedies.remedy_trajectory(toy, remedy, 4000)[-1]
        reached = abs(end - value) < 0.02 if np.isfinite(value) else not abs(end) < 1e6
        assert reached, (toy, remedy, value, end)


def test_refused_remedies():
    for bad in ({"name": "luck"}, {"name": "bcq", "alpha": -1.0}, {"name": "target-network", "period": 0}):
        with pytest.raises(triad.ToyError):
            Remedy(**bad)


# --- Baird --------------------------------------------------------------------------------------------------------


def test_baird_values_at_0_10_100_1000_sweeps():
    rms = baird.root_mean_square_value(baird.sweeps(1000, 0.01, 0.99))
    assert rms[0] == pytest.approx(5.318, abs=5e-4)
    assert rms[10] == pytest.approx(6.470, abs=5e-4)
    assert rms[100] == pytest.approx(19.55, abs=5e-3)
    assert rms[1000] == pytest.approx(581.4, abs=0.05)


def test_baird_sweep_from_the_definition():
    w = [1.0] * 6 + [10.0, 1.0]
    value = [2 * w[s] + w[7] for s in range(6)] + [w[6] + 2 * w[7]]
    assert value == [3.0] * 6 + [12.0]
    new = list(w)
    for s in range(7):
        error = 0.01 / 7 * (0.99 * value[6] - value[s])
        if s < 6:
            new[s] += error * 2
            new[7] += error
        else:
            new[6] += error
            new[7] += error * 2
    assert baird.sweeps(1)[1] == pytest.approx(new, rel=1e-12)


def test_baird_can_represent_the_truth_and_grows_only_far_from_the_policys_own_data():
    assert np.linalg.matrix_rank(baird.features()) == 7
    assert baird.growth(0.01, 0.99) > 1.002
    assert baird.growth(0.01, 0.5) == pytest.approx(1.0)
    assert baird.growth(0.01, 0.99, on_policy=1.0) == pytest.approx(1.0)
    on_policy = baird.values(baird.sweeps(20000, 0.01, 0.99, 1.0)[-1])
    assert abs(on_policy[6]) < 1e-3  # the state that the policy lives in


def test_baird_small_steps_diverge_above_15_17ths():
    for gamma, grows in ((15 / 17 - 0.005, False), (15 / 17 + 0.005, True)):
        real = np.linalg.eigvals(baird.step_matrix(gamma)).real.max()
        assert (real > 1e-6) == grows


def test_baird_refuses_bad_values():
    with pytest.raises(triad.ToyError, match="on_policy"):
        baird.visited(1.5)
    with pytest.raises(triad.ToyError, match="count"):
        baird.sweeps(-1)
