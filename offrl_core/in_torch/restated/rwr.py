"""4 and 5. Reward-weighted regression, `w = exp(r/τ)`."""

from __future__ import annotations

from typing import Any

from torch import Tensor

from offrl_core.algos import rwr
from offrl_core.in_torch.restated.base import Restated
from offrl_core.in_torch.restated.weights import cloning_bound, mean_one
from offrl_core.in_torch.rows import Rows


class RWR(Restated, of=rwr.RWR):
    """The exponential of the reward, or of the whole return."""

    def loss(self, rows: Rows, hp: Any) -> dict[str, Tensor]:
        log_pi = rows.taken(rows.policy.log_softmax(-1))
        return {"policy": rows.mean(-self.weights(rows, hp) * log_pi)}

    def weights(self, rows: Rows, hp: Any) -> Tensor:
        if hp.signal == "reward":
            x = rows.reward
        else:
            x = rows.return_to_go
        log_w: Tensor = x / hp.temperature
        if hp.normalization == "none":
            w = log_w.exp()
        elif hp.normalization == "naive":
            w = log_w.exp()
            w = w / rows.mean(w)[..., None]  # inf/inf and 0/0 happen here, on purpose
        else:
            w = mean_one(rows, log_w)
        return w

    def curvature(self, rows: Rows, hp: Any) -> dict[str, Tensor]:
        return {"policy": cloning_bound(rows, self.weights(rows, hp))}
