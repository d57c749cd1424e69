"""9. CRR, `w = 1[A > 0]` or `min(exp(A/τ), w_max)`."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from offrl_core.algos import crr
from offrl_core.in_torch.restated.base import Restated
from offrl_core.in_torch.restated.targets import one_step
from offrl_core.in_torch.restated.weights import capped, cloning_bound, over_average
from offrl_core.in_torch.rows import Rows


class CRR(Restated, of=crr.CRR):
    """A critic of the policy being learned, and cloning of what beats it, or the best of a few draws from it."""

    def loss(self, rows: Rows, hp: Any) -> dict[str, Tensor]:
        log_pi = rows.taken(rows.policy.log_softmax(-1))
        expected = (rows.policy_next.softmax(-1) * rows.target_q_next).sum(-1)
        y = one_step(rows, hp, expected)
        return {
            "policy": rows.mean(-self.weights(rows, hp) * log_pi),
            "td": rows.mean(0.5 * (rows.taken(rows.q) - y) ** 2, where=rows.has_target),
        }

    def row_advantages(self, rows: Rows, hp: Any) -> Tensor:
        policy = rows.policy.softmax(-1)
        if hp.baseline == "mean":
            A = over_average(rows.q, policy)
        else:
            A = over_best_draw(rows.q, policy, hp.baseline_draws[..., None])
        return rows.taken(A).detach()

    def weights(self, rows: Rows, hp: Any) -> Tensor:
        A = self.row_advantages(rows, hp)
        if hp.filter == "binary":
            w = (A > 0).to(rows.q.dtype)
        else:
            w = capped((A / hp.temperature).exp().to(rows.q.dtype), hp.weight_max)
        return w

    def curvature(self, rows: Rows, hp: Any) -> dict[str, Tensor]:
        return {
            "policy": cloning_bound(rows, self.weights(rows, hp)),
            "q": rows.at_pairs(rows.shares(rows.has_target)),
        }


def over_best_draw(q: Tensor, policy: Tensor, draws: Tensor) -> Tensor:
    """`A(s,a) = Q(s,a) − E max_j Q(s,b_j)` over `m` draws `b_j ~ π`, exactly.

    The best of `m` draws is among the `k` smallest values with probability `F_k^m`, where `F_k` is that of one draw. By
    the gaps to the best value and in double precision: the best action's advantage falls as `(1 − π)^m`.
    """
    gap, order = (q - q.amax(-1, keepdim=True)).double().sort(-1)
    reached = policy.double().gather(-1, order).cumsum(-1) ** draws
    exactly = reached.diff(dim=-1, prepend=torch.zeros_like(reached[..., :1]))
    best = (exactly * gap).sum(-1, keepdim=True)
    return (q - q.amax(-1, keepdim=True)).double() - best
