"""Every weight and every target once more, row by row in float64, written from the equations."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from learning_cases import random_data, returns_to_go

import offrl_core as orl

DATA = random_data(7, rows=250, states=12)
GAMMA = 0.9
N, S, A = len(DATA), int(DATA.n_states or 0), DATA.n_actions
s, a, r, n = DATA.observations, DATA.actions, DATA.rewards, DATA.next_observations
live = ~DATA.terminations
G = returns_to_go(DATA, GAMMA)
COUNTS = DATA.counts


class Tables:
    """A learner after some updates: its tables in float64, by head, and what it computes next."""

    def __init__(self, name: str, approximator: str = "table", **choices: Any) -> None:
        self.learner = orl.Learner(DATA, name, approximator=approximator, **choices)
        self.learner.advance(25)
        self.program = self.learner._programs[0][1]
        self.batch = self.program.evaluate(self.program.feed.draw(25))
        self.out = {k: v[0].T.astype(float) for k, v in self.batch.outputs.items()}
        self.merged = DATA_ROWS(self.program)

    def rows(self, rows: np.ndarray) -> np.ndarray:
        """A row quantity of the merged batch, unmerged: `(N,)`."""
        return np.broadcast_to(rows, (1, self.batch.rows))[0][self.merged]

    @property
    def weights(self) -> np.ndarray:
        weighting = self.learner.algorithm.weighting(self.batch, self.program.hp)
        return self.rows(weighting.weight)

    def target(self, loss: str, head: str) -> np.ndarray:
        """The target behind a squared error, from its gradient: `y = Q − g / share`, averaged over each pair."""
        found = self.learner.algorithm.losses(self.batch, self.program.hp)[loss]
        share = COUNTS / N
        gradient = found.gradients[head][0].T.astype(float)
        return np.where(share > 0, self.out[head] - gradient / np.where(share > 0, share, 1), np.nan)


def DATA_ROWS(program: Any) -> np.ndarray:
    return program.rows.merged(program.columns, program.gammas).of_row


def softmax(x: np.ndarray) -> np.ndarray:
    e = np.exp(x - x.max(axis=1, keepdims=True))
    return e / e.sum(axis=1, keepdims=True)


def pair_mean(rows: np.ndarray) -> np.ndarray:
    total = np.zeros((S, A))
    np.add.at(total, (s, a), rows)
    return np.where(COUNTS > 0, total / np.maximum(COUNTS, 1), np.nan)


def pi_mean(t: Tables, q: str) -> np.ndarray:
    return (softmax(t.out["policy"]) * t.out[q]).sum(axis=1)


WEIGHTS: dict[str, tuple[str, dict[str, Any], Callable[[Tables], np.ndarray]]] = {
    "emrl": ("emrl", {}, lambda t: r),
    "emrl-return": ("emrl", {"signal": "return"}, lambda t: G),
    "emrl-shifted": ("emrl", {"weight_function": "shifted"}, lambda t: r - r.min()),
    "rwr": ("rwr", {"signal": "reward", "temperature": 2.0}, lambda t: np.exp(r / 2)),
    "rwr-return": ("rwr", {"temperature": 3.0}, lambda t: np.exp(G / 3)),
    "rwr-normalized": (
        "rwr",
        {"temperature": 3.0, "normalization": "log-sum-exp"},
        lambda t: N * np.exp(G / 3) / np.exp(G / 3).sum(),
    ),
    "marwil": (
        "marwil",
        {"beta": 1.5},
        lambda t: np.exp(1.5 * (-t.out["value"][s, 0] + r + GAMMA * live * t.out["value"][n, 0])),
    ),
    "marwil-mc": ("marwil", {"beta": 0.5, "advantage": "mc"}, lambda t: np.exp(0.5 * (G - t.out["value"][s, 0]))),
    "marwil-running": (
        "marwil",
        {"beta": 2.0, "advantage": "mc", "normalization": "running", "norm_rate": 0.1},
        lambda t: np.exp(2 * (G - t.out["value"][s, 0]) / (1e-8 + np.sqrt(t.program.memory["square"][0, 0]))),
    ),
    "awr-td": (
        "awr",
        {"value_target": "td", "temperature": 0.5},
        lambda t: np.minimum(np.exp((r + GAMMA * live * t.out["value"][n, 0] - t.out["value"][s, 0]) / 0.5), 20),
    ),
    "awr-standardized": (
        "awr",
        {"value_target": "mc", "normalization": "standardize", "temperature": 1.0},
        lambda t: np.minimum(np.exp((d := G - t.out["value"][s, 0], (d - d.mean()) / (d.std() + 1e-5))[1]), 20),
    ),
    "awac": (
        "awac",
        {"temperature": 0.5, "weight_max": 0},
        lambda t: np.exp((t.out["q"][s, a] - pi_mean(t, "q")[s]) / 0.5),
    ),
    "awac-batch": (
        "awac",
        {"temperature": 0.5, "normalization": "batch"},
        lambda t: (e := np.exp((t.out["q"][s, a] - pi_mean(t, "q")[s]) / 0.5), N * e / e.sum())[1],
    ),
    "crr": ("crr", {}, lambda t: (t.out["q"][s, a] > pi_mean(t, "q")[s]).astype(float)),
    "crr-exp": (
        "crr",
        {"filter": "exp", "temperature": 0.3, "weight_max": 5},
        lambda t: np.minimum(np.exp((t.out["q"][s, a] - pi_mean(t, "q")[s]) / 0.3), 5),
    ),
    "iql": (
        "iql",
        {"beta": 2.0, "weight_max": 4, "target_update": "soft", "target_rate": 0.3},
        lambda t: np.minimum(np.exp(2 * (t.out["target_q"][s, a] - t.out["value"][s, 0])), 4),
    ),
}


@pytest.mark.parametrize("case", WEIGHTS)
def test_weights(case: str) -> None:
    name, choices, formula = WEIGHTS[case]
    tables = Tables(name, **choices)
    np.testing.assert_allclose(tables.weights, formula(tables), rtol=2e-4, atol=1e-6)
    # The gradient at the logits is the mean over the rows of w·(π − 1[a]).
    # Losses come first: the running norm moves before it is used.
    loss = tables.learner.algorithm.losses(tables.batch, tables.program.hp)["policy"]
    w, pi = formula(tables), softmax(tables.out["policy"])
    expected = np.zeros((S, A))
    np.add.at(expected, s, w[:, None] * pi[s] / N)
    np.add.at(expected, (s, a), -w / N)
    np.testing.assert_allclose(loss.gradients["policy"][0].T, expected, rtol=1e-3, atol=1e-5)
    assert loss.value[0] == pytest.approx(-(w * np.log(pi[s, a])).mean(), rel=1e-3)


def allowed_max(q: np.ndarray, allowed: np.ndarray) -> np.ndarray:
    return np.where(allowed.any(axis=1), np.where(allowed, q, -np.inf).max(axis=1), 0)


def likely(t: Tables, rho: float, relative: bool) -> np.ndarray:
    pi = softmax(t.out["behavior"])
    top = pi.max(axis=1, keepdims=True)
    passing = (pi / top if relative else pi) > rho
    return np.where(passing.any(axis=1, keepdims=True), passing, pi == top)


def double(t: Tables, smaller: bool) -> np.ndarray:
    star = t.out["q"].argmax(axis=1)[:, None]
    value = np.take_along_axis(t.out["target_q"], star, axis=1)[:, 0]
    return np.minimum(value, np.take_along_axis(t.out["target_q2"], star, axis=1)[:, 0]) if smaller else value


HARD = {"target_update": "hard", "target_period": 10}
EVERY = np.ones((S, A), bool)
NEXT_VALUES: dict[str, tuple[str, dict[str, Any], Callable[[Tables], np.ndarray]]] = {
    "q-learning": ("q-learning", {}, lambda t: t.out["q"].max(axis=1)),
    "q-learning-hard": ("q-learning", HARD, lambda t: t.out["target_q"].max(axis=1)),
    "q-learning-double": ("q-learning", {**HARD, "double": "double"}, lambda t: double(t, False)),
    "q-learning-clipped": ("q-learning", {**HARD, "double": "clipped"}, lambda t: double(t, True)),
    "constrained-q": ("constrained-q", {}, lambda t: allowed_max(t.out["q"], COUNTS > 0)),
    "bcq": ("bcq", {"rho": 0.2}, lambda t: allowed_max(t.out["q"], likely(t, 0.2, False))),
    "bcq-relative": ("bcq", {"rho": 0.4, "rule": "relative"}, lambda t: allowed_max(t.out["q"], likely(t, 0.4, True))),
    "cql-counted": ("cql", {"constraint": "counted", "form": "paper"}, lambda t: allowed_max(t.out["q"], COUNTS > 0)),
    "awac": ("awac", {}, lambda t: pi_mean(t, "q")),
    "awac-soft": ("awac", {"target_update": "soft"}, lambda t: pi_mean(t, "target_q")),
    "crr": ("crr", {}, lambda t: pi_mean(t, "q")),
    "iql": ("iql", {}, lambda t: t.out["value"][:, 0]),
    "mpo": ("mpo", HARD, lambda t: (softmax(t.out["target_policy"]) * t.out["target_q"]).sum(axis=1)),
}


@pytest.mark.parametrize("case", NEXT_VALUES)
def test_targets(case: str) -> None:
    name, choices, formula = NEXT_VALUES[case]
    tables = Tables(name, **choices)
    expected = pair_mean(r + GAMMA * live * formula(tables)[n])
    np.testing.assert_allclose(tables.target("td", "q"), expected, rtol=1e-3, atol=1e-4)
    delta = tables.out["q"][s, a] - (r + GAMMA * live * formula(tables)[n])
    loss = tables.learner.algorithm.losses(tables.batch, tables.program.hp)["td"]
    assert loss.value[0] == pytest.approx((delta**2).mean() / 2, rel=1e-3)
    assert loss.error[0] == pytest.approx(np.abs(delta).mean(), rel=1e-3)


def test_monte_carlo_targets() -> None:
    np.testing.assert_allclose(Tables("mc-q").target("td", "q"), pair_mean(G), rtol=1e-3, atol=1e-4)


PENALTIES: dict[str, Callable[[np.ndarray], float]] = {
    "lecture-a": lambda q: sum(q[n[i]].sum() for i in range(N) if DATA.next_actions[i] >= 0) / N,
    "lecture-b": lambda q: (
        sum(q[n[i]].sum() - q[n[i], DATA.next_actions[i]] for i in range(N) if DATA.next_actions[i] >= 0) / N
    ),
    "lecture-c": lambda q: (
        sum(
            np.log(np.exp(q[n[i]]).sum()) - q[n[i], DATA.next_actions[i]] for i in range(N) if DATA.next_actions[i] >= 0
        )
        / N
    ),
    "lecture-d": lambda q: (
        sum(
            (np.log(np.exp(q[n[i]]).sum()) - q[n[i], DATA.next_actions[i]]) ** 2
            for i in range(N)
            if DATA.next_actions[i] >= 0
        )
        / N
    ),
    "paper": lambda q: sum(np.log(np.exp(q[s[i]]).sum()) - q[s[i], a[i]] for i in range(N)) / N,
}


@pytest.mark.parametrize("form", PENALTIES)
def test_penalties_and_their_gradients(form: str) -> None:
    tables = Tables("cql", form=form, alpha=0.7)
    loss = tables.learner.algorithm.losses(tables.batch, tables.program.hp)["penalty"]
    q = tables.out["q"]
    assert loss.value[0] == pytest.approx(0.7 * PENALTIES[form](q), rel=1e-4)
    (gradient,) = loss.gradients.values()
    rng = np.random.default_rng(0)
    for _ in range(8):
        place = int(rng.integers(S)), int(rng.integers(A))
        step = np.zeros((S, A))
        step[place] = 1e-5
        slope = 0.7 * (PENALTIES[form](q + step) - PENALTIES[form](q - step)) / 2e-5
        assert gradient[0].T[place] == pytest.approx(slope, rel=1e-3, abs=1e-6)


def test_mpo_meets_its_bound_and_reweights_its_prior() -> None:
    tables = Tables("mpo", target_update="hard", target_period=10, epsilon=0.05)
    eta = float(tables.program.memory["temperature"][0, 0])
    prior, q = softmax(tables.out["target_policy"]), tables.out["target_q"]
    share = COUNTS.sum(axis=1) / N

    def distance(x: float) -> float:
        improved = softmax(np.log(prior) + q / x)
        return float(share @ (improved * np.log(improved / prior)).sum(axis=1))

    assert distance(eta) == pytest.approx(0.05, rel=0.02)
    low, high = 1e-3, 1e3
    for _ in range(80):
        middle = np.sqrt(low * high)
        low, high = (middle, high) if distance(middle) > 0.05 else (low, middle)
    assert eta == pytest.approx(middle, rel=0.02)

    def dual(x: float) -> float:
        return x * 0.05 + x * share @ np.log((prior * np.exp(q / x)).sum(axis=1))

    assert dual(middle) < min(dual(1.1 * middle), dual(0.9 * middle))
    losses = tables.learner.algorithm.losses(tables.batch, tables.program.hp)
    assert losses["dual"].value[0] == pytest.approx(dual(middle), rel=1e-3)
    # M-step: share·[(π − q) + μ(π − π_old)] at the logits.
    mu = float(tables.program.memory["multiplier"][0, 0])
    improved, pi = softmax(np.log(prior) + q / middle), softmax(tables.out["policy"])
    expected = share[:, None] * ((pi - improved) + mu * (pi - prior))
    np.testing.assert_allclose(losses["policy"].gradients["policy"][0].T, expected, atol=2e-4)


def test_iql_expectile_gradient() -> None:
    tables = Tables("iql", expectile=0.8)
    u = tables.out["q"][s, a] - tables.out["value"][s, 0]
    pull = np.where(u < 0, 0.2, 0.8)
    loss = tables.learner.algorithm.losses(tables.batch, tables.program.hp)["value"]
    expected = np.zeros(S)
    np.add.at(expected, s, -pull * u / N)
    np.testing.assert_allclose(loss.gradients["value"][0, 0], expected, atol=1e-6)
    assert loss.value[0] == pytest.approx((pull * u**2).mean() / 2, rel=1e-4)
