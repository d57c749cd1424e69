"""What several systems make their weights of."""

from __future__ import annotations

import torch
from torch import Tensor

from offrl_core.in_torch.rows import Rows


def capped(weight: Tensor, cap: Tensor) -> Tensor:
    """`min(w, w_max)`; a cap of 0 is none."""
    return torch.where((cap > 0) & (weight > cap), cap, weight)


def mean_one(rows: Rows, log_weight: Tensor) -> Tensor:
    """`exp(x) / mean exp(x)` over the batch; the largest is taken out first, so that nothing overflows."""
    weight = (log_weight - log_weight.amax(-1, keepdim=True)).exp()
    return weight / rows.mean(weight)[..., None]


def over_average(q: Tensor, policy: Tensor) -> Tensor:
    """`A(s,a) = Q(s,a) − Σ_b π(b|s) Q(s,b)`, by the gaps to the best: equal values have the advantage 0 exactly."""
    gap = q - q.amax(-1, keepdim=True)
    return gap - (policy * gap).sum(-1, keepdim=True)


def cloning_bound(rows: Rows, weight: Tensor) -> Tensor:
    """How curved `−w log π` is at most: each state's share of the rows, by their weights where they average over 1."""
    every = rows.shares()
    return torch.maximum(rows.at_states(every), rows.at_states(weight.detach().abs() * every))
