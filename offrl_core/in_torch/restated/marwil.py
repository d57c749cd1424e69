"""6. MARWIL, `w = exp(β A)`, `A = −V(s) + r + γ V(s')`."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from offrl_core.algos import marwil
from offrl_core.in_torch.restated.base import Restated
from offrl_core.in_torch.restated.targets import one_step
from offrl_core.in_torch.restated.weights import capped, cloning_bound
from offrl_core.in_torch.rows import Rows


class MARWIL(Restated, of=marwil.MARWIL):
    """`V` of the behaviour, and cloning by what turned out better than it."""

    def loss(self, rows: Rows, hp: Any) -> dict[str, Tensor]:
        if hp.normalization == "running":
            # c² follows the mean squared advantage, before it is used.
            square = self.row_advantages(rows, hp) ** 2
            c2 = rows.memory["square"]
            if hp.advantage == "mc":
                rows.memory["square"] = c2 + hp.norm_rate * (rows.mean(square)[..., None] - c2)
            else:
                moved = c2 + hp.norm_rate * (rows.mean(square, where=rows.has_target)[..., None] - c2)
                rows.memory["square"] = torch.where(rows.has_target.any(-1, keepdim=True), moved, c2)

        log_pi = rows.taken(rows.policy.log_softmax(-1))
        policy = rows.mean(-self.weights(rows, hp) * log_pi)
        if hp.value_target == "mc":
            value = rows.mean(0.5 * (rows.value - rows.return_to_go) ** 2)
        else:
            y = one_step(rows, hp, rows.value_next)
            value = rows.mean(0.5 * (rows.value - y) ** 2, where=rows.has_target)
        return {"policy": policy, "value": value}

    def row_advantages(self, rows: Rows, hp: Any) -> Tensor:
        if hp.advantage == "mc":
            A = rows.return_to_go - rows.value.detach()
        else:
            # Of a row without a target nobody knows what followed: it is neither better nor worse.
            A = torch.where(rows.has_target, one_step(rows, hp, rows.value_next) - rows.value.detach(), 0)
        return A

    def weights(self, rows: Rows, hp: Any) -> Tensor:
        A = self.row_advantages(rows, hp)
        if hp.normalization == "running":
            A = A / (1e-8 + rows.memory["square"].sqrt())
        return capped((hp.beta * A).exp(), hp.weight_max)

    def curvature(self, rows: Rows, hp: Any) -> dict[str, Tensor]:
        if hp.value_target == "mc":
            fitted = rows.shares()
        else:
            fitted = rows.shares(rows.has_target)
        return {
            "policy": cloning_bound(rows, self.weights(rows, hp)),
            "value": rows.at_states(fitted),
        }
