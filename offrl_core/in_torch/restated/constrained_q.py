"""15. Constrained Q-learning: the maximum over `Ā(s') = {a : n(s',a) ≥ n_min}`."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from offrl_core.algos import constrained_q
from offrl_core.in_torch.restated.base import Restated
from offrl_core.in_torch.restated.targets import constrained_target
from offrl_core.in_torch.rows import Rows


class ConstrainedQ(Restated, of=constrained_q.ConstrainedQ):
    """Actions that the data does not show are ignored."""

    def loss(self, rows: Rows, hp: Any) -> dict[str, Tensor]:
        y = constrained_target(rows, hp, frequent(rows.counts_next, hp.min_count[..., None]))
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

    def allowed_at(self, states: Rows, hp: Any) -> Tensor | None:
        return frequent(states.counts, hp.min_count[..., None])


def frequent(counts: Tensor, least: Tensor) -> Tensor:
    """`Ā = {a : n(s,a) ≥ n_min}`; where no action is that frequent, the most frequent ones."""
    allowed = counts >= least
    most = (counts == counts.amax(-1, keepdim=True)) & (counts > 0)
    return torch.where(allowed.any(-1, keepdim=True), allowed, most)
