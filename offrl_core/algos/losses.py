"""Losses as pure functions of a batch, each with its gradient at the network outputs beside it.

Every loss is a mean over the batch's rows. Shapes as in `base`: outputs `(M, A, U)`, rows `(M, B)`.
"""

from __future__ import annotations

import numpy as np

from offrl_core.algos.base import Loss
from offrl_core.algos.batch import Array, Batch


def log_sum_exp(x: Array) -> Array:
    """`log Σ_a exp x(a)` over the actions: `(M, A, U) → (M, U)`."""
    top = x.max(axis=1)
    # Where every entry is −∞ the sum is 0: its logarithm is −∞, not the difference of two infinities.
    shift = np.where(np.isfinite(top), top, 0)
    result: Array = shift + np.log(np.exp(x - shift[:, None, :]).sum(axis=1))
    return result


def within(logits: Array, allowed: Array | None) -> Array:
    """`logits`, −∞ where an action is not allowed, so that its probability is 0; where none is allowed, all are.

    Args:
        logits: `(M, A, U)`, or any other numbers that the best of is asked for.
        allowed: `(M, A, U)` bool; None: every action.
    """
    if allowed is None:
        return logits
    return np.where(allowed | ~allowed.any(axis=1, keepdims=True), logits, -np.inf)


def divergence(log_p: Array, log_q: Array) -> Array:
    """`KL(p ‖ q) = Σ_a p(a) (log p(a) − log q(a))` over the actions, `(M, A, U) → (M, U)`; `0 · log 0` is 0."""
    p = np.exp(log_p)
    some = p > 0
    result: Array = (p * (np.where(some, log_p, 0) - np.where(some, log_q, 0))).sum(axis=1)
    return result


def softmax(x: Array) -> Array:
    """`exp x(a) / Σ_b exp x(b)` over the actions: `(M, A, U) → (M, A, U)`."""
    e: Array = np.exp(x - x.max(axis=1, keepdims=True))
    e /= e.sum(axis=1, keepdims=True)
    return e


def log_sum_exp_and_softmax(x: Array) -> tuple[Array, Array]:
    """`log_sum_exp(x)` and `softmax(x)`, to the bit, with one exponential of each number where all are finite."""
    top = x.max(axis=1, keepdims=True)
    if not np.isfinite(top).all():
        return log_sum_exp(x), softmax(x)
    e: Array = np.exp(x - top)
    total = e.sum(axis=1, keepdims=True)
    e /= total
    return (top + np.log(total))[:, 0], e


def log_softmax(x: Array) -> Array:
    """`x(a) − log Σ_b exp x(b)` over the actions."""
    shifted: Array = x - x.max(axis=1, keepdims=True)
    shifted -= np.log(np.exp(shifted).sum(axis=1, keepdims=True))
    return shifted


def weighted_cross_entropy(batch: Batch, output: str, weight: Array | None = None) -> Loss:
    """`−E[w · log π(a|s)]` with `π = softmax(outputs)`.

    Gradient at the logits: `E[w · (π(·|s) − 1[· = a])]`. For a table, a state's step is divided by
    `max(1, mean |w|)` there, so that large weights do not become large steps.

    Args:
        batch: the rows.
        output: the logits' name.
        weight: `(M, B)`, or None for 1.
    """
    log_pi = log_softmax(batch[output])
    share = batch.state_share()
    rows = batch.shares if weight is None else weight * batch.share
    gradient = np.exp(log_pi)
    gradient *= share if weight is None else batch.sum(rows)[:, None, :]
    batch.put(-rows, gradient)

    def value() -> Array:
        taken = batch.take(log_pi)
        return -batch.mean(taken if weight is None else weight * taken)

    loss = Loss(value, {output: gradient})
    if batch.curvature:
        loss.curvature[output] = share if weight is None else np.maximum(share, batch.sum(np.abs(rows))[:, None, :])
    return loss


def cross_entropy_to(batch: Batch, output: str, target: Array, allowed: Array | None = None) -> Loss:
    """`−E_s[Σ_a q(a|s) log π(a|s)]` over the batch's states; gradient at the logits `π − q`.

    Args:
        batch: the rows; only their states count.
        output: the logits' name.
        target: `q (M, A, U)`, a distribution over the allowed actions.
        allowed: the actions that `π` may take, `(M, A, U)` bool; None: every action.
    """
    log_pi = log_softmax(within(batch[output], allowed))
    share = batch.state_share()

    def value() -> Array:
        return -batch.mean_over_states((target * np.where(target > 0, log_pi, 0)).sum(axis=1))

    return Loss(value, {output: (np.exp(log_pi) - target) * share}, {output: share})


def squared_error(batch: Batch, output: str, target: Array, *, bootstrapped: bool = True) -> Loss:
    """`½ E[(Q(s,a) − y)²]`, gradient `Q(s,a) − y` at `(s,a)`; of a `V (M, 1, U)` at `s`. The target is a constant.

    Args:
        batch: the rows.
        output: the name of `Q (M, A, U)` or `V (M, 1, U)`.
        target: `y (M, B)`.
        bootstrapped: whether the target asks for the next state: the mean is then over the rows that have a target.
    """
    if _is_value(output):
        return _value_error(batch, output, target, None, bootstrapped)
    delta, shares = batch.take(batch[output]) - target, batch.shares
    if bootstrapped:
        delta, shares = batch.with_target(delta), batch.target_shares
    # The square leaves float32 long before the value does; the loss is a report, the gradient is what trains.
    loss = Loss(
        lambda: 0.5 * batch.mean(np.square(delta, dtype=np.float64), shares),
        {output: batch.put(delta * shares)},
        report_error=lambda: batch.mean(np.abs(delta), shares),
    )
    if batch.curvature:
        loss.curvature[output] = _pair_share(batch, shares)
    return loss


def expectile_loss(batch: Batch, output: str, target: Array, expectile: Array) -> Loss:
    """`E[|τ − 1[u < 0]| · ½u²]` with `u = y − V(s)`: an expectile regression of `V (M, 1, U)`.

    The mean is over the rows that have a bootstrap target: elsewhere no row corrects the `Q` that `y` is made of.

    Args:
        batch: the rows.
        output: the name of `V`.
        target: `y (M, B)`.
        expectile: `τ (M, 1)`; .5 is half the squared error's mean.
    """
    return _value_error(batch, output, target, expectile, True)


def _is_value(output: str) -> bool:
    return output.startswith("value")


def _value_error(batch: Batch, output: str, target: Array, expectile: Array | None, bootstrapped: bool) -> Loss:
    delta, shares = batch.at(batch[output][:, 0]) - target, batch.shares
    if bootstrapped:
        delta, shares = batch.with_target(delta), batch.target_shares
    # delta = −u: the expectile weighs rows where the value is too low (u ≥ 0) by τ, the others by 1 − τ.
    weight = None if expectile is None else np.where(delta > 0, 1 - expectile, expectile)
    weighted = delta if weight is None else delta * weight
    loss = Loss(
        lambda: 0.5 * batch.mean(np.square(delta, dtype=np.float64) * (1 if weight is None else weight), shares),
        {output: batch.sum(weighted * shares)[:, None, :]},
        report_error=lambda: batch.mean(np.abs(delta), shares),
    )
    if batch.curvature:
        loss.curvature[output] = _state_share(batch, shares)
    return loss


def conservative_penalty(batch: Batch, output: str, alpha: Array) -> Loss:
    """The paper's `α E[log Σ_b exp Q(s,b) − Q(s,a)]`, gradient `α (softmax Q(s,·) − 1[· = a])` at `s`.

    The mean is over the rows that have a bootstrap target: a penalty alone would push a pair without one up for ever.

    Args:
        batch: the rows.
        output: the name of `Q (M, A, U)`.
        alpha: `(M, 1)`.
    """
    q = batch[output]
    shares = batch.target_shares
    state_share = _state_share(batch, shares)
    top = q.max(axis=1, keepdims=True)
    gradient = np.exp(q - top)
    total = gradient.sum(axis=1, keepdims=True)
    gradient *= alpha[:, :, None] * state_share / total
    batch.put(-alpha * shares, gradient)

    def value() -> Array:
        return alpha[:, 0] * batch.mean(batch.at((top + np.log(total))[:, 0]) - batch.take(q), shares)

    loss = Loss(value, {output: gradient})
    if batch.curvature:
        loss.curvature[output] = _penalty_curvature(batch, alpha, state_share)
    return loss


def next_state_penalty(batch: Batch, output: str, alpha: Array, form: str) -> Loss:
    """The lecture's penalties at `s'` with the data's next action `a'`, `α` times the mean of

    `lecture-a` `Σ_b Q(s',b)`; `lecture-b` `Σ_b Q(s',b) − Q(s',a')`; `lecture-c` `z = log Σ_b exp Q(s',b) − Q(s',a')`;
    `lecture-d` `z²`. Rows without a next action count 0. The gradient goes to `Q` at `s'`.

    Args:
        batch: the rows, with the column `next_action`.
        output: the name of `Q`; read as `output_next`.
        alpha: `(M, 1)`.
        form: one of the four.

    Raises:
        ValueError: another form.
    """
    q = batch[f"{output}_next"]
    has_next = (batch.columns["next_action"] >= 0).astype(np.float32)
    share = has_next * batch.target_shares
    if form in ("lecture-a", "lecture-b"):
        gap = batch.at_next(q.sum(axis=1))
        soft = np.ones_like(q)
    elif form in ("lecture-c", "lecture-d"):
        level, soft = log_sum_exp_and_softmax(q)
        gap = batch.at_next(level)
    else:
        raise ValueError(f"form = {form!r} is not allowed here: it must be lecture-a, -b, -c or -d")
    if form != "lecture-a":
        gap = gap - batch.take_next(q)
    scale = alpha * share
    if form == "lecture-d":
        scale = 2 * gap * scale
    gradient = soft * batch.sum_next(scale)[:, None, :]
    if form != "lecture-a":
        batch.put_next(-scale, gradient)

    def value() -> Array:
        penalty = np.square(gap, dtype=np.float64) if form == "lecture-d" else gap
        return alpha[:, 0] * batch.mean(np.where(has_next > 0, penalty, 0), batch.target_shares)

    loss = Loss(value, {f"{output}_next": gradient})
    if batch.curvature:
        steep = 2 + np.abs(gap) / 2 if form == "lecture-d" else np.ones_like(gap)
        arriving = batch.sum_next(np.ascontiguousarray(steep * share))[:, None, :]
        loss.curvature[f"{output}_next"] = _penalty_curvature(batch, alpha, arriving)
    return loss


def _pair_share(batch: Batch, shares: Array) -> Array:
    """`(1 or M, A, U)`: each pair's share of the rows that count by `shares`."""
    return batch.pair_share() if batch.has_target is None else batch.put(shares)


def _state_share(batch: Batch, shares: Array) -> Array:
    """Each state's share of the rows that count by `shares`, broadcastable to `(M, A, U)`."""
    return batch.state_share() if batch.has_target is None else batch.sum(shares)[:, None, :]


def _penalty_curvature(batch: Batch, alpha: Array, share: Array) -> Array:
    """A penalty's curvature bound, `α` times the states' share; at least the share itself at pairs without rows, which
    have no other curvature, so that a small `α` also means small steps there."""
    wide = alpha[:, :, None]
    return np.where(batch.pair_share() > 0, wide * share, np.maximum(wide, 1) * share)
