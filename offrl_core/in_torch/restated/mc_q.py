"""14. Monte Carlo Q, `y = G`."""

from __future__ import annotations

from typing import Any

from torch import Tensor

from offrl_core.algos import mc_q
from offrl_core.in_torch.restated.base import Restated
from offrl_core.in_torch.rows import Rows


class MCQ(Restated, of=mc_q.MCQ):
    """Regression on the recorded returns."""

    def loss(self, rows: Rows, hp: Any) -> dict[str, Tensor]:
        return {"td": rows.mean(0.5 * (rows.taken(rows.q) - rows.return_to_go) ** 2)}

    def curvature(self, rows: Rows, hp: Any) -> dict[str, Tensor]:
        return {"q": rows.at_pairs(rows.shares())}
