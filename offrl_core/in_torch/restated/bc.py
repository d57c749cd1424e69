"""1. Behaviour cloning, `−E[log π_θ(a|s)]`."""

from __future__ import annotations

from typing import Any

from torch import Tensor

from offrl_core.algos import bc
from offrl_core.in_torch.restated.base import Restated
from offrl_core.in_torch.rows import Rows


class BC(Restated, of=bc.BC):
    """Every row counts the same."""

    def loss(self, rows: Rows, hp: Any) -> dict[str, Tensor]:
        log_pi = rows.taken(rows.policy.log_softmax(-1))
        return {"policy": rows.mean(-log_pi)}

    def curvature(self, rows: Rows, hp: Any) -> dict[str, Tensor]:
        return {"policy": rows.at_states(rows.shares())}
