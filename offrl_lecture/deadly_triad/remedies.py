"""What people try against the deadly triad, each as an exact recursion on the toy MDP of `triad.py`.

Every remedy keeps the toy's data (shares `1−p, p`), its approximator `Q(s,a) = θ·a` and its expected step, and changes
the one thing it is known for. None of them is assumed to cure: `verdict` says where its recursion ends.

Sources: target network Mnih et al. 2015; double Q-learning van Hasselt 2010; clipped double Fujimoto et al. 2018;
residual gradient Baird 1995; BCQ Fujimoto et al. 2019; CQL Kumar et al. 2020 (`paper`) and the lecture's four forms.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from offrl_lecture.deadly_triad.toy import Array, Outcome, Toy, ToyError, growth, outcome_of_factors

REMEDIES = (
    "none", "target-network", "double", "clipped", "residual", "constrained", "bcq",
    "cql-lecture-a", "cql-lecture-b", "cql-lecture-c", "cql-lecture-d", "cql-paper",
)  # fmt: skip
CQL_FORMS = ("lecture-a", "lecture-b", "lecture-c", "lecture-d", "paper")

State = tuple[float, ...]
Step = Callable[[State], State]


@dataclass(frozen=True, slots=True)
class Remedy:
    """A remedy with its numbers; the ones it does not use are ignored.

    Args:
        name: one of `REMEDIES`.
        period: target network: copied every `K = period` steps, at least 1.
        second: double and clipped: the second network's start value as a multiple of `θ₀`.
        rho: BCQ: `Ā = {a : π_β(a|s) > ρ}` with the exact `π_β = (1−p, p)`; the most likely action where none passes.
        alpha: CQL: weight of the penalty, at least 0.

    Raises:
        ToyError: an unknown name, or a number outside its range.
    """

    name: str
    period: int = 10
    second: float = 0.5
    rho: float = 0.1
    alpha: float = 1.0

    def __post_init__(self) -> None:
        if self.name not in REMEDIES:
            raise ToyError(f"remedy {self.name!r} is not known: it must be one of {', '.join(REMEDIES)}")
        if self.period < 1:
            raise ToyError(f"period = {self.period!r} is not allowed: it must be 1 or more")
        if not self.alpha >= 0:
            raise ToyError(f"alpha = {self.alpha!r} is not allowed: it must be 0 or more")


def allowed_actions(toy: Toy, remedy: Remedy) -> tuple[int, ...]:
    """The actions that the target's max may choose: all but for `constrained` (those seen) and `bcq` (`π_β > ρ`)."""
    behavior = (1.0 - toy.share, toy.share)
    if remedy.name not in ("constrained", "bcq"):
        return (1, 2)
    threshold = 0.0 if remedy.name == "constrained" else remedy.rho
    passing = tuple(a for a, p in zip((1, 2), behavior, strict=True) if p > threshold)
    return passing or ((1,) if behavior[0] >= behavior[1] else (2,))


def constrained_factor(toy: Toy, allowed: tuple[int, ...], sign: int) -> float:
    """One expected step's factor when the max may only choose among `allowed`."""
    picks_two = allowed == (2,) or (2 in allowed and sign > 0)
    # `growth` bootstraps on a = 2 for a positive sign and on a = 1 for a negative one, whatever θ's own sign is.
    return float(growth(toy.gamma, toy.learning_rate, toy.share, 1 if picks_two else -1))


def target_network_factor(gamma: float, learning_rate: float, period: int, share: float = 0.0, sign: int = 1) -> float:
    """Growth over a period of `K` steps: `κ + (1−κ)(1 − lr(1+3p))^K`, `κ = mγ(1+p)/(1+3p)`, `m` 2 for `θ > 0`, else 1.

    At `p = 0`, `θ > 0`: `2γ + (1−2γ)(1−lr)^K`. At `K = 1` it is the plain step; as `K` grows it tends to `κ`, which is
    above 1 beyond the same border: a target network slows the growth and cures nothing.
    """
    kappa = (2.0 if sign > 0 else 1.0) * gamma * (1.0 + share) / (1.0 + 3.0 * share)
    return kappa + (1.0 - kappa) * (1.0 - learning_rate * (1.0 + 3.0 * share)) ** period


def residual_factor(gamma: float, learning_rate: float, share: float = 0.0, sign: int = 1) -> float:
    """The gradient of `½(Q − γ max Q)²` goes through the target too: `1 − lr·[(1−p)(1−mγ)² + p(2−mγ)²]`, `m` 2 or 1."""
    m = 2.0 if sign > 0 else 1.0
    return 1.0 - learning_rate * ((1.0 - share) * (1.0 - m * gamma) ** 2 + share * (2.0 - m * gamma) ** 2)


def penalty(form: str, theta: npt.ArrayLike, share: float = 0.0) -> Array:
    """CQL's expected penalty without `α`; on the toy `s' = s`, and the data's next action is 2 in a share `p` of rows.

    a: `ΣQ`; b: `ΣQ − Q(s,a')`; c: `log Σ exp Q − Q(s,a')`; d: the square of c's; paper: c's at the row's own pair.
    At `p = 0`: `3θ`, `2θ`, `log(1+e^θ)`, its square, and `log(1+e^θ)`.
    """
    t = np.asarray(theta, dtype=np.float64)
    z_one, z_two = np.logaddexp(0.0, t), np.logaddexp(0.0, -t)
    if form == "lecture-a":
        return 3.0 * t
    if form == "lecture-b":
        return (2.0 - share) * t
    power = 2 if form == "lecture-d" else 1
    return np.asarray((1.0 - share) * z_one**power + share * z_two**power)


def penalty_gradient(form: str, theta: npt.ArrayLike, share: float = 0.0) -> Array:
    """`∂ penalty/∂θ`; at `p = 0`: a: 3, b: 2, c and paper: `σ(θ)`, d: `2·log(1+e^θ)·σ(θ)`."""
    t = np.asarray(theta, dtype=np.float64)
    if form == "lecture-a":
        return np.full_like(t, 3.0)
    if form == "lecture-b":
        return np.full_like(t, 2.0 - share)
    sigma, other = np.exp(-np.logaddexp(0.0, -t)), np.exp(-np.logaddexp(0.0, t))
    if form == "lecture-d":
        return np.asarray(2.0 * ((1.0 - share) * np.logaddexp(0.0, t) * sigma - share * np.logaddexp(0.0, -t) * other))
    return np.asarray((1.0 - share) * sigma - share * other)


def critical_alpha(form: str, theta: float, gamma: float) -> float:
    """The `α` above which `θ > 0` falls in its first step (`p = 0`): `θ(2γ−1) / (∂penalty/∂θ)`, never below 0.

    For the paper's form and the lecture's c it is `θ₀(2γ−1)/σ(θ₀)`: 1.3679 at `θ₀ = γ = 1`. Since that expression grows
    with `θ`, a start that falls goes on falling, and a start that rises goes on rising.
    """
    return max(0.0, float(theta * (2.0 * gamma - 1.0) / penalty_gradient(form, theta)))


def remedy_trajectory(toy: Toy, remedy: Remedy, steps: int) -> Array:
    """`(steps+1,)` float64: `θ` after each expected step; with two networks the first one's."""
    step, state = _dynamics(toy, remedy)
    values = [state[0]]
    with np.errstate(over="ignore", invalid="ignore"):
        for index in range(steps):
            if remedy.name == "target-network" and index % remedy.period == 0:
                state = (state[0], state[0])
            elif remedy.name == "double" and index > 0:
                # One network learns per step, in turn, from the other's value.
                state = (state[1], state[0])
            state = step(state)
            values.append(state[1] if remedy.name == "double" and index % 2 else state[0])
    return np.array(values, dtype=np.float64)


def _dynamics(toy: Toy, remedy: Remedy) -> tuple[Step, State]:
    """The map of one step and its start: `(θ,)`, `(θ, θ⁻)` or `(θ_A, θ_B)`."""
    lr, gamma, share = toy.learning_rate, toy.gamma, toy.share
    own = 1.0 - lr * (1.0 + 3.0 * share)
    seen = lr * gamma * (1.0 + share)

    def towards(theta: float, best: float) -> float:
        """`θ − lr·E[(Q(s,a) − γ·best)·a]`."""
        return own * theta + seen * best

    start: State = (float(toy.theta),)
    if remedy.name == "target-network":
        return lambda s: (towards(s[0], max(s[1], 2 * s[1])), s[1]), (start[0], start[0])
    if remedy.name == "double":
        # The learning network chooses the action, the other one values it.
        return lambda s: (towards(s[0], (2 if s[0] > 0 else 1) * s[1]), s[1]), (start[0], start[0] * remedy.second)
    if remedy.name == "clipped":

        def clipped(s: State) -> State:
            # The first network chooses the action, the smaller of both values counts.
            best = (2 if s[0] > 0 else 1) * min(s)
            return towards(s[0], best), towards(s[1], best)

        return clipped, (start[0], start[0] * remedy.second)
    up, down = factors(toy, remedy)
    if not remedy.name.startswith("cql-"):
        return lambda s: (s[0] * (up if s[0] > 0 else down),), start
    form = remedy.name.removeprefix("cql-")
    return (
        lambda s: (s[0] * (up if s[0] > 0 else down) - lr * remedy.alpha * float(penalty_gradient(form, s[0], share)),),
        start,
    )


def factors(toy: Toy, remedy: Remedy) -> tuple[float, float]:
    """What a step (with a target network: a period) multiplies `θ > 0` and `θ < 0` by; for CQL without its penalty."""
    lr, gamma, share = toy.learning_rate, toy.gamma, toy.share
    if remedy.name == "residual":
        return residual_factor(gamma, lr, share, 1), residual_factor(gamma, lr, share, -1)
    if remedy.name == "target-network":
        return (
            target_network_factor(gamma, lr, remedy.period, share, 1),
            target_network_factor(gamma, lr, remedy.period, share, -1),
        )
    allowed = allowed_actions(toy, remedy)
    return constrained_factor(toy, allowed, 1), constrained_factor(toy, allowed, -1)


def verdict(toy: Toy, remedy: Remedy) -> tuple[Outcome, float]:
    """How the remedy's recursion ends, and the `θ` it ends at: ±inf, or NaN for an oscillation that does not shrink."""
    if remedy.name.startswith("cql-"):
        theta = _cql_limit(toy, remedy)
        return ("diverges" if np.isinf(theta) else "stands still" if theta == toy.theta else "settles"), theta
    if remedy.name in ("double", "clipped"):
        return _two_networks(toy, remedy)
    up, down = factors(toy, remedy)
    end = outcome_of_factors(toy.theta, up, down)
    first = up if toy.theta > 0 else down
    stop = toy.theta if first >= 0 else first * toy.theta
    return end, {"settles": 0.0, "diverges": np.inf, "overshoots": np.nan, "stands still": stop}[end]


def _two_networks(toy: Toy, remedy: Remedy) -> tuple[Outcome, float]:
    """The map is homogeneous (`f(cθ) = c f(θ)`, `c > 0`), so its growth rate is measured on renormalised states."""
    step, state = _dynamics(toy, remedy)
    log_size, halfway = 0.0, 0.0
    for index in range(_STEPS):
        if index == _STEPS // 2:
            halfway = log_size
        if remedy.name == "double" and index > 0:
            state = (state[1], state[0])
        state = step(state)
        size = max(abs(x) for x in state)
        if size == 0:
            return "settles", 0.0
        state = tuple(x / size for x in state)
        log_size += math.log(size)
    rate = (log_size - halfway) / (_STEPS - _STEPS // 2)
    if abs(rate) < 1e-9:
        return "stands still", state[0] * math.exp(log_size)
    if rate < 0:
        return "settles", 0.0
    return ("diverges", np.inf) if min(state) > 0 else ("overshoots", np.nan)


def _cql_limit(toy: Toy, remedy: Remedy) -> float:
    """The first root of the step in the direction in which it starts to move; none means without bound."""
    form = remedy.name.removeprefix("cql-")
    up, down = factors(toy, remedy)

    def drift(theta: npt.ArrayLike) -> Array:
        t = np.asarray(theta, dtype=np.float64)
        push = (np.where(t > 0, up, down) - 1.0) * t / toy.learning_rate
        return np.asarray(push - remedy.alpha * penalty_gradient(form, t, toy.share))

    start = toy.theta
    here = float(drift(start))
    if abs(here) < 1e-12:
        return start
    points = np.append(start, start + np.sign(here) * _AWAY)
    # Strictly: far below 0 the paper's pull underflows to 0, and at γ = 1 the drift with it, without a root.
    turned = drift(points) * here < 0
    if not turned.any():
        return float(np.copysign(np.inf, here))
    first = int(turned.argmax())
    before, after = float(points[first - 1]), float(points[first])
    for _ in range(80):
        middle = (before + after) / 2
        if float(drift(middle)) * here > 0:
            before = middle
        else:
            after = middle
    return (before + after) / 2


_AWAY = np.concatenate([np.linspace(0.0, 20.0, 4001)[1:], np.geomspace(20.0, 1e9, 400)[1:]])
_STEPS = 800
