"""Whether a run has converged: nothing moves any more."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]

TOLERANCE = 1e-5  # the report below writes it out
LEAST_UPDATES = 1000


class Convergence:
    """Compares tables that lie at least a window of updates apart.

    The run has settled when no Q, V or probability of any member moved by more than 1e-5 (relative to the largest
    value, where that is above 1) over the window: 1000 updates, an epoch, or two periods of a hard target copy,
    whichever is longest. A target that stands still between two copies is thus not taken for convergence.
    """

    def __init__(self, window: int) -> None:
        self.window = max(LEAST_UPDATES, window)
        self._armed = True
        self._since: tuple[int, dict[str, Array]] | None = None

    def restart(self, *, armed: bool = True, window: int | None = None) -> None:
        """Begin again, after a change; with `armed=False` nothing is reported: the run trains on regardless."""
        if window is not None:
            self.window = max(LEAST_UPDATES, window)
        self._armed, self._since = armed, None

    def see(self, step: int, tables: Mapping[str, Array], policy_loss: Array | None = None) -> str:
        """Take in the tables and the policy's loss `(M,)` at `step`; returns why the run is over, or nothing.

        A weighted cross-entropy below 0 has lost its floor: as long as it falls nothing has settled, however certain
        the policy is by then.
        """
        if not self._armed:
            return ""
        now = {name: tables[name] for name in ("q", "v", "policy") if name in tables}
        if policy_loss is not None:
            now["loss"] = np.minimum(policy_loss, 0)
        if self._since is None:
            self._since = (step, now)
            return ""
        before_step, before = self._since
        if step - before_step < self.window:
            return ""
        self._since = (step, now)
        if all(_moved(before[name], now[name]) <= TOLERANCE for name in now):
            return f"converged: no value changed by more than 10⁻⁵ in the last {step - before_step} updates"
        return ""


def _moved(before: Array, now: Array) -> float:
    both = np.isfinite(before) & np.isfinite(now)
    if not both.any():
        return 0.0
    distance = float(np.abs(now[both] - before[both]).max())
    return distance / max(1.0, float(np.abs(now[both]).max()))
