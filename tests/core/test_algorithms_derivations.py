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


@pytest.mark.parametrize("prior", ["policy", "behavior"])
@pytest.mark.parametrize("setting", ["table", "network, all rows", "vectors, all rows, undiscounted"])
def test_mpo_meets_its_bound_and_reweights_its_prior(setting: str, prior: str) -> None:
    t = Rows(setting, "mpo", epsilon=0.05, prior=prior, learning_rate=1e-3, **HARD)
    log_old, q = np.log(softmax(t.here("target_policy"))), t.here("target_q")
    log_prior = np.log(softmax(t.here("behavior"))) if prior == "behavior" else log_old
    mu = float(t.program.memory["multiplier"][0, 0])
    found = t.learner.algorithm.losses(t.batch, t.program.hp)  # once: it moves η and μ
    loss, dual_loss = found["policy"], found["dual"]
    eta = float(t.program.memory["temperature"][0, 0])

    def distance(x: float) -> float:
        improved = softmax(log_prior + q / x)
        return float((improved * (np.log(improved) - log_prior)).sum(axis=1).mean())

    def dual(x: float) -> float:
        return x * 0.05 + x * np.log(np.exp(log_prior + q / x).sum(axis=1)).mean()

    assert distance(eta) == pytest.approx(0.05, rel=0.02)
    low, high = 1e-3, 1e3
    for _ in range(80):
        best = np.sqrt(low * high)
        low, high = (best, high) if distance(best) > 0.05 else (low, best)
    assert eta == pytest.approx(best, rel=0.02)
    assert dual(best) < min(dual(1.1 * best), dual(0.9 * best))
    assert dual_loss.value[0] == pytest.approx(dual(eta), rel=1e-3, abs=1e-5)
    # M-step: (π − q) + μ(π − π_old) at the logits.
    improved, old = softmax(log_prior + q / eta), np.exp(log_old)
    t.check_gradient(loss, "policy", (pi(t) - improved) + mu * (pi(t) - old))
    kl = (old * (log_old - np.log(pi(t)))).sum(axis=1).mean()
    cross = -(improved * np.log(pi(t))).sum(axis=1).mean()
    assert loss.value[0] == pytest.approx(cross + mu * (kl - 0.0025), rel=1e-3)
    violation = np.clip(kl / 0.0025 - 1, -1, 1)
    assert t.program.memory["multiplier"][0, 0] == pytest.approx(mu * np.exp(0.01 * violation), rel=1e-4)
