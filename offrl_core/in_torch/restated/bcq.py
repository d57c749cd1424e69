"""16. Discrete BCQ: the maximum over actions that a clone of the behaviour finds likely."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from offrl_core.algos import bcq
from offrl_core.in_torch.restated.base import Restated
from offrl_core.in_torch.restated.targets import constrained_target
from offrl_core.in_torch.rows import Rows


class BCQ(Restated, of=bcq.BCQ):
    """`Ā(s) = {a : π_β(a|s) > ρ}`, with `π_β` cloned beside."""

    def loss(self, rows: Rows, hp: Any) -> dict[str, Tensor]:
        y = constrained_target(rows, hp, likely(rows.behavior_next.softmax(-1).detach(), hp))
        losses = {"td": rows.mean(0.5 * (rows.taken(rows.q) - y) ** 2, where=rows.has_target)}
        if hp.double == "clipped":
            losses["td2"] = rows.mean(0.5 * (rows.taken(rows.q2) - y) ** 2, where=rows.has_target)
        losses["behavior"] = rows.mean(-rows.taken(rows.behavior.log_softmax(-1)))
        return losses

    def curvature(self, rows: Rows, hp: Any) -> dict[str, Tensor]:
        pair = rows.at_pairs(rows.shares(rows.has_target))
        found = {"q": pair, "behavior": rows.at_states(rows.shares())}
        if hp.double == "clipped":
            found["q2"] = pair
        return found

    def allowed_at(self, states: Rows, hp: Any) -> Tensor | None:
        return likely(states.behavior.softmax(-1), hp)


def likely(behavior: Tensor, hp: Any) -> Tensor:
    """`Ā`, given `π_β(·|s)`; where no action is that likely, the likeliest."""
    most = behavior.amax(-1, keepdim=True)
    if hp.rule == "absolute":
        allowed = behavior > hp.rho[..., None]
    else:
        allowed = behavior / most > hp.rho[..., None]
    return torch.where(allowed.any(-1, keepdim=True), allowed, behavior == most)
