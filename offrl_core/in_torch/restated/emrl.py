"""2. EMRL, `−E[f(r) log π_θ(a|s)]`."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from offrl_core.algos import emrl
from offrl_core.in_torch.restated.base import Restated
from offrl_core.in_torch.restated.weights import cloning_bound
from offrl_core.in_torch.rows import Rows


class EMRL(Restated, of=emrl.EMRL):
    """`w = f(r)`, or of the return."""

    def loss(self, rows: Rows, hp: Any) -> dict[str, Tensor]:
        log_pi = rows.taken(rows.policy.log_softmax(-1))
        return {"policy": rows.mean(-self.weights(rows, hp) * log_pi)}

    def weights(self, rows: Rows, hp: Any) -> Tensor:
        if hp.signal == "reward":
            x = rows.reward
        else:
            x = rows.return_to_go
        if hp.weight_function == "identity":
            w = x
        elif hp.weight_function == "abs":
            w = x.abs()
        elif hp.weight_function == "relu":
            w = x.clamp(min=0)
        elif hp.weight_function == "shifted":
            if hp.signal == "reward":
                w = x - rows.reward_min
            else:
                w = x - rows.return_min
        elif hp.weight_function == "softplus":
            w = torch.logaddexp(torch.zeros_like(x), x)
        else:
            w = x.exp()
        return w

    def curvature(self, rows: Rows, hp: Any) -> dict[str, Tensor]:
        return {"policy": cloning_bound(rows, self.weights(rows, hp))}
