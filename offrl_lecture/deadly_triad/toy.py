"""The deadly triad on the smallest MDP that shows it, in exact recursions.

One state `s`, two actions `a ∈ {1, 2}`, reward 0, an episode that never ends: every true value is 0.
The approximator is `Q(s,a) = θ·a`, the data show `a = 1` and, in a share `p` of the rows, `a = 2`.
One step is the expected semi-gradient step of `½(Q(s,a) − y)²` over the rows,

    θ ← θ − lr · E_a[(Q(s,a) − γ max_a' Q(s,a')) · a],

which multiplies `θ` by a number that depends only on its sign (`growth`). It is the two-state `w, 2w` example of
Tsitsiklis & Van Roy (1996) told with two actions of one state; "deadly triad" is Sutton & Barto (2018), section 11.3.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]
Outcome = Literal["diverges", "overshoots", "stands still", "settles"]

ACTIONS = (1, 2)


class ToyError(ValueError):
    """A value that the toy MDP cannot take; the message names it and the allowed range."""


@dataclass(frozen=True, slots=True)
class Toy:
    """The toy MDP's numbers.

    Args:
        theta: the start value `θ₀`, finite; a table starts at the same `Q`: `(θ₀, 2θ₀)`.
        gamma: discount in [0, 1].
        learning_rate: step in (0, 1].
        share: `p` in [0, 1], the share of the rows that show `a = 2`.

    Raises:
        ToyError: a value lies outside its range.
    """

    theta: float = 1.0
    gamma: float = 1.0
    learning_rate: float = 1.0
    share: float = 0.0

    def __post_init__(self) -> None:
        if not np.isfinite(self.theta):
            raise ToyError(f"theta = {self.theta!r} is not allowed: it must be a finite number")
        if not 0 <= self.gamma <= 1:
            raise ToyError(f"gamma = {self.gamma!r} is not allowed: it must be from 0 to 1")
        if not 0 < self.learning_rate <= 1:
            raise ToyError(f"learning_rate = {self.learning_rate!r} is not allowed: it must be above 0 and at most 1")
        if not 0 <= self.share <= 1:
            raise ToyError(f"share = {self.share!r} is not allowed: it must be from 0 to 1")


@dataclass(frozen=True, slots=True)
class Update:
    """One row's update with its numbers: `new = theta − lr · (value − target) · action`."""

    theta: float
    action: int
    value: float
    best: float
    target: float
    new: float


@dataclass(frozen=True, slots=True)
class Switches:
    """The three parts of the triad; all of them on is the triad itself.

    Attributes:
        approximation: `Q(s,a) = θ·a`; off: a table with `θ₁, θ₂` of their own.
        bootstrapping: target `γ max_a' Q(s,a')`; off: the Monte Carlo return, 0.
        off_policy: rows in the fixed shares `1−p, p`; off: every row shows the current greedy action.
    """

    approximation: bool = True
    bootstrapping: bool = True
    off_policy: bool = True


def growth(gamma: npt.ArrayLike, learning_rate: npt.ArrayLike, share: npt.ArrayLike = 0.0, sign: int = 1) -> Array:
    """The factor of one expected step, `θ ← growth·θ`, for `θ` of the given sign; arguments broadcast.

    `θ > 0` (the max picks 2): `1 + lr·[(1−p)(2γ−1) + 4p(γ−1)]`;
    `θ < 0` (the max picks 1): `1 + lr·[(1−p)(γ−1) + 2p(γ−2)]`.
    """
    g, lr, p = (np.asarray(x, dtype=np.float64) for x in (gamma, learning_rate, share))
    best = 2.0 if sign > 0 else 1.0
    return np.asarray(1.0 + lr * ((1.0 - p) * (best * g - 1.0) + 2.0 * p * (best * g - 2.0)))


def border(share: npt.ArrayLike) -> Array:
    """`γ = (1+3p)/(2+2p)`: with `θ > 0`, a discount above it diverges for every learning rate."""
    p = np.asarray(share, dtype=np.float64)
    return np.asarray((1.0 + 3.0 * p) / (2.0 + 2.0 * p))


def border_share(gamma: npt.ArrayLike) -> Array:
    """The same border the other way round: the share `p = (2γ−1)/(3−2γ)` from which the expected step stops growing."""
    g = np.asarray(gamma, dtype=np.float64)
    return np.asarray((2.0 * g - 1.0) / (3.0 - 2.0 * g))


def outcome(toy: Toy) -> Outcome:
    """What the expected recursion ends in, exactly.

    `diverges` is the triad (a factor above 1 without a change of sign); `overshoots` is a learning rate too large for
    the features (a sign change at every step and growing, as in any gradient descent); `settles` is `θ → 0`, the truth.
    """
    return outcome_of_factors(
        toy.theta, *(float(growth(toy.gamma, toy.learning_rate, toy.share, sign)) for sign in (1, -1))
    )


def outcome_of_factors(theta: float, positive: float, negative: float) -> Outcome:
    """The end of `θ ← factor·θ` where the factor is `positive` for `θ > 0` and `negative` for `θ < 0`."""
    if theta == 0:
        return "stands still"
    here, there = (positive, negative) if theta > 0 else (negative, positive)
    # A rounding error of the factor must not turn the border itself into growth.
    here, there = _snap(here), _snap(there)
    if here >= 0:
        return "diverges" if here > 1 else "stands still" if here == 1 else "settles"
    if there >= 0:
        return "diverges" if there > 1 else "stands still" if there == 1 else "settles"
    twice = _snap(here * there)
    return "overshoots" if twice >= 1 else "settles"


def _snap(factor: float) -> float:
    return 1.0 if abs(factor - 1.0) < 1e-12 else 0.0 if abs(factor) < 1e-12 else factor


def update(theta: float, action: int, gamma: float, learning_rate: float) -> Update:
    """One row `(s, action, 0, s)` in float32, with every number that goes into it."""
    if action not in ACTIONS:
        raise ToyError(f"action = {action!r} is not allowed: it must be 1 or 2")
    with np.errstate(over="ignore", invalid="ignore"):
        t = np.float32(theta)
        value = t * np.float32(action)
        best = np.maximum(t, t * np.float32(2))
        target = np.float32(gamma) * best
        new = t - np.float32(learning_rate) * (value - target) * np.float32(action)
    return Update(float(t), action, float(value), float(best), float(target), float(new))


def trajectory(toy: Toy, steps: int, switches: Switches | None = None, dtype: npt.DTypeLike = np.float32) -> Array:
    """`(steps+1, 2)`: `Q(s,1), Q(s,2)` after each expected step, in `dtype` (float32 overflows to inf, then NaN).

    With all switches on, `θ₀ = γ = lr = 1` and `p = 0`, `Q(s,1) = θ` runs 1, 2, 4, 8, … and is inf at step 128.
    """
    on = switches or Switches()
    kind: Any = np.dtype(dtype).type
    gamma, lr, share, one, two = (kind(x) for x in (toy.gamma, toy.learning_rate, toy.share, 1.0, 2.0))

    def shares(q1: Any, q2: Any) -> tuple[Any, Any]:
        if on.off_policy:
            return one - share, share
        return (one - one, one) if q2 > q1 else (one, one - one)

    def linear(theta: Any) -> Any:
        p1, p2 = shares(theta, two * theta)
        target = gamma * np.maximum(theta, two * theta) if on.bootstrapping else one - one
        return theta - lr * _expect(p1, theta - target, p2, two * (two * theta - target))

    def table(q: tuple[Any, Any]) -> tuple[Any, Any]:
        p1, p2 = shares(*q)
        target = gamma * np.maximum(*q) if on.bootstrapping else one - one
        return q[0] + lr * p1 * (target - q[0]), q[1] + lr * p2 * (target - q[1])

    if on.approximation:
        thetas = recursion(linear, kind(toy.theta), steps)
        with np.errstate(over="ignore"):
            return np.stack([thetas, two * thetas], axis=1)
    with np.errstate(over="ignore", invalid="ignore"):
        rows = [(kind(toy.theta), two * kind(toy.theta))]
        for _ in range(steps):
            rows.append(table(rows[-1]))
    return np.array(rows, dtype=dtype)


def _expect(p1: Any, x1: Any, p2: Any, x2: Any) -> Any:
    """`p1·x1 + p2·x2` in which a share of 0 drops its term, also where that term is infinite."""
    return p2 * x2 if p1 == 0 else p1 * x1 if p2 == 0 else p1 * x1 + p2 * x2


def recursion(step: Callable[[Any], Any], start: Any, steps: int) -> Array:
    """`(steps+1,)`: `start, step(start), step(step(start)), …`; overflow to inf and NaN is meant to be seen."""
    values = [start]
    with np.errstate(over="ignore", invalid="ignore"):
        for _ in range(steps):
            values.append(step(values[-1]))
    return np.array(values)


def limit(toy: Toy, switches: Switches) -> tuple[float, float]:
    """Where `Q(s,1), Q(s,2)` end, exactly: ±inf for divergence, NaN for an oscillation that does not shrink."""
    start, gamma = toy.theta, toy.gamma
    if switches.approximation:
        factors = [_linear_factor(toy, switches, sign) for sign in (1, -1)]
        end = outcome_of_factors(start, *factors)
        # A sign flips at most once before it grows, and growth without flips is growth of a positive θ.
        theta = {"settles": 0.0, "diverges": np.inf, "overshoots": np.nan}.get(end)
        if theta is None:
            first = factors[0] if start > 0 else factors[1]
            theta = start if first >= 0 else first * start
        return theta, 2 * theta
    if not switches.off_policy:
        return _on_policy_table(start, gamma, switches.bootstrapping)
    if not switches.bootstrapping:
        return (0.0 if toy.share < 1 else start), (0.0 if toy.share > 0 else 2 * start)
    if toy.share in (0.0, 1.0):
        # One action is never updated: the other moves to γ times the larger of the two.
        frozen, moving = (2 * start, start) if toy.share == 0 else (start, 2 * start)
        moved = max(moving, frozen) if gamma == 1 else max(gamma * frozen, 0.0)
        return (moved, frozen) if toy.share == 0 else (frozen, moved)
    return (max(start, 2 * start),) * 2 if gamma == 1 else (0.0, 0.0)


def _linear_factor(toy: Toy, switches: Switches, sign: int) -> float:
    share = toy.share if switches.off_policy else 1.0 if sign > 0 else 0.0
    if switches.bootstrapping:
        return float(growth(toy.gamma, toy.learning_rate, share, sign))
    return 1.0 - toy.learning_rate * (1.0 + 3.0 * share)


def _on_policy_table(start: float, gamma: float, bootstrapping: bool) -> tuple[float, float]:
    """Only the greedy action moves, towards 0: from above both get there, from below the other one stays unseen."""
    if bootstrapping and gamma == 1:
        return start, 2 * start
    return (0.0, 0.0) if start >= 0 else (0.0, 2 * start)
