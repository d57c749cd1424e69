"""Every weight, target and penalty of an update against its formula in `derivations`."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from derivations import (
    HARD,
    NEXT_VALUES,
    SETTINGS,
    WEIGHTS,
    Formula,
    Rows,
    copied_value,
    lambda_returns,
    one_hot,
    penalty,
    pi,
    restricted,
    softmax,
)


@pytest.mark.parametrize("setting", SETTINGS)
@pytest.mark.parametrize("case", WEIGHTS)
def test_weights(case: str, setting: str) -> None:
    """The weight of every row, the weighted loss, and its gradient at the logits, the mean of `w·(π − 1[a])`."""
    name, choices, formula = WEIGHTS[case]
    t = Rows(setting, name, **choices)
    loss = t.loss("policy")  # first: the running norm moves before it is used
    weighting = t.learner.algorithm.weighting(t.batch, t.program.hp)
    w = formula(t)
    if weighting is not None:
        found = np.broadcast_to(weighting.weight, (1, t.batch.rows))[0][t.of_row]
        np.testing.assert_allclose(found, w, rtol=1e-3, atol=1e-5)
    t.check_gradient(loss, "policy", w[:, None] * (pi(t) - one_hot(t)))
    assert loss.value[0] == pytest.approx(-(w * np.log(t.taken(pi(t)))).mean(), rel=2e-3, abs=1e-6)


@pytest.mark.parametrize("setting", SETTINGS)
@pytest.mark.parametrize("case", NEXT_VALUES)
def test_targets(case: str, setting: str) -> None:
    """`y = r + γ(1 − terminated)·V(s′)`: the loss, the mean error, and the gradient `Q − y` at `(s, a)`."""
    name, choices, formula = NEXT_VALUES[case]
    t = Rows(setting, name, **choices)
    y = t.y(formula(t))
    for loss_name, head in (("td", "q"), ("td2", "q2")) if choices.get("double") == "clipped" else (("td", "q"),):
        loss, delta = t.loss(loss_name), t.taken(t.here(head)) - y
        t.check_gradient(loss, head, delta[:, None] * one_hot(t))
        assert loss.value[0] == pytest.approx((delta**2).mean() / 2, rel=1e-3)
        assert loss.error[0] == pytest.approx(np.abs(delta).mean(), rel=1e-3)


STATE_VALUES: dict[str, tuple[str, dict[str, Any], Formula]] = {
    "marwil": ("marwil", {"beta": 0.1}, lambda t: t.y(t.there("value")[:, 0])),
    "marwil-mc": ("marwil", {"beta": 0.1, "value_target": "mc"}, lambda t: t.G),
    "awr-td": ("awr", {"value_target": "td"}, lambda t: t.y(t.there("value")[:, 0])),
    "awr-mc": ("awr", {"value_target": "mc", "temperature": 5.0}, lambda t: t.G),
    "awr": (
        "awr",
        {"trace_decay": 0.7, "target_period": 10},
        lambda t: lambda_returns(t, 0.7, copied_value(t)),
    ),
}


@pytest.mark.parametrize("setting", SETTINGS)
@pytest.mark.parametrize("case", STATE_VALUES)
def test_state_values(case: str, setting: str) -> None:
    name, choices, formula = STATE_VALUES[case]
    t = Rows(setting, name, **choices)
    loss, delta = t.loss("value"), t.here("value")[:, 0] - formula(t)
    t.check_gradient(loss, "value", delta[:, None])
    assert loss.value[0] == pytest.approx((delta**2).mean() / 2, rel=1e-3)


@pytest.mark.parametrize("setting", SETTINGS)
def test_expectile(setting: str) -> None:
    t = Rows(setting, "iql", expectile=0.8, **HARD)
    u = t.taken(t.here("target_q")) - t.here("value")[:, 0]
    pull = np.where(u < 0, 0.2, 0.8)
    loss = t.loss("value")
    t.check_gradient(loss, "value", (-pull * u)[:, None])
    assert loss.value[0] == pytest.approx((pull * u**2).mean() / 2, rel=1e-3)


@pytest.mark.parametrize("setting", SETTINGS)
def test_monte_carlo_targets(setting: str) -> None:
    t = Rows(setting, "mc-q", initial_spread=0.5)
    t.check_gradient(t.loss("td"), "q", (t.taken(t.here("q")) - t.G)[:, None] * one_hot(t))


@pytest.mark.parametrize("setting", SETTINGS)
@pytest.mark.parametrize(("name", "choices"), [("bcq", {}), ("mpo", {"prior": "behavior"})])
def test_clones_of_the_behaviour(name: str, choices: dict[str, Any], setting: str) -> None:
    t = Rows(setting, name, **choices)
    loss, clone = t.loss("behavior"), softmax(t.here("behavior"))
    t.check_gradient(loss, "behavior", clone - one_hot(t))
    assert loss.value[0] == pytest.approx(-np.log(t.taken(clone)).mean(), rel=1e-3)


@pytest.mark.parametrize("setting", SETTINGS)
@pytest.mark.parametrize("form", ["lecture-a", "lecture-b", "lecture-c", "lecture-d", "paper"])
def test_penalties(form: str, setting: str) -> None:
    t = Rows(setting, "cql", form=form, alpha=0.7, double="clipped")
    for name, head in (("penalty", "q"), ("penalty2", "q2")):
        loss = t.loss(name)
        value, gradient = penalty(t, form, t.here(head) if form == "paper" else t.there(head))
        assert loss.value[0] == pytest.approx(0.7 * value.mean(), rel=1e-3, abs=1e-5)
        t.check_gradient(loss, head if form == "paper" else f"{head}_next", 0.7 * gradient)


@pytest.mark.parametrize("constraint", ["none", "counted"])
@pytest.mark.parametrize("prior", ["policy", "behavior"])
@pytest.mark.parametrize("setting", ["table", "network, all rows", "vectors, all rows, undiscounted"])
def test_mpo_meets_its_bound_and_reweights_its_prior(setting: str, prior: str, constraint: str) -> None:
    t = Rows(setting, "mpo", epsilon=0.05, prior=prior, constraint=constraint, learning_rate=1e-3, **HARD)
    allowed = t.counts(False) > 0 if constraint == "counted" else np.ones((t.B, t.A), bool)
    assert allowed.all() == (constraint == "none")
    old, policy = (restricted(t.here(name), allowed) for name in ("target_policy", "policy"))
    before = restricted(t.here("behavior"), allowed) if prior == "behavior" else old
    q, mu = t.here("target_q"), float(t.program.memory["multiplier"][0, 0])
    found = t.learner.algorithm.losses(t.batch, t.program.hp)  # once: it moves η and μ
    loss, dual_loss = found["policy"], found["dual"]
    eta = float(t.program.memory["temperature"][0, 0])

    def mean_divergence(p: np.ndarray, other: np.ndarray) -> float:
        some = p > 0
        return float((p[some] * np.log(p[some] / other[some])).sum() / t.B)

    top = np.where(before > 0, q, -np.inf).max(axis=1, keepdims=True)
    gap = np.minimum(q - top, 0)

    def improved(x: float) -> np.ndarray:
        tilted = before * np.exp(gap / x)
        return tilted / tilted.sum(axis=1, keepdims=True)

    def distance(x: float) -> float:
        return mean_divergence(improved(x), before)

    def dual(x: float) -> float:
        return x * 0.05 + top.mean() + x * np.log((before * np.exp(gap / x)).sum(axis=1)).mean()

    # Where the data shows a single action, nothing can be tilted: the bound is met as far as it can be.
    free = distance(1e-3)
    if free > 0.05:
        assert distance(eta) == pytest.approx(0.05, rel=0.02)
        low, high = 1e-3, 1e3
        for _ in range(80):
            best = np.sqrt(low * high)
            low, high = (best, high) if distance(best) > 0.05 else (low, best)
        assert eta == pytest.approx(best, rel=0.02)
        assert dual(best) < min(dual(1.1 * best), dual(0.9 * best))
    assert (free > 0.05) == (constraint == "none" or setting != "vectors, all rows, undiscounted")
    assert dual_loss.value[0] == pytest.approx(dual(eta), rel=1e-3, abs=1e-5)
    # M-step: (π − q) + μ(π − π_old) at the logits.
    q_now = improved(eta)
    t.check_gradient(loss, "policy", (policy - q_now) + mu * (policy - old))
    kl = mean_divergence(old, policy)
    cross = -(q_now[q_now > 0] * np.log(policy[q_now > 0])).sum() / t.B
    assert loss.value[0] == pytest.approx(cross + mu * (kl - 0.0025), rel=1e-3)
    violation = np.clip(kl / 0.0025 - 1, -1, 1)
    assert t.program.memory["multiplier"][0, 0] == pytest.approx(mu * np.exp(0.01 * violation), rel=1e-4)
