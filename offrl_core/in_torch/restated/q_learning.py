"""12. Naive offline Q-learning, `y = r + γ max_a' Q'(s', a')`."""

from __future__ import annotations

from typing import Any

from torch import Tensor

from offrl_core.algos import q_learning
from offrl_core.in_torch.restated.base import Restated
from offrl_core.in_torch.restated.targets import greedy_target
from offrl_core.in_torch.rows import Rows


class QLearning(Restated, of=q_learning.QLearning):
    """The maximum runs over all actions, those of the data and others."""

    def loss(self, rows: Rows, hp: Any) -> dict[str, Tensor]:
        y = greedy_target(rows, hp)
        losses = {"td": rows.mean(0.5 * (rows.taken(rows.q) - y) ** 2, where=rows.has_target)}
        if hp.double == "clipped":
            losses["td2"] = rows.mean(0.5 * (rows.taken(rows.q2) - y) ** 2, where=rows.has_target)
        return losses

    def curvature(self, rows: Rows, hp: Any) -> dict[str, Tensor]:
        pair = rows.at_pairs(rows.shares(rows.has_target))
        found = {"q": pair}
        if hp.double == "clipped":
            found["q2"] = pair
        return found
