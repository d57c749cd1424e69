"""Every weight and every target once more, row by row in float64, written from the equations.

Each formula runs on full batches and on minibatches of a table, on networks over numbered states and over vectors, and
on shared features of pairs, with discounts 0, .9 and 1, terminated and cut-off episodes and unequal counts.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import replace
from itertools import product
from typing import Any

import numpy as np
from learning_cases import random_data, returns_to_go, vectors

import offrl_core as orl

Array = np.ndarray


@functools.cache
def dataset(name: str, gamma: float) -> orl.Dataset:
    if name == "vectors":
        return replace(vectors(rows=120), gamma=gamma)
    data = replace(random_data(7, rows=250, states=12), gamma=gamma)
    if name == "pairs":
        features = np.random.default_rng(0).normal(size=(data.n_states, data.n_actions, 4)).astype(np.float32)
        return replace(data, action_features=features)
    return data


#: name → dataset, discount, approximator and how it trains.
SETTINGS: dict[str, tuple[str, float, dict[str, Any]]] = {
    "table": ("states", 0.9, {"approximator": "table"}),
    "table, no future": ("states", 0.0, {"approximator": "table"}),
    "table, minibatch, undiscounted": ("states", 1.0, {"approximator": "table", "batch_size": 32}),
    "network, all rows": ("states", 0.9, {"approximator": "mlp", "hidden": "16", "batch_size": 0}),
    "network, minibatch": ("states", 1.0, {"approximator": "mlp", "hidden": "16", "batch_size": 32}),
    "vectors, minibatch": ("vectors", 0.9, {"approximator": "mlp", "hidden": "16", "batch_size": 32}),
    "vectors, all rows, undiscounted": ("vectors", 1.0, {"approximator": "linear", "batch_size": 0}),
    "pairs, minibatch": ("pairs", 0.9, {"approximator": "linear", "batch_size": 32}),
}
UPDATES = 12  # two past a copy of the targets that are copied every ten


def softmax(x: Array) -> Array:
    e = np.exp(x - x.max(axis=1, keepdims=True))
    return e / e.sum(axis=1, keepdims=True)


def restricted(x: Array, allowed: Array) -> Array:
    """The softmax over the allowed actions alone; 0 everywhere where there is none."""
    e = np.where(allowed, np.exp(x - x.max(axis=1, keepdims=True)), 0)
    total = e.sum(axis=1, keepdims=True)
    return e / np.where(total > 0, total, 1)


class Rows:
    """The rows of the update that comes next, and the outputs there, in float64; `(B,)` and `(B, A)`.

    `here(head)` and `there(head)` are outputs at `s` and at `s′`.
    """

    def __init__(self, setting: str, name: str, **choices: Any) -> None:
        where, gamma, how = SETTINGS[setting]
        self.data = data = dataset(where, gamma)
        # Mild steps: γ = 1 on random rewards grows quickly, and the float32 side would lose its digits.
        rate = {"learning_rate": 0.2} if how["approximator"] == "table" else {"learning_rate": 0.01}
        given = {**how, **rate, **choices}
        if "gamma" in {h.name for h in orl.hyperparameters(name)}:
            given["gamma"] = gamma
        self.learner = orl.Learner(data, name, **given)
        assert self.learner.advance(UPDATES) == UPDATES
        self.program = self.learner._programs[0][1]
        drawn = self.program.sampler.draw(UPDATES)
        self.batch = self.program.evaluate(drawn)
        self.full = how.get("batch_size", 0) == 0
        i = np.arange(len(data)) if self.full else drawn.numbers[0]
        self.i, self.B, self.A, self.gamma = i, len(i), data.n_actions, gamma
        self.a, self.r, self.live = data.actions[i], data.rewards[i], ~data.terminations[i]
        self.a2 = data.next_actions[i]
        self.G = returns_to_go(data, gamma)[i]
        # Where a row's states stand in the outputs: at their numbers, or at the row itself.
        self.shared = drawn.merged
        self.s = data.observations[i] if self.shared else np.arange(self.B)
        self.n = data.next_observations[i] if self.shared else np.arange(self.B)
        # Merged rows are compared row by row.
        merged = self.shared and self.full
        self.of_row = self.program.sampler.merged.of_row if merged else np.arange(self.B)

    def here(self, head: str) -> Array:
        return self.batch.outputs[head][0].T.astype(float)[self.s]

    def there(self, head: str) -> Array:
        return self.batch.outputs[f"{head}_next"][0].T.astype(float)[self.n]

    def taken(self, table: Array) -> Array:
        return table[np.arange(self.B), self.a]

    def counts(self, following: bool) -> Array:
        """`n(s,a)` at `s` or `s′`, by comparing observations."""
        data = self.data
        every = data.observations.reshape(len(data), -1)
        asked = (data.next_observations if following else data.observations).reshape(len(data), -1)[self.i]
        same = (every[None] == asked[:, None]).all(axis=2)
        return np.stack([(same & (data.actions == a)).sum(axis=1) for a in range(self.A)], axis=1)

    def y(self, next_value: Array) -> Array:
        return self.r + self.gamma * np.where(self.live, next_value, 0)

    def loss(self, name: str) -> Any:
        return self.learner.algorithm.losses(self.batch, self.program.hp)[name]

    def scatter(self, output: str, rows: Array) -> Array:
        """The mean over the rows of a gradient at the outputs, `(U, A)` or `(U, 1)`."""
        out = np.zeros((self.batch.states, rows.shape[1]))
        np.add.at(out, self.n if output.endswith("_next") else self.s, rows / self.B)
        return out

    def check_gradient(self, loss: Any, output: str, rows: Array) -> None:
        """`rows (B, A)`: each row's own gradient at the output."""
        expected = self.scatter(output, rows)
        found = np.broadcast_to(loss.gradients[output][0].T, expected.shape)
        np.testing.assert_allclose(found, expected, rtol=2e-3, atol=2e-4 * max(1e-3, np.abs(expected).max()))


def pi(t: Rows) -> Array:
    return softmax(t.here("policy"))


def one_hot(t: Rows) -> Array:
    return np.eye(t.A)[t.a]


def td_advantage(t: Rows) -> Array:
    return t.y(t.there("value")[:, 0]) - t.here("value")[:, 0]


def over_policy(t: Rows) -> Array:
    return t.taken(t.here("q")) - (pi(t) * t.here("q")).sum(axis=1)


def over_best_of_three(t: Rows) -> Array:
    """`Q(s,a) − E max` over every possible triple of draws."""
    p, q, best = pi(t), t.here("q"), np.zeros(t.B)
    for triple in product(range(t.A), repeat=3):
        best += np.prod([p[:, b] for b in triple], axis=0) * np.max([q[:, b] for b in triple], axis=0)
    return t.taken(q) - best


def lambda_returns(t: Rows, decay: float, value: Callable[[Array], Array]) -> Array:
    """Backwards through every episode; `value` gives `V` of observations."""
    data, carry = t.data, 0.0
    ahead, out, ends = value(data.next_observations), np.zeros(len(data)), set(data.episode_ends.tolist())
    for row in range(len(data) - 1, -1, -1):
        bootstrap = 0.0 if data.terminations[row] else ahead[row]
        rest = bootstrap if row in ends else (1 - decay) * bootstrap + decay * carry
        carry = out[row] = data.rewards[row] + t.gamma * rest
    return out[t.i]


def copied_value(t: Rows) -> Callable[[Array], Array]:
    """`V` by the value network's target copy, layer by layer."""
    part = t.program.networks.by_name["value"]

    def value(observations: Array) -> Array:
        if t.program.networks.table:
            return part.target[0][0, 0].astype(float)[observations]
        x = t.program.networks.encoding
        seen = np.eye(x.size)[observations] if x.one_hot else x.rows(observations).astype(float)
        for number, layer in enumerate(part.target):
            w = layer[0].astype(float)
            seen = seen @ w[:, :-1].T + w[:, -1]
            seen = np.maximum(seen, 0) if number < len(part.target) - 1 else seen
        return seen[:, 0]

    return value


def awr_advantage(t: Rows) -> Array:
    return lambda_returns(t, 0.7, copied_value(t)) - t.here("value")[:, 0]


def standardized(x: Array) -> Array:
    return (x - x.mean()) / (np.sqrt(((x - x.mean()) ** 2).mean()) + 1e-5)


def mean_one(x: Array) -> Array:
    return x / x.mean()


Formula = Callable[[Rows], Array]
HARD = {"target_update": "hard", "target_period": 10}
WEIGHTS: dict[str, tuple[str, dict[str, Any], Formula]] = {
    "bc": ("bc", {}, lambda t: np.ones(t.B)),
    "emrl": ("emrl", {}, lambda t: t.r),
    "emrl-return": ("emrl", {"signal": "return"}, lambda t: t.G),
    "emrl-abs": ("emrl", {"weight_function": "abs"}, lambda t: np.sqrt(t.r**2)),
    "emrl-relu": ("emrl", {"weight_function": "relu"}, lambda t: np.where(t.r > 0, t.r, 0)),
    "emrl-shifted": ("emrl", {"weight_function": "shifted"}, lambda t: t.r - t.data.rewards.min()),
    "emrl-shifted-return": (
        "emrl",
        {"weight_function": "shifted", "signal": "return"},
        lambda t: t.G - returns_to_go(t.data, t.gamma).min(),
    ),
    "emrl-softplus": ("emrl", {"weight_function": "softplus"}, lambda t: np.log(1 + np.exp(t.r))),
    "emrl-exp": ("emrl", {"weight_function": "exp"}, lambda t: np.exp(t.r)),
    "rwr": ("rwr", {"signal": "reward", "temperature": 2.0}, lambda t: np.exp(t.r / 2)),
    "rwr-return": ("rwr", {"temperature": 3.0}, lambda t: np.exp(t.G / 3)),
    "rwr-naive": ("rwr", {"temperature": 3.0, "normalization": "naive"}, lambda t: mean_one(np.exp(t.G / 3))),
    "rwr-log": ("rwr", {"temperature": 3.0, "normalization": "log-sum-exp"}, lambda t: mean_one(np.exp(t.G / 3))),
    "marwil": ("marwil", {"beta": 1.5}, lambda t: np.exp(1.5 * td_advantage(t))),
    "marwil-mc": (
        "marwil",
        {"beta": 0.5, "advantage": "mc", "value_target": "mc"},
        lambda t: np.exp(0.5 * (t.G - t.here("value")[:, 0])),
    ),
    "marwil-capped": ("marwil", {"beta": 1.5, "weight_max": 2}, lambda t: np.minimum(np.exp(1.5 * td_advantage(t)), 2)),
    "marwil-running": (
        "marwil",
        {"beta": 2.0, "advantage": "mc", "normalization": "running", "norm_rate": 0.1},
        lambda t: np.exp(2 * (t.G - t.here("value")[:, 0]) / (1e-8 + np.sqrt(t.program.memory["square"][0, 0]))),
    ),
    "awr": (
        "awr",
        {"temperature": 1.0, "trace_decay": 0.7, "target_period": 10},
        lambda t: np.minimum(np.exp(awr_advantage(t)), 20),
    ),
    "awr-td": (
        "awr",
        {"value_target": "td", "temperature": 0.5},
        lambda t: np.minimum(np.exp(td_advantage(t) / 0.5), 20),
    ),
    "awr-standardized": (
        "awr",
        {"value_target": "mc", "normalization": "standardize", "temperature": 1.0},
        lambda t: np.minimum(np.exp(standardized(t.G - t.here("value")[:, 0])), 20),
    ),
    "awac": ("awac", {"temperature": 0.5, "weight_max": 0}, lambda t: np.exp(over_policy(t) / 0.5)),
    "awac-capped": (
        "awac",
        {"temperature": 0.2, "weight_max": 3},
        lambda t: np.minimum(np.exp(over_policy(t) / 0.2), 3),
    ),
    "awac-batch": (
        "awac",
        {"temperature": 0.5, "normalization": "batch"},
        lambda t: mean_one(np.exp(over_policy(t) / 0.5)),
    ),
    "crr": ("crr", {}, lambda t: np.where(over_policy(t) > 0, 1.0, 0.0)),
    "crr-exp": (
        "crr",
        {"filter": "exp", "temperature": 0.3, "weight_max": 5},
        lambda t: np.minimum(np.exp(over_policy(t) / 0.3), 5),
    ),
    "crr-max": (
        "crr",
        {"filter": "exp", "baseline": "max", "baseline_draws": 3, "temperature": 0.5},
        lambda t: np.minimum(np.exp(over_best_of_three(t) / 0.5), 20),
    ),
    "iql": (
        "iql",
        {"beta": 2.0, "weight_max": 4, "target_update": "soft", "target_rate": 0.3},
        lambda t: np.minimum(np.exp(2 * (t.taken(t.here("target_q")) - t.here("value")[:, 0])), 4),
    ),
    "iql-exponent": (
        "iql",
        {"beta": 2.0, "weight_max": 1, "clip": "exponent", "target_update": "none"},
        lambda t: np.exp(np.minimum(2 * (t.taken(t.here("q")) - t.here("value")[:, 0]), 1)),
    ),
}


def allowed_max(q: Array, allowed: Array) -> Array:
    return np.array([row[ok].max() if ok.any() else 0.0 for row, ok in zip(q, allowed, strict=True)])


def counted(t: Rows, least: int) -> Array:
    n = t.counts(following=True)
    often = np.stack([(row == row.max()) & (row > 0) for row in n])
    return np.where((n >= least).any(axis=1, keepdims=True), n >= least, often)


def likely(t: Rows, rho: float, relative: bool) -> Array:
    p = softmax(t.there("behavior"))
    top = p.max(axis=1, keepdims=True)
    passing = (p / top if relative else p) > rho
    return np.where(passing.any(axis=1, keepdims=True), passing, p == top)


def double(t: Rows, smaller: bool, allowed: Array | None = None) -> Array:
    online = t.there("q") if allowed is None else np.where(allowed, t.there("q"), -np.inf)
    star, every = online.argmax(axis=1), np.arange(t.B)
    value = t.there("target_q")[every, star]
    value = np.minimum(value, t.there("target_q2")[every, star]) if smaller else value
    return value if allowed is None else np.where(allowed.any(axis=1), value, 0)


NEXT_VALUES: dict[str, tuple[str, dict[str, Any], Formula]] = {
    "q-learning": ("q-learning", {"target_update": "none"}, lambda t: t.there("q").max(axis=1)),
    "q-learning-hard": ("q-learning", HARD, lambda t: t.there("target_q").max(axis=1)),
    "q-learning-double": ("q-learning", {**HARD, "double": "double"}, lambda t: double(t, False)),
    "q-learning-clipped": ("q-learning", {**HARD, "double": "clipped"}, lambda t: double(t, True)),
    "constrained-q": (
        "constrained-q",
        {"target_update": "none", "min_count": 2},
        lambda t: allowed_max(t.there("q"), counted(t, 2)),
    ),
    "constrained-q-double": (
        "constrained-q",
        {**HARD, "double": "clipped"},
        lambda t: double(t, True, counted(t, 1)),
    ),
    "bcq": ("bcq", {"rho": 0.25, "target_update": "none"}, lambda t: allowed_max(t.there("q"), likely(t, 0.25, False))),
    "bcq-nothing-passes": (
        "bcq",
        {"rho": 1.0, "target_update": "none"},
        lambda t: allowed_max(t.there("q"), likely(t, 1.0, False)),
    ),
    "bcq-relative": (
        "bcq",
        {"rho": 0.7, "rule": "relative", **HARD},
        lambda t: allowed_max(t.there("target_q"), likely(t, 0.7, True)),
    ),
    "cql-counted": (
        "cql",
        {"constraint": "counted", "form": "paper", "target_update": "none"},
        lambda t: allowed_max(t.there("q"), counted(t, 1)),
    ),
    "cql-double": ("cql", {**HARD, "double": "double"}, lambda t: double(t, False)),
    "awac": ("awac", {"target_update": "none"}, lambda t: (softmax(t.there("policy")) * t.there("q")).sum(axis=1)),
    "awac-soft": (
        "awac",
        {"target_update": "soft"},
        lambda t: (softmax(t.there("policy")) * t.there("target_q")).sum(axis=1),
    ),
    "crr": ("crr", {"target_update": "none"}, lambda t: (softmax(t.there("policy")) * t.there("q")).sum(axis=1)),
    "iql": ("iql", {}, lambda t: t.there("value")[:, 0]),
    "mpo": ("mpo", HARD, lambda t: (softmax(t.there("target_policy")) * t.there("target_q")).sum(axis=1)),
    "mpo-counted": (
        "mpo",
        {**HARD, "constraint": "counted"},
        lambda t: (restricted(t.there("target_policy"), t.counts(True) > 0) * t.there("target_q")).sum(axis=1),
    ),
}


def penalty(t: Rows, form: str, q: Array) -> tuple[Array, Array]:
    """Each row's penalty and its gradient at `q (B, A)`, of `s` in the paper's form, of `s′` in the lecture's."""
    soft, every = softmax(q), np.arange(t.B)
    spread = np.log(np.exp(q).sum(axis=1))
    if form == "paper":
        return spread - t.taken(q), soft - one_hot(t)
    has, following = (t.a2 >= 0).astype(float), np.eye(t.A)[np.maximum(t.a2, 0)]
    next_q = q[every, np.maximum(t.a2, 0)]
    z = spread - next_q
    value, gradient = {
        "lecture-a": (q.sum(axis=1), np.ones_like(q)),
        "lecture-b": (q.sum(axis=1) - next_q, 1 - following),
        "lecture-c": (z, soft - following),
        "lecture-d": (z**2, 2 * z[:, None] * (soft - following)),
    }[form]
    return has * value, has[:, None] * gradient
