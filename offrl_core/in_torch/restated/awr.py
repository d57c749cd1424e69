"""7. AWR, `w = min(exp(A/τ), w_max)`, `A = G^λ − V(s)`."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from offrl_core.algos import awr
from offrl_core.in_torch.restated.base import Restated
from offrl_core.in_torch.restated.targets import one_step
from offrl_core.in_torch.restated.weights import capped, cloning_bound
from offrl_core.in_torch.rows import Rows


class AWR(Restated, of=awr.AWR):
    """`V` fitted to TD(λ) returns, and cloning by what lies above it."""

    def loss(self, rows: Rows, hp: Any) -> dict[str, Tensor]:
        log_pi = rows.taken(rows.policy.log_softmax(-1))
        policy = rows.mean(-self.weights(rows, hp) * log_pi)
        squared = 0.5 * (rows.value - self.target(rows, hp)) ** 2
        if hp.value_target == "mc":
            value = rows.mean(squared)
        else:
            value = rows.mean(squared, where=rows.has_target)
        return {"policy": policy, "value": value}

    def target(self, rows: Rows, hp: Any) -> Tensor:
        if hp.value_target == "lambda":
            y = rows.lambda_return
        elif hp.value_target == "mc":
            y = rows.return_to_go
        else:
            y = one_step(rows, hp, rows.value_next)
        return y

    def row_advantages(self, rows: Rows, hp: Any) -> Tensor:
        A = self.target(rows, hp) - rows.value.detach()
        if hp.value_target != "mc":
            # Of a row without a target nobody knows what followed: it is neither better nor worse.
            A = torch.where(rows.has_target, A, 0)
        return A

    def weights(self, rows: Rows, hp: Any) -> Tensor:
        A = self.row_advantages(rows, hp)
        if hp.normalization == "standardize":
            if hp.value_target == "mc":
                counted = torch.ones_like(rows.has_target)
            else:
                counted = rows.has_target
            mean = rows.mean(A, where=counted)[..., None]
            deviation = rows.mean((A - mean) ** 2, where=counted)[..., None].sqrt()
            A = torch.where(counted, (A - mean) / (deviation + 1e-5), 0)
        return capped((A / hp.temperature).exp(), hp.weight_max)

    def curvature(self, rows: Rows, hp: Any) -> dict[str, Tensor]:
        if hp.value_target == "mc":
            fitted = rows.shares()
        else:
            fitted = rows.shares(rows.has_target)
        return {
            "policy": cloning_bound(rows, self.weights(rows, hp)),
            "value": rows.at_states(fitted),
        }
