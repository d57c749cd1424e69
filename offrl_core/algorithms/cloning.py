"""Part 1 of the lecture: one objective, `−E[w · log π_θ(a|s)]`; the systems differ in the weight `w`."""

from __future__ import annotations

from typing import Any

from offrl_core.algorithms.base import Algorithm
from offrl_core.algorithms.batch import Array, Batch
from offrl_core.algorithms.losses import softmax


class Cloning(Algorithm):
    """A system whose policy is a network of its own, fitted by weighted cloning."""

    group = "cloning"

    def policy(self, batch: Batch, hp: Any) -> Array:
        """`softmax` of the policy network."""
        return softmax(batch["policy"])
