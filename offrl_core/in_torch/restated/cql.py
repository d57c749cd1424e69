"""17. CQL: Q-learning, and a penalty that pushes all values down and those of the data back up."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from offrl_core.algos import cql
from offrl_core.in_torch.restated.base import Restated
from offrl_core.in_torch.restated.targets import constrained_target, greedy_target
from offrl_core.in_torch.rows import Rows


class CQL(Restated, of=cql.CQL):
    """The lecture's four penalties at `s'`, and the paper's at `s`."""

    def loss(self, rows: Rows, hp: Any) -> dict[str, Tensor]:
        if hp.constraint == "none":
            y = greedy_target(rows, hp)
        else:
            y = constrained_target(rows, hp, rows.counts_next > 0)
        losses = {"td": rows.mean(0.5 * (rows.taken(rows.q) - y) ** 2, where=rows.has_target)}
        if hp.form == "paper":
            losses["penalty"] = conservative(rows, hp, rows.q)
        else:
            losses["penalty"] = conservative(rows, hp, rows.q_next)
        if hp.double == "clipped":
            losses["td2"] = rows.mean(0.5 * (rows.taken(rows.q2) - y) ** 2, where=rows.has_target)
            if hp.form == "paper":
                losses["penalty2"] = conservative(rows, hp, rows.q2)
            else:
                losses["penalty2"] = conservative(rows, hp, rows.q2_next)
        return losses

    def curvature(self, rows: Rows, hp: Any) -> dict[str, Tensor]:
        pair = rows.at_pairs(rows.shares(rows.has_target))
        if hp.form == "paper":
            found = {"q": pair + penalty_bound(rows, hp, rows.q)}
        else:
            found = {"q": pair + penalty_bound(rows, hp, rows.q_next)}
        if hp.double == "clipped":
            if hp.form == "paper":
                found["q2"] = pair + penalty_bound(rows, hp, rows.q2)
            else:
                found["q2"] = pair + penalty_bound(rows, hp, rows.q2_next)
        return found

    def allowed_at(self, states: Rows, hp: Any) -> Tensor | None:
        return states.counts > 0 if hp.constraint == "counted" else None


def conservative(rows: Rows, hp: Any, q: Tensor) -> Tensor:
    """`α R(Q)`, where a row without a next action has no penalty at `s'`."""
    if hp.form == "paper":
        z = q.logsumexp(-1) - rows.taken(q)
    elif hp.form == "lecture-a":
        z = q.sum(-1)
    elif hp.form == "lecture-b":
        z = q.sum(-1) - rows.taken_next(q)
    else:
        z = q.logsumexp(-1) - rows.taken_next(q)
    if hp.form == "lecture-d":
        z = z**2
    if hp.form != "paper":
        z = torch.where(rows.next_action >= 0, z, 0)
    return rows.mean(hp.alpha * z, where=rows.has_target)


def penalty_bound(rows: Rows, hp: Any, q: Tensor) -> Tensor:
    """How curved the penalty is at most, for a table's plain step; a pair without rows has no other curvature."""
    shares = rows.shares(rows.has_target)
    if hp.form == "paper":
        share = rows.at_states(shares)
    elif hp.form == "lecture-d":
        z = q.logsumexp(-1) - rows.taken_next(q)
        share = rows.at_next_states((2 + z.detach().abs() / 2) * (rows.next_action >= 0) * shares)
    else:
        share = rows.at_next_states((rows.next_action >= 0) * shares)
    bound = hp.alpha[..., None] * share
    return torch.where(rows.at_pairs(rows.shares()) > 0, bound, torch.maximum(bound, share))
