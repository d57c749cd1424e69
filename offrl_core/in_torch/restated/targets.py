"""Targets of Q-learning, `y = r + γ max Q'(s', a')`; nothing is differentiated through them."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from offrl_core.in_torch.rows import Rows


def one_step(rows: Rows, hp: Any, ahead: Tensor) -> Tensor:
    """`r + γ V(s')`; where the episode ended, `r`."""
    return rows.reward + torch.where(rows.terminated, 0, hp.gamma * ahead.detach())


def greedy_target(rows: Rows, hp: Any) -> Tensor:
    """`y = r + γ max_a' Q'(s', a')` over all actions."""
    if hp.double == "none":
        best = rows.target_q_next.amax(-1)
    else:
        # The online network chooses, the target network values the choice.
        star = rows.q_next.argmax(-1, keepdim=True)
        best = rows.target_q_next.gather(-1, star)[..., 0]
    if hp.double == "clipped":
        best = torch.minimum(best, rows.target_q2_next.gather(-1, star)[..., 0])
    return one_step(rows, hp, best)


def constrained_target(rows: Rows, hp: Any, allowed: Tensor) -> Tensor:
    """`y = r + γ max_{a' ∈ Ā(s')} Q'(s', a')`; a state without any allowed action is worth 0."""
    if hp.double == "none":
        best = torch.where(allowed, rows.target_q_next, -torch.inf).amax(-1)
    else:
        # The online network chooses among them, the target network values the choice.
        star = torch.where(allowed, rows.q_next, -torch.inf).argmax(-1, keepdim=True)
        best = rows.target_q_next.gather(-1, star)[..., 0]
    if hp.double == "clipped":
        best = torch.minimum(best, rows.target_q2_next.gather(-1, star)[..., 0])
    return one_step(rows, hp, torch.where(allowed.any(-1), best, 0))
