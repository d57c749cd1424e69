"""11. MPO: reweight a prior by the critic under a KL bound, then clone the result under another."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from offrl_core.algos import mpo
from offrl_core.in_torch.restated.base import Restated
from offrl_core.in_torch.restated.targets import one_step
from offrl_core.in_torch.rows import Rows


class MPO(Restated, of=mpo.MPO):
    """`q(a|s) ∝ prior(a|s) exp(Q'(s,a)/η)`, and the policy that is nearest to it within a step of `π_old`."""

    def loss(self, rows: Rows, hp: Any) -> dict[str, Tensor]:
        if hp.constraint == "none":
            log_pi, log_old = rows.policy.log_softmax(-1), rows.target_policy.log_softmax(-1).detach()
            old_next = rows.target_policy_next.softmax(-1)
        else:
            shown, shown_next = rows.counts > 0, rows.counts_next > 0
            log_pi, log_old = log_policy(rows.policy, shown), log_policy(rows.target_policy, shown).detach()
            # From a state without any action of the data there is nothing to bootstrap from: its value counts as 0.
            old_next = torch.where(shown_next, log_policy(rows.target_policy_next, shown_next).exp(), 0)
        if hp.prior == "policy":
            log_prior = log_old
        else:
            if hp.constraint == "none":
                log_prior = rows.behavior.log_softmax(-1).detach()
            else:
                log_prior = log_policy(rows.behavior, shown).detach()

        # E-step: two Newton steps in log η to where E KL(q ‖ prior) = ε, the dual's minimum.
        q, eta = rows.target_q.detach(), rows.memory["temperature"]
        for _ in range(2):
            x = q / eta[..., None]
            log_q = (log_prior + x).log_softmax(-1)
            kl = rows.mean(divergence(log_q, log_prior))[..., None]
            spread = (log_q.exp() * (x - (log_q.exp() * x).sum(-1, keepdim=True)) ** 2).sum(-1)
            step = (kl - hp.epsilon) / rows.mean(spread)[..., None].clamp(min=1e-12)
            eta = (eta * step.clamp(-1, 1).exp()).clamp(1e-4, 1e6)
        rows.memory["temperature"] = eta
        tilted = log_prior + q / eta[..., None]
        improved = tilted.softmax(-1)
        dual = rows.mean(eta * (hp.epsilon + tilted.logsumexp(-1)))

        # M-step: clone q; the KL to the old policy costs μ, which follows its constraint afterwards.
        mu = rows.memory["multiplier"]
        kl = divergence(log_old, log_pi)
        clone = -(improved * torch.where(improved > 0, log_pi, 0)).sum(-1)
        policy = rows.mean(clone + mu * (kl - hp.epsilon_policy))
        violation = rows.mean(kl.detach())[..., None] / hp.epsilon_policy - 1
        rows.memory["multiplier"] = (mu * (0.01 * violation.clamp(-1, 1)).exp()).clamp(1e-4, 1e4)

        # The critic evaluates the old policy.
        y = one_step(rows, hp, (old_next * rows.target_q_next).sum(-1))
        td = rows.mean(0.5 * (rows.taken(rows.q) - y) ** 2, where=rows.has_target)
        losses = {"policy": policy, "td": td, "dual": dual}
        if hp.prior == "behavior":
            losses["behavior"] = rows.mean(-rows.taken(rows.behavior.log_softmax(-1)))
        return losses

    def curvature(self, rows: Rows, hp: Any) -> dict[str, Tensor]:
        state = rows.at_states(rows.shares())
        found = {
            "policy": state * (1 + rows.memory_before["multiplier"][..., None]),
            "q": rows.at_pairs(rows.shares(rows.has_target)),
        }
        if hp.prior == "behavior":
            found["behavior"] = state
        return found

    def allowed_at(self, states: Rows, hp: Any) -> Tensor | None:
        return states.counts > 0 if hp.constraint == "counted" else None


def log_policy(logits: Tensor, shown: Tensor) -> Tensor:
    """`log π(a|s)` over the shown actions, −∞ for the others; where none is shown, over all."""
    return torch.where(shown | ~shown.any(-1, keepdim=True), logits, -torch.inf).log_softmax(-1)


def divergence(log_p: Tensor, log_q: Tensor) -> Tensor:
    """`KL(p ‖ q) = Σ_a p (log p − log q)`; `0 · log 0` is 0."""
    some = log_p > -torch.inf
    return (log_p.exp() * (torch.where(some, log_p, 0) - torch.where(some, log_q, 0))).sum(-1)
