"""1. Behaviour cloning."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from offrl_core.algos.base import Loss
from offrl_core.algos.batch import Batch
from offrl_core.algos.cloning import Cloning
from offrl_core.algos.losses import weighted_cross_entropy
from offrl_core.declarations import Value


class BC(Cloning):
    """Behaviour cloning: imitate whatever the data shows, good and bad alike.

    Minimises `−E[log π_θ(a|s)]`, the cross-entropy to `π_β`, which is `KL(π_β ‖ π_θ)` up to a constant. A table ends at
    `π_θ = π_β`.
    """

    name = "bc"
    title = "Behaviour cloning"
    short_title = "BC"
    number = 1
    summary = "Copies the behaviour policy, good and bad alike."

    def equation_for(self, choices: Mapping[str, Value]) -> str:
        return r"\mathcal{L}(\theta) = -\mathbb{E}_{(s,a)\sim X}\left[\log \pi_\theta(a\mid s)\right]"

    def losses(self, batch: Batch, hp: Any) -> dict[str, Loss]:
        return {"policy": weighted_cross_entropy(batch, "policy")}
