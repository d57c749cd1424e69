"""The look inside a transition shows the numbers of the update, for every system; see `derivations`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from derivations import (
    HARD,
    NEXT_VALUES,
    WEIGHTS,
    Array,
    Formula,
    Rows,
    awr_advantage,
    dataset,
    over_best_of_three,
    over_policy,
    penalty,
    pi,
    softmax,
    td_advantage,
)

import offrl_core as orl
from offrl_core.dataset import probe_rows

WHOLE = ("table", "network, all rows", "vectors, all rows, undiscounted")
"""Settings in which every update reads every row: what the look inside shows is what that update uses."""


def looked_into(t: Rows, rows: Array) -> list[dict[str, Any]]:
    """The named numbers of these rows."""
    return [{step["name"]: step["value"] for step in t.learner.explain(int(row))["steps"]} for row in rows]


def slopes(loss: Callable[[Array], float], logits: Array) -> Array:
    """The gradient of a function of one state's logits, by central differences in float64."""
    steps = 1e-5 * np.eye(len(logits))
    return np.array([(loss(logits + step) - loss(logits - step)) / 2e-5 for step in steps])


def rows_of_one_state(t: Rows) -> Array:
    """The rows of the state that holds between 5 and 25 of them, or of one vector."""
    places = np.bincount(t.s)
    fitting = np.flatnonzero((places >= 5) & (places <= 25))
    return np.flatnonzero(t.s == (fitting[0] if len(fitting) else 0))


@pytest.mark.parametrize("setting", WHOLE)
@pytest.mark.parametrize("case", WEIGHTS)
def test_cloning_shows_the_weights_and_the_gradient(case: str, setting: str) -> None:
    """The shown gradients of one state's rows add up to the slope of the whole weighted loss at that state's logits."""
    name, choices, formula = WEIGHTS[case]
    t = Rows(setting, name, **choices)
    rows = rows_of_one_state(t)
    shown = looked_into(t, rows)
    t.loss("policy")  # the running norm moves before it is used
    w, logits, p = formula(t), t.here("policy"), pi(t)
    batch_wide = t.data.n_states is None and choices.get("normalization") in BATCH_WIDE
    for row, steps in zip(rows, shown, strict=True):
        if not batch_wide:  # of vectors the look inside normalises over the probe rows
            assert steps["weight"] == pytest.approx(w[row], rel=2e-3, abs=1e-6)
        assert steps["probability"] == pytest.approx(p[row, t.a[row]], rel=1e-4)
        loss = -steps["weight"] * np.log(p[row, t.a[row]])
        assert steps["loss"] == pytest.approx(loss, rel=1e-3, abs=1e-6)
    weights = np.array([steps["weight"] for steps in shown]) if batch_wide else w[rows]

    def whole(x: Array) -> float:
        log_pi = x - np.log(np.exp(x).sum())
        return float(-(weights * log_pi[t.a[rows]]).sum() / t.B)

    total = np.sum([steps["gradient"] for steps in shown], axis=0) / t.B
    expected = slopes(whole, logits[rows[0]])
    np.testing.assert_allclose(total, expected, rtol=3e-3, atol=2e-4 * max(1e-4, np.abs(expected).max()))


BATCH_WIDE = ("naive", "log-sum-exp", "standardize", "batch")

ADVANTAGES: dict[str, Formula] = {
    "marwil": td_advantage,
    "marwil-mc": lambda t: t.G - t.here("value")[:, 0],
    "marwil-running": lambda t: t.G - t.here("value")[:, 0],
    "awr": awr_advantage,
    "awr-td": td_advantage,
    "awr-standardized": lambda t: t.G - t.here("value")[:, 0],
    "awac": over_policy,
    "awac-batch": over_policy,
    "crr": over_policy,
    "crr-exp": over_policy,
    "crr-max": over_best_of_three,
    "iql": lambda t: t.taken(t.here("target_q")) - t.here("value")[:, 0],
    "iql-exponent": lambda t: t.taken(t.here("q")) - t.here("value")[:, 0],
}


@pytest.mark.parametrize("setting", WHOLE)
@pytest.mark.parametrize("case", ADVANTAGES)
def test_the_advantage_shown_is_the_one_in_the_weight(case: str, setting: str) -> None:
    """In the table of the snapshot, in the look inside, and beside the weight that was made of it."""
    name, choices, _ = WEIGHTS[case]
    t = Rows(setting, name, **choices)
    advantage = ADVANTAGES[case](t)
    table = t.learner.snapshot().advantages[0].astype(float)
    scale = np.abs(advantage).max()
    if t.shared:
        total, count = np.zeros(table.shape), np.zeros(table.shape)
        np.add.at(total, (t.s, t.a), advantage)
        np.add.at(count, (t.s, t.a), 1)
        np.testing.assert_allclose(table[count > 0], total[count > 0] / count[count > 0], rtol=1e-3, atol=1e-5 * scale)
    else:
        rows = probe_rows(t.data)
        np.testing.assert_allclose(
            table[np.arange(len(rows)), t.a[rows]], advantage[rows], rtol=1e-3, atol=1e-5 * scale
        )
    rows = np.arange(0, len(t.data), 41)
    for row, steps in zip(rows, looked_into(t, rows), strict=True):
        assert steps["advantage"] == pytest.approx(advantage[row], rel=1e-3, abs=1e-5 * scale)


@pytest.mark.parametrize("setting", WHOLE)
@pytest.mark.parametrize("case", NEXT_VALUES)
def test_targets(case: str, setting: str) -> None:
    name, choices, formula = NEXT_VALUES[case]
    t = Rows(setting, name, **choices)
    y, taken = t.y(formula(t)), t.taken(t.here("q"))
    rows = np.arange(0, len(t.data), 13)
    for row, steps in zip(rows, looked_into(t, rows), strict=True):
        assert steps["target"] == pytest.approx(y[row], rel=1e-4, abs=1e-5)
        assert steps["delta"] == pytest.approx(y[row] - taken[row], rel=1e-3, abs=1e-4)
        if "loss" in steps and "gradient" not in steps:
            assert steps["loss"] == pytest.approx((y[row] - taken[row]) ** 2 / 2, rel=1e-3, abs=1e-5)
        if choices.get("double") == "clipped":
            second = t.taken(t.here("q2"))[row]
            assert steps["delta2"] == pytest.approx(y[row] - second, rel=1e-3, abs=1e-4)
            assert steps["loss2"] == pytest.approx((y[row] - second) ** 2 / 2, rel=1e-3, abs=1e-5)


@pytest.mark.parametrize("setting", WHOLE)
@pytest.mark.parametrize("form", ["lecture-a", "lecture-b", "lecture-c", "lecture-d", "paper"])
def test_penalties(form: str, setting: str) -> None:
    t = Rows(setting, "cql", form=form, alpha=0.7, double="clipped")
    rows = np.arange(0, len(t.data), 13)
    shown = looked_into(t, rows)
    for name, head in (("penalty", "q"), ("penalty2", "q2")):
        value, _ = penalty(t, form, t.here(head) if form == "paper" else t.there(head))
        np.testing.assert_allclose([s[name] for s in shown], 0.7 * value[rows], rtol=1e-3, atol=1e-5)


@pytest.mark.parametrize("setting", WHOLE)
def test_expectile(setting: str) -> None:
    t = Rows(setting, "iql", expectile=0.8, **HARD)
    u = t.taken(t.here("target_q")) - t.here("value")[:, 0]
    rows = np.arange(0, len(t.data), 13)
    assert [s["pull"] for s in looked_into(t, rows)] == pytest.approx(np.where(u < 0, 0.2, 0.8)[rows].tolist())


@pytest.mark.parametrize("prior", ["policy", "behavior"])
@pytest.mark.parametrize("setting", WHOLE)
@pytest.mark.parametrize("copy", [HARD, {"target_update": "none"}], ids=["hard", "none"])
def test_mpo(setting: str, prior: str, copy: dict[str, Any]) -> None:
    """The gradient is the slope of the whole M-step, the price of the step included; the price is that of this update,
    and it, the temperature and both losses stand in the snapshot's metrics."""
    t = Rows(setting, "mpo", epsilon=0.05, prior=prior, **copy)
    prefix = "target_" if copy is HARD else ""
    mu = float(t.program.memory["multiplier"][0, 0])
    snapshot = t.learner.snapshot()
    row = int(rows_of_one_state(t)[0])
    (shown,) = looked_into(t, np.array([row]))
    log_old, q = np.log(softmax(t.here(f"{prefix}policy"))), t.here(f"{prefix}q")
    log_prior = np.log(softmax(t.here("behavior"))) if prior == "behavior" else log_old
    eta = shown["temperature"]
    improved, old, logits = softmax(log_prior + q / eta), np.exp(log_old), t.here("policy")

    def m_step(x: Array) -> float:
        log_pi = x - np.log(np.exp(x).sum())
        return float(-(improved[row] * log_pi).sum() + mu * (old[row] * (log_old[row] - log_pi)).sum())

    expected = slopes(m_step, logits[row])
    np.testing.assert_allclose(shown["gradient"], expected, rtol=5e-3, atol=1e-6)
    np.testing.assert_allclose(shown["improved"], improved[row], rtol=1e-3)
    np.testing.assert_allclose(shown["prior"], np.exp(log_prior)[row], rtol=1e-3)
    np.testing.assert_allclose(shown["old"], old[row], rtol=1e-3)
    assert shown["multiplier"] == pytest.approx(mu, rel=1e-6)
    if copy is HARD:  # the price of the step is a part of it that is seen
        assert np.abs(np.subtract(shown["gradient"], pi(t)[row] - improved[row])).max() > 1e-4
    # What weighs actions against the prior is the advantage that is shown, up to a factor per state.
    table = snapshot.advantages[0].astype(float)
    at = t.s[row] if t.shared else int(np.flatnonzero(probe_rows(t.data) == row)[0])
    tilt = eta * (np.log(improved) - log_prior)[row]
    np.testing.assert_allclose(table[at] - table[at].mean(), tilt - tilt.mean(), rtol=1e-3, atol=1e-5)
    np.testing.assert_allclose(table[at], q[row] - old[row] @ q[row], rtol=1e-3, atol=1e-5)
    if not t.shared:
        return
    cross = -(improved * np.log(pi(t))).sum(axis=1).mean()
    kl = (old * (log_old - np.log(pi(t)))).sum(axis=1).mean()
    metrics = {name: float(value[0]) for name, value in snapshot.metrics.items()}
    assert metrics["multiplier"] == pytest.approx(mu, rel=1e-6)
    assert metrics["loss_policy"] == pytest.approx(cross + metrics["multiplier"] * (kl - 0.0025), rel=1e-4)
    # `loss_dual` as its formula reads, with the prior that is named there.
    dual = eta * 0.05 + eta * np.log((np.exp(log_prior) * np.exp(q / eta)).sum(axis=1)).mean()
    assert metrics["loss_dual"] == pytest.approx(dual, rel=1e-4, abs=1e-6)
    formula = t.learner.formulas["loss_dual"]
    assert (r"\pi_\beta" in formula) == (prior == "behavior")
    assert (r"\pi_{\mathrm{old}}" in formula) == (prior == "policy")
    assert ("Q'(s,a)" in formula) == (copy is HARD)


def test_the_price_of_the_first_step_is_its_start_value() -> None:
    learner = orl.Learner(dataset("states", 0.9), "mpo")
    assert learner.snapshot().metrics["multiplier"][0] == 1
    assert {s["name"]: s["value"] for s in learner.explain(0)["steps"]}["multiplier"] == 1
    learner.advance(1)
    # With the policy on its copy nothing was spent: the price falls by a hundredth.
    assert learner.snapshot().metrics["multiplier"][0] == pytest.approx(np.exp(-0.01), rel=1e-6)


@pytest.mark.parametrize("setting", WHOLE)
def test_recorded_returns(setting: str) -> None:
    t = Rows(setting, "mc-q", initial_spread=0.5)
    rows = np.arange(0, len(t.data), 13)
    error = t.G - t.taken(t.here("q"))
    for row, steps in zip(rows, looked_into(t, rows), strict=True):
        assert steps["target"] == pytest.approx(t.G[row], rel=1e-5)
        assert steps["loss"] == pytest.approx(error[row] ** 2 / 2, rel=1e-3, abs=1e-6)
