"""8. AWAC, `w = exp(A/τ)`, `A = Q(s,a) − E_{b~π_θ} Q(s,b)`."""

from __future__ import annotations

from typing import Any

from torch import Tensor

from offrl_core.algos import awac
from offrl_core.in_torch.restated.base import Restated
from offrl_core.in_torch.restated.targets import one_step
from offrl_core.in_torch.restated.weights import capped, cloning_bound, mean_one, over_average
from offrl_core.in_torch.rows import Rows


class AWAC(Restated, of=awac.AWAC):
    """A critic of the policy being learned, and cloning by what beats that policy's average."""

    def loss(self, rows: Rows, hp: Any) -> dict[str, Tensor]:
        log_pi = rows.taken(rows.policy.log_softmax(-1))
        expected = (rows.policy_next.softmax(-1) * rows.target_q_next).sum(-1)
        y = one_step(rows, hp, expected)
        return {
            "policy": rows.mean(-self.weights(rows, hp) * log_pi),
            "td": rows.mean(0.5 * (rows.taken(rows.q) - y) ** 2, where=rows.has_target),
        }

    def row_advantages(self, rows: Rows, hp: Any) -> Tensor:
        return rows.taken(over_average(rows.q, rows.policy.softmax(-1))).detach()

    def weights(self, rows: Rows, hp: Any) -> Tensor:
        A = self.row_advantages(rows, hp)
        if hp.normalization == "batch":
            w = mean_one(rows, A / hp.temperature)
        else:
            w = capped((A / hp.temperature).exp(), hp.weight_max)
        return w

    def curvature(self, rows: Rows, hp: Any) -> dict[str, Tensor]:
        return {
            "policy": cloning_bound(rows, self.weights(rows, hp)),
            "q": rows.at_pairs(rows.shares(rows.has_target)),
        }
