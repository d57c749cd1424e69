"""What a learner is given for a recorded reward."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from offrl_core.columns import Array, DatasetError
from offrl_core.writing import number


@dataclass(frozen=True, slots=True)
class RewardRule:
    """`f(r) = scale · min(max(r, −clip), clip) + shift`.

    Attributes:
        scale: above 0.
        shift: added afterwards.
        clip: above 0; ∞ for none.

    Raises:
        DatasetError: one of them is not allowed.
    """

    scale: float = 1.0
    shift: float = 0.0
    clip: float = math.inf

    def __post_init__(self) -> None:
        for name, value, allowed in (
            ("scale", self.scale, 0.0 < self.scale < math.inf),
            ("shift", self.shift, math.isfinite(self.shift)),
            ("clip", self.clip, self.clip > 0.0),
        ):
            if not allowed:
                needed = "a finite number" if name == "shift" else "above 0"
                raise DatasetError(f"{name} = {value!r} is not allowed: it must be {needed}")

    def __call__(self, rewards: Array) -> Array:
        """The rewards that a learner is given."""
        return np.asarray(self.scale * np.clip(rewards, -self.clip, self.clip) + self.shift)

    def __bool__(self) -> bool:
        """Whether it changes anything."""
        return self != AS_LOGGED

    def __str__(self) -> str:
        inner = "r" if math.isinf(self.clip) else f"clip(r, ±{number(self.clip)})"
        scaled = inner if self.scale == 1.0 else f"{number(self.scale, 4)}·{inner}"
        if self.shift == 0.0:
            return scaled
        return f"{scaled} {'+' if self.shift > 0 else '−'} {number(abs(self.shift), 4)}"


AS_LOGGED = RewardRule()
"""The rewards themselves."""
