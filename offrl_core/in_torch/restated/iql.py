"""10. IQL: an expectile of `Q` over the data's own actions stands in for the maximum."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from offrl_core.algos import iql
from offrl_core.in_torch.restated.base import Restated
from offrl_core.in_torch.restated.targets import one_step
from offrl_core.in_torch.restated.weights import capped, cloning_bound
from offrl_core.in_torch.rows import Rows


class IQL(Restated, of=iql.IQL):
    """`V` by expectile regression, `Q` by one step of it, and cloning by `exp(β (Q' − V))`."""

    def loss(self, rows: Rows, hp: Any) -> dict[str, Tensor]:
        log_pi = rows.taken(rows.policy.log_softmax(-1))
        y = one_step(rows, hp, rows.value_next)
        u = rows.taken(rows.target_q).detach() - rows.value
        pull = torch.where(u >= 0, hp.expectile, 1 - hp.expectile)
        return {
            "policy": rows.mean(-self.weights(rows, hp) * log_pi),
            "td": rows.mean(0.5 * (rows.taken(rows.q) - y) ** 2, where=rows.has_target),
            "value": rows.mean(pull * 0.5 * u**2, where=rows.has_target),
        }

    def row_advantages(self, rows: Rows, hp: Any) -> Tensor:
        return (rows.taken(rows.target_q) - rows.value).detach()

    def weights(self, rows: Rows, hp: Any) -> Tensor:
        A = self.row_advantages(rows, hp)
        if hp.clip == "weight":
            w = capped((hp.beta * A).exp(), hp.weight_max)
        else:
            w = capped(hp.beta * A, hp.weight_max).exp()
        return w

    def curvature(self, rows: Rows, hp: Any) -> dict[str, Tensor]:
        known = rows.shares(rows.has_target)
        return {
            "policy": cloning_bound(rows, self.weights(rows, hp)),
            "q": rows.at_pairs(known),
            "value": rows.at_states(known),
        }
