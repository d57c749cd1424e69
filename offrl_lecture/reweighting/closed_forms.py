"""Weighted cloning in one state, in closed forms and exact recursions.

A tabular softmax policy `π_θ(a) = e^{z_a} / Σ_b e^{z_b}` minimises

    L(z) = −Σ_a n_a · w_a · log π_θ(a),      n_a = π_β(a): the share of the rows that show action a,

with one weight per action: `1` (BC), `r` (EMRL; Dayan & Hinton 1997), `f(r)`, `exp(r/τ)` (RWR; Peters & Schaal 2007).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from offrl_core.algos.weights import weight_function

Array = npt.NDArray[Any]
Optimum = Literal["attracts", "repels"]

FLOAT32_EXP_HIGH = float(np.log(np.float64(np.finfo(np.float32).max)))
"""`exp(x)` in float32 is `inf` above this: log of the largest float32, 88.7228."""
FLOAT32_EXP_LOW = float(np.log(np.float64(np.finfo(np.float32).smallest_subnormal)) - np.log(2.0))
"""`exp(x)` in float32 rounds to 0 below this: log of half the smallest float32, −103.972."""


class ReweightingError(ValueError):
    """A value that these recursions cannot take; the message names it and what is allowed."""


# --- behaviour cloning ---------------------------------------------------------------------------------------------


def shares(counts: npt.ArrayLike) -> Array:
    """`π_β(a) = n(a) / Σ n`: the empirical behaviour policy of one state, which is also BC's optimum.

    Raises:
        ReweightingError: a count is negative or all are 0.
    """
    n = np.asarray(counts, dtype=np.float64)
    if (n < 0).any() or n.sum() <= 0:
        raise ReweightingError(f"counts = {n.tolist()} are not allowed: they must be at least 0 and not all 0")
    return np.asarray(n / n.sum())


def cross_entropy(behavior: npt.ArrayLike, policy: npt.ArrayLike) -> Array:
    """`H(π_β, π) = −Σ_a π_β(a) log π(a)` in nats over the last axis; infinite where `π` lacks an action of the data."""
    p, q = np.broadcast_arrays(np.asarray(behavior, np.float64), np.asarray(policy, np.float64))
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.asarray(-np.where(p > 0, p * np.log(q), 0.0).sum(axis=-1))


def kl_divergence(behavior: npt.ArrayLike, policy: npt.ArrayLike) -> Array:
    """`KL(π_β ‖ π) = H(π_β, π) − H(π_β)` in nats over the last axis."""
    return np.asarray(cross_entropy(behavior, policy) - cross_entropy(behavior, behavior))


# --- weights -------------------------------------------------------------------------------------------------------


def optimum(behavior: npt.ArrayLike, weights: npt.ArrayLike) -> Array | None:
    """`π ∝ π_β · w`, the minimum of the weighted loss; None where a weight is negative or none is positive."""
    mass = np.asarray(behavior, np.float64) * np.asarray(weights, np.float64)
    if (mass < 0).any() or not (mass > 0).any() or not np.isfinite(mass).all():
        return None
    return np.asarray(mass / mass.sum())


@dataclass(frozen=True, slots=True)
class Stationary:
    """Where the loss of two actions is flat, `π(a₁) = m₁ / (m₁ + m₂)` with `m = π_β·w`, and what it does nearby."""

    probability: float
    kind: Optimum


def stationary(behavior: npt.ArrayLike, weights: npt.ArrayLike) -> Stationary | None:
    """The interior stationary point for two actions; None where the weights have different signs or one is 0.

    With both weights positive it is the minimum and attracts; with both negative it is the *maximum* and repels.
    """
    first, second = np.asarray(behavior, np.float64) * np.asarray(weights, np.float64)
    if first * second <= 0:
        return None
    return Stationary(float(first / (first + second)), "attracts" if first > 0 else "repels")


def loss(behavior: npt.ArrayLike, weights: npt.ArrayLike, policy: npt.ArrayLike) -> Array:
    """`−Σ_a π_β(a) w_a log π(a)` over the last axis."""
    mass = np.asarray(behavior, np.float64) * np.asarray(weights, np.float64)
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.asarray(-np.where(mass != 0, mass * np.log(np.asarray(policy, np.float64)), 0.0).sum(axis=-1))


@dataclass(frozen=True, eq=False)
class Descent:
    """Gradient descent step by step: `logits`, `policy` `(T+1, A)` and `loss` `(T+1,)`."""

    logits: Array
    policy: Array
    loss: Array


def descend(
    behavior: npt.ArrayLike,
    weights: npt.ArrayLike,
    *,
    start: npt.ArrayLike | None = None,
    learning_rate: float = 1.0,
    steps: int = 100,
) -> Descent:
    """Gradient descent on the weighted loss: `z ← z + lr · (m − π Σ_b m_b)` with `m_a = π_β(a) w_a`.

    Args:
        behavior: `(A,)`, sums to 1.
        weights: `(A,)`, of any sign.
        start: `(A,)` the policy to start from, all positive; uniform by default.
        learning_rate: step, above 0.
        steps: number of updates.

    Raises:
        ReweightingError: a starting probability is not positive, or the step is not.
    """
    mass = np.asarray(behavior, np.float64) * np.asarray(weights, np.float64)
    first = np.full(mass.shape, 1 / mass.size) if start is None else np.asarray(start, np.float64)
    if (first <= 0).any():
        raise ReweightingError(f"start = {first.tolist()} is not allowed: every probability must be positive")
    if not learning_rate > 0:
        raise ReweightingError(f"learning_rate = {learning_rate!r} is not allowed: it must be above 0")
    logits = np.empty((steps + 1, mass.size))
    z = logits[0] = np.log(first) - np.log(first).mean()
    total = mass.sum()
    for t in range(1, steps + 1):
        e = np.exp(z - z.max())
        z = logits[t] = z + learning_rate * (mass - total * e / e.sum())
    top = logits.max(axis=1, keepdims=True)
    log_policy = logits - top - np.log(np.exp(logits - top).sum(axis=1, keepdims=True))
    return Descent(logits, np.exp(log_policy), -(log_policy * mass).sum(axis=1))


# --- the weight function -------------------------------------------------------------------------------------------


def apply_function(name: str, rewards: npt.ArrayLike, *, shift: float = 0.0, knots: npt.ArrayLike = ()) -> Array:
    """`f(r)`: the named functions of `offrl_core.algos.weights`, `shifted` by a constant, or one's `own` curve.

    Args:
        name: one of `WEIGHT_FUNCTIONS`, or `own`.
        rewards: any shape.
        shift: what `shifted` adds: `f(r) = r + shift`.
        knots: `own` only: `(2, K)` rewards in rising order and the curve's heights there, straight lines between.
    """
    r = np.asarray(rewards, np.float64)
    if name == "own":
        x, y = np.asarray(knots, np.float64)
        return np.asarray(np.interp(r, x, y))
    if name == "shifted":
        return r + shift
    return np.asarray(weight_function(name, r), np.float64)


@dataclass(frozen=True, slots=True)
class FunctionCheck:
    """What is true of `f` on the drawn range, with a pair of rewards that shows a failure.

    A continuous `f` tells all rewards apart (it is injective) exactly where it rises everywhere or falls everywhere.

    Attributes:
        negative_at: a reward where `f(r) < 0`; None if there is none.
        falling: `(r₁, r₂)` with `r₁ < r₂` and `f(r₁) > f(r₂)`: the worse reward weighs more.
        same: `(r₁, r₂)` with `r₁ < r₂` and `f(r₁) = f(r₂)`: the two cannot be told apart, the pair that lies furthest
            apart. None where `f` is injective.
        flat: whether everything between these two weighs the same, too.
    """

    negative_at: float | None
    falling: tuple[float, float] | None
    same: tuple[float, float] | None
    flat: bool = False

    @property
    def works(self) -> bool:
        """Whether `f` is positive (never below 0) and monotonic (never falls)."""
        return self.negative_at is None and self.falling is None


def check_function(rewards: npt.ArrayLike, values: npt.ArrayLike, *, tolerance: float = 1e-9) -> FunctionCheck:
    """Check `f` on a fine grid of rewards in rising order, with straight lines between its points.

    The pair reported for a fall is the one with the largest drop.
    """
    r, f = np.asarray(rewards, np.float64), np.asarray(values, np.float64)
    negative = float(r[f.argmin()]) if f.min() < -tolerance else None
    drop = np.maximum.accumulate(f) - f
    falling = None
    if drop.max() > tolerance:
        low = int(drop.argmax())
        falling = (float(r[int(f[: low + 1].argmax())]), float(r[low]))
    same = _same_weight(r, f, tolerance)
    flat = same is not None and bool(np.ptp(f[(r >= same[0]) & (r <= same[1])]) <= tolerance)
    return FunctionCheck(negative, falling, same, flat)


def _same_weight(r: Array, f: Array, tolerance: float) -> tuple[float, float] | None:
    """The two rewards that lie furthest apart of those with equal `f`; None where no two have one."""
    step = np.diff(f)
    if (step > tolerance).all() or (step < -tolerance).all():
        return None
    below, above = np.minimum(f[:-1], f[1:]) - tolerance, np.maximum(f[:-1], f[1:]) + tolerance
    meets = (below <= f[:, None]) & (f[:, None] <= above)  # (levels, pieces): where the curve has each point's level
    first, last = meets.argmax(axis=1), meets.shape[1] - 1 - meets[:, ::-1].argmax(axis=1)

    def at(piece: Array, level_piece: float) -> Array:
        """Where in the piece the level is met; at one end where the piece is level itself."""
        rise = np.where(np.abs(step[piece]) > tolerance, step[piece], np.nan)
        share = np.nan_to_num(np.clip((f - f[piece]) / rise, 0.0, 1.0), nan=level_piece)
        return np.asarray(r[piece] + share * (r[piece + 1] - r[piece]))

    left, right = at(first, 0.0), at(last, 1.0)
    widest = int((right - left).argmax())
    return float(left[widest]), float(right[widest])


# --- RWR -----------------------------------------------------------------------------------------------------------


def boltzmann(signal: npt.ArrayLike, temperature: float, behavior: npt.ArrayLike | None = None) -> Array:
    """`π(a) ∝ π_β(a) · exp(signal_a / τ)`, in log space; `π_β` uniform by default.

    Raises:
        ReweightingError: the temperature is not positive.
    """
    x = np.asarray(signal, np.float64)
    if not temperature > 0:
        raise ReweightingError(f"temperature = {temperature!r} is not allowed: it must be above 0")
    prior = np.full(x.shape, 1 / x.size) if behavior is None else np.asarray(behavior, np.float64)
    with np.errstate(divide="ignore"):
        z = x / temperature + np.log(prior)
    e = np.exp(z - z.max())
    return np.asarray(e / e.sum())


@dataclass(frozen=True, eq=False)
class Float32Weights:
    """RWR's weights as a float32 program computes them without a guard.

    Attributes:
        exponents: `signal / τ`.
        weights: `exp(exponents)` in float32: `inf` and 0 where it overflows and underflows.
        policy: `w / Σ w` in float32: NaN where it is `inf/inf` or `0/0`.
    """

    exponents: Array
    weights: Array
    policy: Array

    @property
    def verdict(self) -> Literal["fine", "overflow", "underflow", "lost"]:
        """`overflow`: a weight is `inf`; `underflow`: all weights are 0; `lost`: some are 0, though none should be."""
        if np.isinf(self.weights).any():
            return "overflow"
        if not self.weights.any():
            return "underflow"
        return "lost" if (self.weights == 0).any() else "fine"


def float32_weights(signal: npt.ArrayLike, temperature: float) -> Float32Weights:
    """`exp(signal/τ)` and `w / Σw`, naive and in float32, as shown to fail (uniform `π_β`)."""
    exponents = np.asarray(signal, np.float32) / np.float32(temperature)
    with np.errstate(over="ignore", invalid="ignore", divide="ignore", under="ignore"):
        weights = np.exp(exponents)
        policy = weights / weights.sum(dtype=np.float32)
    return Float32Weights(exponents, weights, policy)


def returns_of_plan(first: npt.ArrayLike, later: npt.ArrayLike, steps: int, shift: float = 0.0) -> tuple[Array, Array]:
    """Rewards and undiscounted returns of episodes of `steps` steps: `first` on the first step, `later` on each other.

    Args:
        first, later: `(A,)` one entry per first action.
        steps: length `T` of the episodes, at least 1.
        shift: a constant added to every reward.

    Returns:
        `(A,)` the first reward, and `(A,)` the return `G = Σ_t r_t`.
    """
    r = np.asarray(first, np.float64) + shift
    return r, r + (steps - 1) * (np.asarray(later, np.float64) + shift)


def effective_sample_size(weights: npt.ArrayLike) -> float:
    """`(Σw)² / (N Σw²)`, the share of the rows that still count: 1 for equal weights, `1/N` when one row has all.

    Computed from weights divided by the largest, so it does not overflow; NaN without a positive weight.
    """
    w = np.asarray(weights, np.float64)
    top = w.max(initial=0.0)
    if not top > 0:
        return float("nan")
    w = w / top
    return float(w.sum() ** 2 / (w.size * np.square(w).sum()))
